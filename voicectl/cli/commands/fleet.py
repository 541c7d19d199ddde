"""`voicectl fleet`: list, validate, plan and drift over every project and environment under a directory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from voicectl.cli import printing, reports, wiring
from voicectl.cli.commands.catalog import columns_of
from voicectl.cli.commands.drift import statuses
from voicectl.cli.context import Context
from voicectl.cli.options import directories, subcommand
from voicectl.cli.reports import report_option
from voicectl.report.terminal import Style
from voicectl.version import VERSION

if TYPE_CHECKING:
    from voicectl.cli.fleet import Answer
    from voicectl.report.fleet_words import Row

F = TypeVar("F", bound=Callable[..., Any])
_TABLES = ("text", "csv", "json", "markdown")
_DRIFT = ("text", "csv", "json", "markdown", "junit", "sarif")
DEFAULT_JOBS = 4


def fleet_options(*formats: str) -> Callable[[F], F]:
    """What every command of the group takes."""

    def decorate(function: F) -> F:
        options = [
            click.option(
                "--root",
                type=click.Path(path_type=Path, exists=True, file_okay=False),
                default=Path(),
                metavar="DIR",
                shell_complete=directories,
                help="Where the projects are. Default: here.",
            ),
            click.option(
                "--jobs", type=click.IntRange(1, 64), default=DEFAULT_JOBS, metavar="N", show_default=True,
                help="Runs at once. Each may send as many requests as its project's `concurrency`.",
            ),
            click.option("--format", "fmt", type=click.Choice(formats), default="text", help="How to print it."),
            report_option(*formats),
        ]  # fmt: skip
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


@click.group(name="fleet", help="The same for every project and environment under a directory. Changes nothing.")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Remember the subcommand; it does the work."""
    ctx.ensure_object(Context).command = f"fleet {ctx.invoked_subcommand}"


@subcommand(name="list", help="One inventory of all catalogs.")
@fleet_options(*_TABLES)
@click.option("--columns", metavar="A,B,…", callback=columns_of, help="Which columns, also metadata.KEY.")
@click.option("--generations", is_flag=True, help="A row for each generation.")
@click.pass_obj
def list_all(
    context: Context, /, root: Path, jobs: int, fmt: str, columns: tuple[str, ...] | None, generations: bool
) -> int:
    answers = asked(context, root, ["list", *(["--generations"] if generations else [])], jobs)
    chosen = columns or (("name", "id", "state", "generation", "title") if fmt == "text" else None)
    return _told(context, answers, fmt, lambda fmt, style: _list(answers, fmt, style, chosen, generations))


@subcommand(name="validate", help="Check every catalog's files, offline.")
@fleet_options(*_TABLES)
@click.pass_obj
def validate_all(context: Context, /, root: Path, jobs: int, fmt: str) -> int:
    answers = asked(context, root, ["validate"], jobs)
    return _told(context, answers, fmt, lambda fmt, style: _table("validate", answers, fmt, style))


@subcommand(name="plan", help="Show what an apply of each catalog would do. Reads only.")
@fleet_options(*_TABLES)
@click.option("--offline", is_flag=True, help="Compare manifests and lockfiles only; needs no key.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 if any catalog has changes.")
@click.pass_obj
def plan_all(context: Context, /, root: Path, jobs: int, fmt: str, offline: bool, detailed_exitcode: bool) -> int:
    flags = [*(["--offline"] if offline else []), *(["--detailed-exitcode"] if detailed_exitcode else [])]
    answers = asked(context, root, ["plan", *flags], jobs)
    return _told(context, answers, fmt, lambda fmt, style: _table("plan", answers, fmt, style))


@subcommand(name="drift", help="Ask whether every account still is what was last applied. Reads only.")
@fleet_options(*_DRIFT)
@click.option("--unmanaged", is_flag=True, help="List models that no manifest claims, each once.")
@click.option("--fail-on", metavar="STATUS,…", callback=statuses, help="What ends with 2, as for `voicectl drift`.")
@click.pass_obj
def drift_all(context: Context, /, root: Path, jobs: int, fmt: str, unmanaged: bool, fail_on: tuple[str, ...]) -> int:
    flags = [*(["--unmanaged"] if unmanaged else []), "--fail-on", ",".join(fail_on)]
    answers = asked(context, root, ["drift", *flags], jobs)
    top = wiring.repository_prefix(context.path(root))
    return _told(context, answers, fmt, lambda fmt, style: _drift(answers, fmt, style, fail_on, top))


for _each in (list_all, validate_all, plan_all, drift_all):
    command.add_command(_each)


def asked(context: Context, root: Path, arguments: list[str], jobs: int) -> list[Answer]:
    """The answers of all catalogs. Raises UsageError where there is no project."""
    from voicectl.cli import fleet

    top = context.path(root)
    return fleet.run_all(top, fleet.members(top), arguments, jobs)


def _told(context: Context, answers: list[Answer], fmt: str, render: Callable[[str, Style], str]) -> int:
    from voicectl.cli.fleet import worst

    reports.write(context, lambda fmt: render(fmt, Style()))
    printing.out(render(fmt, printing.style(context)))
    return worst(1 if answer.member.error else answer.code for answer in answers)


def _rows(kind: str, answers: list[Answer]) -> list[Row]:
    """A row for each catalog: how it ended, and what it found in a line."""
    from voicectl.report.fleet_words import Row, summary

    return [
        Row(
            answer.member.directory,
            answer.member.catalog,
            answer.member.environment,
            1 if answer.member.error else answer.code,
            "" if answer.error else summary(kind, answer.document),
            answer.member.error or answer.error,
            answer.member.state,
        )
        for answer in answers
    ]


def _table(kind: str, answers: list[Answer], fmt: str, style: Style, fail_on: Sequence[str] = ()) -> str:
    from voicectl.report import fleet_words

    rows = _rows(kind, answers)
    if fmt == "json":
        return fleet_words.as_json(kind, rows, [answer.document for answer in answers])
    return fleet_words.table_of(kind, rows, fmt, style) + (
        fleet_words.details(kind, rows, [answer.document for answer in answers], fmt, style, fail_on)
        if fmt in ("text", "markdown")
        else ""
    )


def _drift(answers: list[Answer], fmt: str, style: Style, fail_on: Sequence[str], top: str) -> str:
    if fmt not in ("junit", "sarif"):
        return _table("drift", answers, fmt, style, fail_on)
    from voicectl.report import fleet_words

    rows = _rows("drift", answers)
    documents = [answer.document for answer in answers]
    return fleet_words.merged_drift(rows, documents, fmt, fail_on, version=VERSION, top=top)


def _list(answers: list[Answer], fmt: str, style: Style, columns: tuple[str, ...] | None, generations: bool) -> str:
    from voicectl.report import fleet_words

    rows = _rows("list", answers)
    documents = [answer.document for answer in answers]
    if fmt == "json":
        return fleet_words.as_json("list", rows, documents)
    return fleet_words.inventory(rows, documents, fmt, style, columns, generations=generations)
