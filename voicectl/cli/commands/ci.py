"""`voicectl ci`."""

from __future__ import annotations

from pathlib import Path

import click

from voicectl.cli.context import Context
from voicectl.cli.options import subcommand

_WAYS = click.Choice(["push", "pull-request", "branch"])
_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_exit_code = click.option(
    "--exit-code", type=click.IntRange(0, 255), required=True, metavar="N", help="What the command ended with."
)


@click.group(name="ci", help="Report to a pull request or an issue, and bring the lockfile into Git.")
@click.pass_context
def command(ctx: click.Context) -> None:
    """The commands below do the work."""
    ctx.ensure_object(Context).command = f"ci {ctx.invoked_subcommand}"


@subcommand(
    name="comment",
    short_help="Put a report on the pull request.",
    help="Put a report on the pull request: one comment a catalog, updated in place.",
)
@_file
@_exit_code
@click.pass_obj
def comment(context: Context, /, file: Path, exit_code: int) -> int:
    from voicectl.cli import publishing

    publishing.comment(context, context.path(file), exit_code)
    return 0


@subcommand(
    name="issue",
    short_help="Keep an issue open while there is drift.",
    help="Keep one open issue a catalog while `drift` finds any.",
)
@_file
@_exit_code
@click.pass_obj
def issue(context: Context, /, file: Path, exit_code: int) -> int:
    from voicectl.cli import publishing

    publishing.issue(context, context.path(file), exit_code)
    return 0


@subcommand(
    name="fetch-lockfile",
    short_help="Take the lockfile from its branch.",
    help="Before a run: take the lockfile from the branch that it is kept on.",
)
@click.option("--way", type=_WAYS, default="push", show_default=True, help="How the lockfile gets into Git.")
@click.option("--branch", metavar="NAME", help="The branch that it is kept on.")
@click.pass_obj
def fetch_lockfile(context: Context, /, way: str, branch: str | None) -> int:
    from voicectl.cli import publishing

    publishing.fetch_lockfile(context, way, branch)
    return 0


@subcommand(
    name="push-lockfile",
    short_help="Commit the lockfile and push it.",
    help="After an apply, however it ended: commit the lockfile and push it.",
)
@click.option("--way", type=_WAYS, default="push", show_default=True, help="How the lockfile gets into Git.")
@click.option("--branch", metavar="NAME", help="The branch that it is kept on.")
@click.option("--into", metavar="NAME", help="The branch that was applied. Default: the one that is checked out.")
@click.pass_obj
def push_lockfile(context: Context, /, way: str, branch: str | None, into: str | None) -> int:
    from voicectl.cli import publishing

    publishing.push_lockfile(context, way, branch, into)
    return 0


@subcommand(
    name="check-lockfile",
    short_help="Tell whether it was changed by hand.",
    help="Say whether the lockfile was changed by hand.",
)
@click.option("--staged", is_flag=True, help="What is to be committed now: fail unless voicectl wrote it.")
@click.option("--base", metavar="REV", help="What a pull request starts from. Default: what the hosting says.")
@click.option("--strict", is_flag=True, help="Exit 3 where a pull request changes it.")
@click.option("--format", "fmt", type=click.Choice(["text", "markdown"]), default="text", help="How to print it.")
@click.pass_obj
def check_lockfile(context: Context, /, staged: bool, base: str | None, strict: bool, fmt: str) -> int:
    from voicectl.cli import lockfile_checks

    if staged:
        return lockfile_checks.staged(context)
    return lockfile_checks.pull_request(context, base, strict=strict, fmt=fmt)


for each in (comment, issue, fetch_lockfile, push_lockfile, check_lockfile):
    command.add_command(each)
