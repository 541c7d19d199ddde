"""`voicectl list`."""

from __future__ import annotations

import click

from voicectl.cli.context import Context
from voicectl.cli.options import subcommand


@subcommand(name="list", help="List the catalog: manifests and lockfile side by side.")
@click.option("--format", "fmt", type=click.Choice(["table", "json"]), default="table", help="How to print it.")
@click.pass_obj
def command(context: Context, fmt: str) -> int:
    from voicectl.cli import printing, wiring
    from voicectl.engine.plan import load_state
    from voicectl.report import catalog_report

    project, catalog = wiring.load(context, read_samples=False)
    lock, _ = load_state(wiring.store(project), catalog, wiring.identity(project))
    rows = catalog_report.rows(catalog, lock)
    if fmt == "json":
        printing.out(catalog_report.list_json(catalog, rows))
    else:
        printing.out(catalog_report.table(rows, printing.style(context)))
    return 0
