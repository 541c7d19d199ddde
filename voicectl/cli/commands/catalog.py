"""`voicectl list`, `show` and `output`: the catalog, from manifests and lockfile alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from voicectl.cli import printing, reports, wiring
from voicectl.cli.context import Context
from voicectl.cli.options import subcommand, voice_names
from voicectl.cli.reports import report_option
from voicectl.report.terminal import Style

if TYPE_CHECKING:
    from voicectl.model.catalog import Catalog
    from voicectl.report.catalog_words import CatalogRow


def columns_of(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """The columns that `--columns` names."""
    if value is None:
        return None
    from voicectl.report.catalog_words import COLUMNS, known

    chosen = tuple(part.strip() for part in value.split(",") if part.strip())
    wrong = [column for column in chosen if not known(column)]
    if wrong or not chosen:
        raise click.BadParameter(f"{wrong[0] if wrong else value!r} is not one of {', '.join(COLUMNS)}, metadata.KEY.")
    return chosen


_LISTS = ("table", "csv", "markdown", "json")


@subcommand(name="list", help="List the catalog: manifests and lockfile side by side.")
@click.option("--format", "fmt", type=click.Choice(_LISTS), default="table", help="How to print it.")
@report_option(*_LISTS)
@click.option("--columns", metavar="A,B,…", callback=columns_of, help="Which columns, also metadata.KEY.")
@click.option("--generations", is_flag=True, help="A row for each generation.")
@click.pass_obj
def list_voices(context: Context, fmt: str, columns: tuple[str, ...] | None, generations: bool) -> int:
    from voicectl.engine.plan import load_state
    from voicectl.report import catalog_words

    project, catalog = wiring.load(context, read_samples=False)
    lock, _ = load_state(wiring.store(project), catalog, wiring.identity(project))
    rows = (catalog_words.generations if generations else catalog_words.rows)(catalog, lock)

    def rendered(fmt: str, style: Style) -> str:
        return _rendered(catalog, rows, fmt, columns or _default(fmt, generations), style)

    reports.write(context, lambda fmt: rendered(fmt, Style()))
    printing.out(rendered(fmt, printing.style(context)))
    return 0


def _default(fmt: str, generations: bool) -> tuple[str, ...]:
    from voicectl.report.catalog_words import INVENTORY, OF_GENERATIONS, TABLE

    if generations:
        return OF_GENERATIONS
    return TABLE if fmt == "table" else INVENTORY


def _rendered(catalog: Catalog, rows: list[CatalogRow], fmt: str, columns: tuple[str, ...], style: Style) -> str:
    match fmt:
        case "json":
            from voicectl.report import catalog_json

            return catalog_json.list_json(catalog, rows)
        case "csv" | "markdown":
            from voicectl.report import table
            from voicectl.report.catalog_words import cell

            cells = ([cell(row, column) for column in columns] for row in rows)
            return (table.as_csv if fmt == "csv" else table.as_markdown)(columns, cells)
    from voicectl.report import catalog_text

    return catalog_text.table(rows, style, columns)


@subcommand(name="show", help="Show one voice with its generations: what the manifest wants and what was applied.")
@click.argument("name", shell_complete=voice_names)
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
@click.pass_obj
def show(context: Context, name: str, fmt: str) -> int:
    from difflib import get_close_matches

    from voicectl.engine.plan import load_state
    from voicectl.errors import UsageError
    from voicectl.report import catalog_json, catalog_text

    project, catalog = wiring.load(context)
    lock, _ = load_state(wiring.store(project), catalog, wiring.identity(project))
    known = {*catalog.voices, *lock.voices, *lock.removed}
    if name not in known:
        close = get_close_matches(name, known, 1)
        hint = f"did you mean '{close[0]}'?" if close else "`voicectl list` shows the names"
        raise UsageError(f"there is no voice {name!r}", hint)
    if fmt == "json":
        printing.out(catalog_json.show_json(name, catalog, lock))
    else:
        printing.out(catalog_text.show_text(name, catalog, lock, printing.style(context)))
    return 0


@subcommand(name="output", help="Print name to id for applications, from the lockfile alone.")
@click.option("--format", "fmt", type=click.Choice(["env", "json", "yaml"]), default="env", help="How to print it.")
@click.option("--prefix", default="VOICE_", metavar="P", show_default=True, help="For names of variables.")
@click.pass_obj
def output(context: Context, fmt: str, prefix: str) -> int:
    import re
    from collections import Counter

    from voicectl.errors import Refused, StateError, UsageError
    from voicectl.report import catalog_json

    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*|", prefix):
        raise UsageError(f"--prefix {prefix!r} can't begin the name of a variable", "use letters, digits and _")
    store = wiring.store(wiring.project(context))
    lock, _ = store.load()
    if lock is None:
        raise StateError(f"there is no {store.location} yet", "run `voicectl apply` first")
    found, left_out = catalog_json.ids(lock)
    for name in left_out:
        context.log.warning(f"{name} is left out: its model is {lock.voices[name].state}")
    if fmt == "env":
        names = Counter(catalog_json.variable(name, prefix) for name in found)
        twice = sorted(name for name, count in names.items() if count > 1)
        if twice:
            raise Refused(f"several voices would be {', '.join(twice)}", "use --format json")
    speech = wiring.speech_models(context) if fmt != "env" else {}
    speech = {name: model for name, model in speech.items() if name in found}
    printing.out(catalog_json.output(found, fmt, prefix, speech))
    return 0
