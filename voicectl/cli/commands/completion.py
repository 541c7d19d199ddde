"""`voicectl completion`."""

from __future__ import annotations

import click

from voicectl.cli.context import Context
from voicectl.cli.options import subcommand


@subcommand(name="completion", help="Print a shell completion script.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_obj
def command(context: Context, shell: str) -> int:
    from click.shell_completion import get_completion_class

    from voicectl.cli import printing
    from voicectl.cli.main import COMPLETE, cli

    made = get_completion_class(shell)
    assert made is not None
    printing.out(made(cli, {}, "voicectl", COMPLETE).source() + "\n")
    return 0
