"""`voicectl show NAME`."""

from __future__ import annotations

import click

from voicectl.cli.context import Context
from voicectl.cli.options import subcommand, voice_names


@subcommand(name="show", help="Show one voice with its generations: what the manifest wants and what was applied.")
@click.argument("name", shell_complete=voice_names)
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
@click.pass_obj
def command(context: Context, name: str, fmt: str) -> int:
    from difflib import get_close_matches

    from voicectl.cli import printing, wiring
    from voicectl.engine.plan import load_state
    from voicectl.errors import UsageError
    from voicectl.report import catalog_report

    project, catalog = wiring.load(context)
    lock, _ = load_state(wiring.store(project), catalog, wiring.identity(project))
    known = {*catalog.voices, *lock.voices, *lock.removed}
    if name not in known:
        close = get_close_matches(name, known, 1)
        hint = f"did you mean '{close[0]}'?" if close else "`voicectl list` shows the names"
        raise UsageError(f"there is no voice {name!r}", hint)
    if fmt == "json":
        printing.out(catalog_report.show_json(name, catalog, lock))
    else:
        printing.out(catalog_report.show_text(name, catalog, lock, printing.style(context)))
    return 0
