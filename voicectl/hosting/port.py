"""What voicectl asks of a Git hosting: its own comments and issues. And how that may fail.

    HostingError             1   Git or its hosting would not do what was asked
    ├── NotAllowed           1   the token may not do that
    └── Unreachable          1   Git did not get through to the remote

We only look at our own posts: those that the token's account wrote. A stranger's comment may copy any text of ours, and
must never count as one.
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
    """Git did not get through to the remote, so we don't know what it would have said."""


class NotAllowed(HostingError):
    """The token may not do that: it is of a pull request from a fork, or the workflow lacks a permission."""


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
class Job:
    """What the CI runs us for, as far as its variables say. A pull request is GitLab's merge request, too."""

    branch: str | None
    """The branch that it works for, where a lockfile goes."""
    commit: str | None
    """The commit as a reader knows it: a pull request's head, not the merge that is checked out."""
    url: str | None
    """Where its log is."""
    pull_request: bool
    merged: bool = False
    """Whether the service checked out its own merge of a pull request with its base."""


class Hosting(Protocol):
    """Comments and issues. Every method raises HostingError, NotAllowed among them."""

    @property
    def job(self) -> Job:
        """What the CI runs us for."""

    @property
    def remote(self) -> Remote:
        """How Git reaches the repository."""

    @property
    def author(self) -> tuple[str, str]:
        """Name and address for commits."""

    def base(self) -> str | None:
        """The revision that a pull request starts from, if the hosting says."""

    def comments(self) -> Iterator[Post]:
        """Our comments on the pull request at hand, oldest first."""

    def comment(self, body: str, post: Post | None) -> Post:
        """Write a comment, or replace the text of one."""

    def delete_comment(self, post: Post) -> None:
        """Delete a comment."""

    def issues(self) -> Iterator[Post]:
        """Our open issues, oldest first."""

    def issue(self, title: str, body: str, label: str, post: Post | None) -> Post:
        """Open an issue with a label, or replace the text of one."""

    def close_issue(self, post: Post, comment: str) -> None:
        """Close an issue, with a last comment."""


Environment = Mapping[str, str]
"""Environment variables."""
