"""Reports where people look: one comment a catalog on a pull request, one issue a catalog for its drift.

Both are found again by a hidden first line. A hosting has no idempotency key either, so after writing a new one it is
looked for again: of two that say to be the same, the oldest stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from voicectl.hosting.port import Hosting, HostingError, NotAllowed, Post, Run

LABEL = "voicectl-drift"
MAX_CHARACTERS = 65_000
"""GitHub takes 65,536 in a comment or an issue, GitLab a million."""


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
        """The hidden line, without what could end it early."""
        name = f"{self.project or '.'} {self.environment or ''}".strip().replace("--", "- -").replace(">", "")
        return f"<!-- voicectl {self.kind} for {name} -->"


def publish_comment(hosting: Hosting, subject: Subject, report: str, *, only_update: bool) -> Post | None:
    """Write the report into our comment, or into a new one; None where there is none and `only_update` is asked."""
    body = _body(subject, report, hosting.run)
    ours = _first(hosting.comments(), subject)
    if ours is not None:
        return hosting.comment(body, ours)
    if only_update:
        return None
    written = _once(lambda: hosting.comment(body, None), lambda: _first(hosting.comments(), subject))
    oldest = _first(hosting.comments(), subject)
    if oldest is not None and oldest.id != written.id:
        # Another run was as quick as this one.
        hosting.delete_comment(written)
        return hosting.comment(body, oldest)
    return written


def publish_issue(hosting: Hosting, subject: Subject, title: str, report: str) -> Post:
    """Write the report into our open issue, or open one."""
    body = _body(subject, report, hosting.run)
    ours = _first(hosting.issues(LABEL), subject)
    if ours is not None:
        return hosting.issue(title, body, LABEL, ours)
    return _once(lambda: hosting.issue(title, body, LABEL, None), lambda: _first(hosting.issues(LABEL), subject))


def close_issue(hosting: Hosting, subject: Subject) -> list[Post]:
    """Close our open issues on the subject; which they were."""
    found = [post for post in hosting.issues(LABEL) if _about(post, subject)]
    run = hosting.run
    for post in found:
        hosting.close_issue(post, f"The newest audit found no drift.{_link(run)}\n")
    return found


def _once(write: Callable[[], Post], find: Callable[[], Post | None]) -> Post:
    """Write, and where no answer came, look whether it arrived all the same."""
    try:
        return write()
    except NotAllowed:
        raise
    except HostingError:
        return find() or write()


def _first(posts: Iterable[Post], subject: Subject) -> Post | None:
    return next((post for post in posts if _about(post, subject)), None)


def _about(post: Post, subject: Subject) -> bool:
    return post.body.split("\n", 1)[0].strip() == subject.marker


def _body(subject: Subject, report: str, run: Run) -> str:
    """The report with its marker before it and, at its end, what it was made from."""
    commit = f"\n<sub>Commit {run.commit[:12]}.{_link(run)}</sub>\n" if run.commit else ""
    room = MAX_CHARACTERS - len(subject.marker) - len(commit)
    if len(report) > room:
        cut = "\n```\n\n**Cut here:** the log of the run shows the rest.\n"
        report = report[: room - len(cut)].rpartition("\n")[0] + cut
    return f"{subject.marker}\n{report.rstrip()}\n{commit}"


def _link(run: Run) -> str:
    return f" [The run]({run.url})." if run.url else ""
