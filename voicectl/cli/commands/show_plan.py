"""`voicectl show-plan`."""

from __future__ import annotations

from pathlib import Path

import click

from voicectl.cli.context import Context
from voicectl.cli.options import max_bytes_option, plan_format, subcommand


@subcommand(name="show-plan", help="Print a saved plan. Needs no project and no key.")
@click.argument("file", type=click.Path(path_type=Path))
@plan_format
@max_bytes_option
@click.pass_obj
def command(context: Context, /, file: Path, fmt: str, max_bytes: int) -> int:
    from voicectl.cli import plan_file, printing
    from voicectl.cli.planning import rendered

    printing.out(rendered(plan_file.read(context.path(file)), fmt, context, max_bytes=max_bytes))
    return 0
