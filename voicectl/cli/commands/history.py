"""`voicectl history`: which commit or run applied what, and when, from Git's log of the lockfile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from voicectl.cli import printing, reports, wiring
from voicectl.cli.context import Context
from voicectl.cli.options import subcommand, voice_names
from voicectl.cli.reports import report_option
from voicectl.errors import StateError, UsageError, VoicectlError
from voicectl.report.terminal import Style

if TYPE_CHECKING:
    from voicectl.hosting.git import Logged
    from voicectl.manifest.project import Project
    from voicectl.model.lock import Lock
    from voicectl.report.history_words import Happened, History, Receipts

_FORMATS = ("text", "csv", "json", "markdown")
MAX_VERSIONS = 5000
"""The most versions of a lockfile that are compared; older ones are left out, and the answer is not complete."""


class NoHistory(VoicectlError):
    """Git has no history of the lockfile."""

    code = "no_history"


@subcommand(name="history", help="Tell which commit or run applied what, and when.")
@click.argument("name", required=False, shell_complete=voice_names)
@click.option("--deleted", is_flag=True, help="Only what was deleted for withdrawn consents: a receipt.")
@click.option("--format", "fmt", type=click.Choice(_FORMATS), default="text", help="How to print it.")
@report_option(*_FORMATS)
@click.pass_obj
def command(context: Context, /, name: str | None, deleted: bool, fmt: str) -> int:
    project = wiring.project(context)
    found = _receipts(project, name) if deleted else read_history(project, name)
    if not found.complete and fmt in ("csv", "markdown"):
        from voicectl.report.history_words import INCOMPLETE

        context.log.warning(INCOMPLETE)
    reports.write(context, lambda fmt: _rendered(found, fmt, Style()))
    printing.out(_rendered(found, fmt, printing.style(context)))
    return 0


def read_history(project: Project, name: str | None) -> History:
    """What happened to all voices, or to one, the latest first. Raises HostingError, NoHistory, and UsageError for a
    name that nothing had."""
    from voicectl.hosting.publish import LOCKFILES
    from voicectl.report.history_words import History

    if project.former_state is not None:
        raise NoHistory(
            "the emulator's lockfile is not kept in Git, so it has no history",
            "name a file with `state` in voicectl.yaml, and commit it after each apply",
        )
    repository = wiring.repository(project)
    path = repository.prefix + project.state
    log = repository.log(path, MAX_VERSIONS)
    kept = f"refs/remotes/origin/{LOCKFILES}"
    if not log and repository.commit_of(kept) is not None:
        log = repository.log(path, MAX_VERSIONS, kept)
    if not log:
        raise NoHistory(
            f"{project.state} is in no commit of this branch",
            f"commit the lockfile after each apply; if CI keeps it on {LOCKFILES}, get that branch with "
            f"`git fetch origin {LOCKFILES}:{kept}`",
        )
    # At the edge of a shallow clone everything that is there looks new: who brought it, and when, is not known.
    edge = len(log) == MAX_VERSIONS or (repository.shallow and not repository.parents(log[-1].commit))
    by_commit: list[list[Happened]] = []
    earlier = None
    versions = repository.read_all([f"{entry.commit}:{path}" for entry in reversed(log)])
    for entry, data in zip(reversed(log), versions, strict=True):
        later = _lock(data, project.state)
        if later is not None:
            if not (edge and entry is log[-1]):
                by_commit.append(_happened(earlier, later, entry, name))
            earlier = later
    found = tuple(happened for some in reversed(by_commit) for happened in some)
    if not found and not edge and name is not None:
        raise UsageError(
            f"nothing in the history of {project.state} is called {name!r}", "`voicectl history` names all"
        )
    return History(project.catalog, project.environment, found, complete=not edge)


def _happened(earlier: Lock | None, later: Lock, entry: Logged, name: str | None) -> list[Happened]:
    from voicectl.plan.history import events
    from voicectl.report.history_words import Happened

    return [
        Happened(entry.at, entry.commit, entry.author, event)
        for event in events(earlier, later)
        if name is None or name in (event.name, event.previous_name)
    ]


def _lock(data: bytes | None, name: str) -> Lock | None:
    """A version of the lockfile; None for one that can't be read, such as a broken merge of long ago."""
    from voicectl.state.codec import decode

    try:
        return decode(data, name) if data else None
    except StateError:
        return None


def _receipts(project: Project, name: str | None) -> Receipts:
    from voicectl.report.history_words import Receipts

    lock, _ = wiring.store(project).load()
    deleted = tuple(gone for gone in (lock.deleted if lock else ()) if name in (None, gone.name))
    return Receipts(project.catalog, project.environment, deleted)


def _rendered(found: History | Receipts, fmt: str, style: Style) -> str:
    from voicectl.report import history_text, history_words, table
    from voicectl.report.document import versioned

    match fmt:
        case "json":
            return versioned(found)
        case "csv":
            return table.as_csv(*history_words.cells(found))
        case "markdown":
            return table.as_markdown(*history_words.cells(found))
    return history_text.render(found, style)
