"""What voicectl asks of a Git hosting: comments and issues of its own. And how that may fail.

    HostingError             1   Git or its hosting would not do what was asked
    ├── NotAllowed           1   the token may not do that
    └── Unreachable          1   Git did not get through to the remote

A hosting is asked for its own posts only: those that the token's account wrote. A stranger's comment may copy any text
of ours, and must never be taken for one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from voicectl.errors import VoicectlError


class HostingError(VoicectlError):
    """Git, or the service that hosts the repository, would not do what was asked."""

    code = "hosting"


class Unreachable(HostingError):
    """Git did not get through to the remote: nothing is known of what it would have said."""


class NotAllowed(HostingError):
    """The token may not do that: a pull request from a fork, or a permission that the workflow lacks."""


@dataclass(frozen=True, slots=True)
class Post:
    """A comment or an issue: its number, its text and its address."""

    id: int
    body: str
    url: str


@dataclass(frozen=True, slots=True)
class Remote:
    """Where to fetch from and push to; `settings` are Git settings that hold the credentials, in this order."""

    url: str
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What a run is about, as far as its environment tells. A pull request is GitLab's merge request, too."""

    branch: str | None
    """The branch that it works for: where a lockfile goes."""
    commit: str | None
    """What a reader would call the commit: a pull request's head, not the merge that was checked out."""
    url: str | None
    """Where its log is."""
    pull_request: bool
    merged: bool = False
    """Whether the service checked out its own merge of a pull request with its base."""


class Hosting(Protocol):
    """Comments and issues. Every method raises HostingError, NotAllowed among them."""

    @property
    def run(self) -> Run:
        """What this run is about."""

    @property
    def remote(self) -> Remote:
        """How Git reaches the repository."""

    @property
    def author(self) -> tuple[str, str]:
        """Name and address for commits."""

    def base(self) -> str | None:
        """The revision that a pull request starts from, where the hosting tells."""

    def comments(self) -> Iterator[Post]:
        """Our comments on the pull request at hand, oldest first."""

    def comment(self, body: str, post: Post | None) -> Post:
        """Write a comment, or write another text into one."""

    def delete_comment(self, post: Post) -> None:
        """Take a comment away."""

    def issues(self) -> Iterator[Post]:
        """Our open issues, oldest first."""

    def issue(self, title: str, body: str, label: str, post: Post | None) -> Post:
        """Open an issue with a label, or write another text into one."""

    def close_issue(self, post: Post, comment: str) -> None:
        """Close an issue, with a last word."""


Environment = Mapping[str, str]
"""Environment variables."""
