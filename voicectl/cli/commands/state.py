"""`voicectl state`."""

from __future__ import annotations

from pathlib import Path

import click

from voicectl.cli.context import Context
from voicectl.cli.options import subcommand


@click.group(name="state", help="Recover the lockfile.")
@click.pass_context
def command(ctx: click.Context) -> None:
    """The commands below do the work."""
    ctx.ensure_object(Context).command = f"state {ctx.invoked_subcommand}"


@subcommand(name="rebuild", help="Write the lockfile from the account and the manifests. Keeps a backup.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def rebuild(context: Context, /, yes: bool) -> int:
    from voicectl.cli import recovering

    recovering.rebuild(context, yes=yes)
    return 0


@subcommand(name="unlock", help="Take the lock away from a run that hangs. Shows the holder, and keeps a backup.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def unlock(context: Context, /, yes: bool) -> int:
    from voicectl.cli import recovering

    recovering.unlock(context, yes=yes)
    return 0


@subcommand(name="merge", help="Merge two lockfiles voice by voice, into OURS. A Git merge driver.")
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("ours", type=click.Path(path_type=Path))
@click.argument("theirs", type=click.Path(path_type=Path))
@click.pass_obj
def merge(context: Context, /, base: Path, ours: Path, theirs: Path) -> int:
    from voicectl.cli import recovering

    recovering.merge_files(*(context.path(path) for path in (base, ours, theirs)))
    return 0


@subcommand(
    name="move",
    short_help="Take a catalog along into an environment or a new name.",
    help="Take a catalog along into the environment that --env names, or, without environments, to the catalog's new "
    "name: rewrite its models' ownership tags and its lockfile. Ids stay.",
)
@click.option("--from", "source", metavar="FILE", help="The lockfile to move. Default: the one of another name.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def move(context: Context, /, source: str | None, yes: bool) -> int:
    from voicectl.cli import renaming

    renaming.move(context, source=source, yes=yes)
    return 0


command.add_command(rebuild)
command.add_command(move)
command.add_command(merge)
command.add_command(unlock)
