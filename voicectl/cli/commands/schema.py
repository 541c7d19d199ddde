"""`voicectl schema`."""

from __future__ import annotations

import click

from voicectl.cli.context import Context
from voicectl.cli.options import subcommand
from voicectl.cli.schemas import KINDS


@subcommand(name="schema", help="Print a JSON Schema of one of the formats, for editors and checks.")
@click.argument("kind", type=click.Choice(KINDS))
@click.pass_obj
def command(context: Context, kind: str) -> int:
    from voicectl.cli import printing
    from voicectl.cli.schemas import schema_text

    printing.out(schema_text(kind))
    return 0
