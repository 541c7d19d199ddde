"""`voicectl init`."""

from __future__ import annotations

from pathlib import Path

import click

from voicectl.cli.context import Context
from voicectl.cli.options import directories, subcommand


@subcommand(name="init", help="Write a project that validates, with the emulator as provider. Never overwrites.")
@click.argument(
    "directory", type=click.Path(path_type=Path), metavar="[DIR]", default=Path("."), shell_complete=directories
)
@click.pass_obj
def command(context: Context, directory: Path) -> int:
    from voicectl.cli import printing
    from voicectl.cli.starter import write_starter

    target = (context.chdir or Path()) / directory
    for written in write_starter(target):
        context.log.note(f"wrote {written}")
    where = "" if target.resolve() == Path.cwd() else f"cd {target} && "
    printing.out(f"Next: {where}voicectl validate && voicectl apply\n")
    return 0
