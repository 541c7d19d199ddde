"""`voicectl state`."""

from __future__ import annotations

import click

from voicectl.cli.options import Globals, subcommand


@click.group(name="state", help="Recover the lockfile.")
def command() -> None:
    """The commands below do the work."""


@subcommand(name="rebuild", help="Write the lockfile from the account and the manifests. Keeps a backup.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def rebuild(settings: Globals, /, yes: bool) -> int:
    from voicectl.cli import recovering

    recovering.rebuild(settings, yes=yes)
    return 0


@subcommand(name="unlock", help="Take the lock away from a run that hangs. Shows the holder, and keeps a backup.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def unlock(settings: Globals, /, yes: bool) -> int:
    from voicectl.cli import recovering

    recovering.unlock(settings, yes=yes)
    return 0


command.add_command(rebuild)
command.add_command(unlock)
