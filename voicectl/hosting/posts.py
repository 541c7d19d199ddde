"""Reports where people look: one comment a catalog on a pull request, one issue a catalog for its drift.

We find both again by a hidden first line. A hosting has no idempotency keys, so if the answer to a post is lost, we
look for the post before we write it again. Of two posts with the same first line we keep the older.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from voicectl.hosting.port import Hosting, HostingError, Job, NotAllowed, Post
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
        """The hidden line. It quotes names, so that none can end it and no two look alike."""
        return f"<!-- voicectl {self.kind} at {quote(self.project or '.')} {quote(self.environment or '-')} -->"


def publish_comment(hosting: Hosting, subject: Subject, report: str, *, only_update: bool) -> Post | None:
    """Write the report into our comment, or into a new one. With `only_update` write no new one; None then."""
    body = _body(subject, report, hosting.job)

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
        # Another run wrote one at the same time.
        hosting.delete_comment(written)
        return hosting.comment(body, oldest)
    return written


def publish_issue(hosting: Hosting, subject: Subject, title: str, report: str) -> Post:
    """Write the report into our open issue, or open one."""
    body = _body(subject, report, hosting.job)

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
    """Close our open issues on the subject, and return them."""
    found = list(_about(hosting.issues(), subject))
    for post in found:
        hosting.close_issue(post, f"The newest drift report finds nothing here.{_link(hosting.job)}\n")
    return found


def _once(write: Callable[[], Post], find: Callable[[], Iterator[Post]]) -> Post:
    """Write. If no answer comes, look whether the post arrived all the same."""
    try:
        return write()
    except NotAllowed:
        raise
    except HostingError:
        return next(find(), None) or write()


def _about(posts: Iterable[Post], subject: Subject) -> Iterator[Post]:
    return (post for post in posts if post.body.split("\n", 1)[0].strip() == subject.marker)


def _body(subject: Subject, report: str, job: Job) -> str:
    """The report between its marker and the commit that it was made from."""
    commit = f"\n<sub>Commit {job.commit[:12]}.{_link(job)}</sub>\n" if job.commit else ""
    room = MAX_CHARACTERS - len(subject.marker) - len(commit)
    return f"{subject.marker}\n{_cut(redacted(report), room).rstrip()}\n{commit}"


def _cut(report: str, room: int) -> str:
    """At most `room` characters. A line says what was cut, and an open block of code is closed."""
    if len(report) <= room:
        return report
    last = "\n**Cut here:** the log of the run shows the rest.\n"
    kept = report[: room - len(last) - 100].rpartition("\n")[0]
    fences = _FENCE.findall(kept)
    return f"{kept}\n{fences[-1] if len(fences) % 2 else ''}\n{last}"


def _link(job: Job) -> str:
    return f" [The run]({job.url})." if job.url else ""
