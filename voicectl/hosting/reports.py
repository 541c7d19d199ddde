"""Reports where people look: one comment a catalog on a pull request, one issue a catalog for its drift.

Both are found again by a hidden first line. A hosting has no idempotency key either, so a post whose answer was lost is
looked for before it is written again, and of two that say to be the same the oldest stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from voicectl.hosting.port import Hosting, HostingError, NotAllowed, Post, Run
from voicectl.redaction import redacted

LABEL = "voicectl-drift"
MAX_CHARACTERS = 65_000
"""GitHub takes 65,536 in a comment or an issue, GitLab a million."""
_FENCE = re.compile(r"^(`{3,})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is about: a project, by its place in the repository, in one environment."""

    kind: str
    """plan | drift"""
    project: str
    """The directory: empty for the repository's own, or with a slash at its end."""
    environment: str | None

    @property
    def marker(self) -> str:
        """The hidden line. Quoted, so that nothing in a name can end it, and no two names look alike."""
        return f"<!-- voicectl {self.kind} at {quote(self.project or '.')} {quote(self.environment or '-')} -->"


def publish_comment(hosting: Hosting, subject: Subject, report: str, *, only_update: bool) -> Post | None:
    """Write the report into our comment, or into a new one; None where there is none and `only_update` is asked."""
    body = _body(subject, report, hosting.run)

    def ours() -> Iterator[Post]:
        return _about(hosting.comments(), subject)

    before = next(ours(), None)
    if before is not None:
        return hosting.comment(body, before)
    if only_update:
        return None
    written = _once(lambda: hosting.comment(body, None), ours)
    oldest = next(ours(), written)
    if oldest.id != written.id:
        # Another run was as quick as this one.
        hosting.delete_comment(written)
        return hosting.comment(body, oldest)
    return written


def publish_issue(hosting: Hosting, subject: Subject, title: str, report: str) -> Post:
    """Write the report into our open issue, or open one."""
    body = _body(subject, report, hosting.run)

    def ours() -> Iterator[Post]:
        return _about(hosting.issues(), subject)

    before = next(ours(), None)
    if before is not None:
        return hosting.issue(title, body, LABEL, before)
    written = _once(lambda: hosting.issue(title, body, LABEL, None), ours)
    oldest = next(ours(), written)
    if oldest.id != written.id:
        hosting.close_issue(written, f"Opened twice: see {oldest.url}\n")
        return hosting.issue(title, body, LABEL, oldest)
    return written


def close_issue(hosting: Hosting, subject: Subject) -> list[Post]:
    """Close our open issues on the subject; which they were."""
    found = list(_about(hosting.issues(), subject))
    for post in found:
        hosting.close_issue(post, f"The newest audit finds nothing to do here.{_link(hosting.run)}\n")
    return found


def _once(write: Callable[[], Post], find: Callable[[], Iterator[Post]]) -> Post:
    """Write, and where no answer came, look whether it arrived all the same."""
    try:
        return write()
    except NotAllowed:
        raise
    except HostingError:
        return next(find(), None) or write()


def _about(posts: Iterable[Post], subject: Subject) -> Iterator[Post]:
    return (post for post in posts if post.body.split("\n", 1)[0].strip() == subject.marker)


def _body(subject: Subject, report: str, run: Run) -> str:
    """The report with its marker before it and, at its end, what it was made from."""
    commit = f"\n<sub>Commit {run.commit[:12]}.{_link(run)}</sub>\n" if run.commit else ""
    room = MAX_CHARACTERS - len(subject.marker) - len(commit)
    return f"{subject.marker}\n{_cut(redacted(report), room).rstrip()}\n{commit}"


def _cut(report: str, room: int) -> str:
    """At most `room` characters, with a line that says so; a block of code that is cut is closed."""
    if len(report) <= room:
        return report
    last = "\n**Cut here:** the log of the run shows the rest.\n"
    kept = report[: room - len(last) - 100].rpartition("\n")[0]
    fences = _FENCE.findall(kept)
    return f"{kept}\n{fences[-1] if len(fences) % 2 else ''}\n{last}"


def _link(run: Run) -> str:
    return f" [The run]({run.url})." if run.url else ""
