"""`voicectl ci`: reports where people look, and the lockfile's way into Git."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from voicectl.cli import wiring
from voicectl.cli.commands.ci_lockfile import EDITED, check_lockfile, fetch_lockfile, push_lockfile
from voicectl.cli.context import Context
from voicectl.cli.options import subcommand
from voicectl.errors import UsageError

if TYPE_CHECKING:
    from voicectl.hosting.port import Hosting
    from voicectl.hosting.posts import Subject

_NO_CHANGES, _DRIFT = 0, 2
_MAX_REPORT = 16 * 1024 * 1024
_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_exit_code = click.option(
    "--exit-code", type=click.IntRange(0, 255), required=True, metavar="N", help="What the command ended with."
)


@click.group(name="ci", help="Report to a pull request or an issue, and bring the lockfile into Git.")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Remember the subcommand; it does the work."""
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
    run_comment(context, context.path(file), exit_code)
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
    run_issue(context, context.path(file), exit_code)
    return 0


for each in (comment, issue, fetch_lockfile, push_lockfile, check_lockfile):
    command.add_command(each)


def run_comment(context: Context, file: Path, exit_code: int) -> None:
    """Publish a plan. A plan without changes only replaces an earlier one, unless the lockfile was edited.

    A token that may not comment is no failure: a pull request from a fork has none that may.
    """
    from voicectl.hosting import posts
    from voicectl.hosting.port import NotAllowed

    hosting = _hosting()
    if not hosting.job.pull_request:
        context.log.note("this run belongs to no pull request: there is nothing to comment on")
        return
    subject, report = _subject(context, "plan"), _read(file)
    quiet = exit_code == _NO_CHANGES and EDITED not in report
    try:
        post = posts.publish_comment(hosting, subject, report, only_update=quiet)
    except NotAllowed as error:
        context.log.warning(f"no comment was written: {error.message}; {error.hint}")
        return
    context.log.note(f"comment: {post.url}" if post else "no changes, and no earlier comment to update")


def run_issue(context: Context, file: Path, exit_code: int) -> None:
    """Open or update the issue if there is drift, close it if there is none, leave it if `drift` failed."""
    from voicectl.hosting import posts

    hosting = _hosting()
    subject = _subject(context, "drift")
    if exit_code == _DRIFT:
        title = f"voicectl: drift in {wiring.project(context).namespace}"
        post = posts.publish_issue(hosting, subject, title, _read(file))
        context.log.note(f"issue: {post.url}")
    elif exit_code == _NO_CHANGES:
        closed = posts.close_issue(hosting, subject)
        context.log.note(f"closed: {', '.join(post.url for post in closed)}" if closed else "no issue is open")
    else:
        context.log.note("the command failed, so the issue stays as it is")


def _hosting() -> Hosting:
    from voicectl.hosting.port import HostingError

    hosting = wiring.hosting()
    if hosting is not None:
        return hosting
    raise HostingError(
        "this runs neither in GitHub Actions nor in GitLab CI",
        "elsewhere, `--report markdown=FILE` writes the same report for whatever your CI does with it",
    )


def _subject(context: Context, kind: str) -> Subject:
    """What a report is about. The project may be invalid; then the report says so."""
    from voicectl.hosting.git import Repository
    from voicectl.hosting.posts import Subject
    from voicectl.manifest.project import find_project

    root = find_project(chdir=context.chdir)
    return Subject(kind, Repository(root).prefix, context.environment)


def _read(file: Path) -> str:
    if file.is_symlink() and not file.is_relative_to("/dev"):  # such as /dev/stdin
        raise UsageError(f"{file} is a link, and one from a checkout may lead anywhere", "name the report itself")
    try:
        with file.open("rb") as opened:
            return opened.read(_MAX_REPORT).decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(
            f"{file} can't be read: {error.strerror or error}", "name a file that --report wrote"
        ) from error
