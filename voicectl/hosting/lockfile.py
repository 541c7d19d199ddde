"""The lockfile's way into Git: committed beside the work tree, merged voice by voice with what others pushed.

Three ways, for three kinds of protection:

    push          onto the branch that was applied
    pull-request  onto a branch of our own, from which a pull request is kept open until somebody merges it
    branch        onto a branch that holds lockfiles alone, where the next run reads them
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voicectl.errors import StateError
from voicectl.hosting.git import PushRefused, Repository
from voicectl.hosting.port import HostingError
from voicectl.model.lock import Lock
from voicectl.state.content import decode, encode
from voicectl.state.merging import merge
from voicectl.whole_file import replace_file

Way = Literal["push", "pull-request", "branch"]
WAYS: tuple[Way, ...] = ("push", "pull-request", "branch")
ATTEMPTS = 10
_PATIENCE = 3
"""Refusals at the same tip that can't be a race any more: one may be the end of another's push."""
SKIP = "[skip ci]"
"""Nothing is started for a commit that says so (GitHub: "Skipping workflow runs"; GitLab: "Skip a pipeline")."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a lockfile goes."""

    path: str
    """The lockfile's place in the repository."""
    file: Path
    """The same on this disk."""
    way: Way
    branch: str
    """Where it is pushed."""
    into: str
    """Where a pull request goes: what was applied."""
    subject: str
    """Names the catalog: `acme.production`."""

    @property
    def message(self) -> str:
        """The commit's message. A pull request is to be checked, so nothing is skipped there."""
        skip = "" if self.way == "pull-request" else f" {SKIP}"
        return f"voicectl: lockfile of {self.subject}{skip}\n\nWritten by voicectl after an apply.\n"


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a lockfile: the commit, and whether others' changes were merged into it."""

    commit: str
    branch: str
    merged: bool


def take(repository: Repository, target: Target) -> str | None:
    """Bring the lockfile of the branch that it is kept on into the work tree; the commit that it was taken from.

    None where there is nothing newer. Raises HostingError, StateError.
    """
    if target.way == "push":
        return None
    tip = repository.fetch(target.branch)
    theirs = repository.read(tip, target.path) if tip else None
    if tip is None or theirs is None:
        return None
    ours = _on_disk(target)
    if target.way == "pull-request" and ours is not None and ours != theirs:
        parents = repository.parents(tip)
        base = repository.read(parents[0], target.path) if parents else None
        theirs = _merged(base, ours, theirs, target)
    if theirs != ours:
        decode(theirs, target.path)
        target.file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target.file, theirs, durable=True)
    return tip


def publish(
    repository: Repository,
    target: Target,
    started_from: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    attempts: int = ATTEMPTS,
) -> Published | None:
    """Commit and push the lockfile as it lies in the work tree; None where everything is there already.

    `started_from` is the commit whose lockfile this run began with: whatever the branch holds beside it, others wrote,
    and it is merged. A push that loses a race is made anew. Raises HostingError, StateError, NotMergeable.
    """
    ours = _on_disk(target)
    if ours is None:
        return None
    refused: list[str | None] = []
    for attempt in range(attempts):
        if attempt:
            sleep(random.uniform(0.5, 1.0) * min(2**attempt, 15))
        place = _place(repository, target)
        data = ours
        for theirs, base in _others(repository, target, place, started_from):
            data = _merged(base, data, theirs, target)
        if data == place.present(repository, target):
            return None
        commit = repository.commit_file(target.path, data, target.message, parent=place.parent)
        try:
            repository.push(commit, target.branch, over=place.tip, force=target.way == "pull-request")
        except PushRefused as error:
            refused.append(place.tip)
            if refused[-_PATIENCE:] == [place.tip] * _PATIENCE:
                # Nobody was quicker, and it was refused again and again: no race.
                message = f"{target.branch} does not take the lockfile: {error.message}"
                raise HostingError(message, _remedy(target)) from error
            continue
        return Published(commit, target.branch, data != ours)
    raise HostingError(f"{target.branch} changed during each of {attempts} pushes", "run it again: nothing is lost")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a commit is to be made: its parent, and the branch's tip that it takes the place of."""

    parent: str | None
    tip: str | None

    def present(self, repository: Repository, target: Target) -> bytes | None:
        """The lockfile that a new commit would replace."""
        newest = self.tip or self.parent
        return repository.read(newest, target.path) if newest else None


def _others(
    repository: Repository, target: Target, place: _Place, started_from: str
) -> list[tuple[bytes, bytes | None]]:
    """Lockfiles that others may have pushed meanwhile, each with what it was when this run began."""
    pairs = [(place.tip, started_from)]
    if target.way == "pull-request":
        pairs.append((place.parent, "HEAD"))
    found = [(repository.read(commit, target.path) if commit else None, since) for commit, since in pairs]
    return [(theirs, repository.read(since, target.path)) for theirs, since in found if theirs is not None]


def clean_up(repository: Repository, target: Target) -> bool:
    """Take the branch of a pull request away once its lockfile has arrived; whether that was done."""
    tip = repository.fetch(target.branch)
    goal = repository.fetch(target.into)
    if tip is None or goal is None or repository.read(tip, target.path) != repository.read(goal, target.path):
        return False
    repository.delete_branch(target.branch, tip)
    return True


def _place(repository: Repository, target: Target) -> _Place:
    tip = repository.fetch(target.branch)
    if target.way == "push":
        if tip is None:
            raise HostingError(f"the remote has no branch {target.branch}", "name the branch: --into")
        return _Place(tip, tip)
    if target.way == "branch":
        return _Place(tip, tip)
    parent = repository.fetch(target.into)
    if parent is None:
        raise HostingError(f"the remote has no branch {target.into}", "name the branch: --into")
    return _Place(parent, tip)


def _merged(base: bytes | None, ours: bytes, theirs: bytes, target: Target) -> bytes:
    if theirs in (base, ours):
        return ours
    past = _lock(base, target)
    data = encode(merge(past, decode(ours, target.path), decode(theirs, target.path)))
    decode(data, target.path)
    return data


def _lock(data: bytes | None, target: Target) -> Lock | None:
    """A lockfile of the past. One that can't be read any more is as good as none."""
    try:
        return decode(data, target.path) if data else None
    except StateError:
        return None


def _on_disk(target: Target) -> bytes | None:
    """The lockfile in the work tree, as voicectl writes it whatever the checkout made of its line ends."""
    try:
        return encode(decode(target.file.read_bytes(), target.path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HostingError(
            f"{target.path} can't be read: {error.strerror or error}", "check its permissions"
        ) from error


def _remedy(target: Target) -> str:
    if target.way == "push":
        return "if the branch is protected, use the way pull-request or branch; else let the job write `contents`"
    return "let the job write `contents`, and no rule protect this branch"
