"""`voicectl completion`: the script that a shell needs."""

from __future__ import annotations

import click

from voicectl.cli import printing
from voicectl.cli.context import COMPLETE
from voicectl.cli.options import subcommand


@subcommand(name="completion", help="Print a shell completion script.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    printing.out(made(ctx.find_root().command, {}, "voicectl", COMPLETE).source() + "\n")
    return 0
