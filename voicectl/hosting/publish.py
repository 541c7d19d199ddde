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
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voicectl.errors import StateError
from voicectl.files import Scratch, read_regular, replace_file
from voicectl.hosting.git import PushRefused, Repository
from voicectl.hosting.port import HostingError, Unreachable
from voicectl.model.lock import Lock
from voicectl.state.codec import MAX_BYTES, decode, decode_all, encode
from voicectl.state.merging import edits, merge_bytes

Way = Literal["push", "pull-request", "branch"]
WAYS: tuple[Way, ...] = ("push", "pull-request", "branch")
ATTEMPTS = 10
_PATIENCE = 3
"""Refusals at the same tip that are no race any more (one may be the end of another's push), and lost connections."""
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
    scratch: Scratch | None = None
    """Where temporary files go."""

    @property
    def message(self) -> str:
        """The commit's message. A pull request is to be checked, so nothing is skipped there."""
        skip = "" if self.way == "pull-request" else f" {SKIP}"
        return f"voicectl: lockfile of {self.subject}{skip}\n\nWritten by voicectl after an apply.\n"


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a lockfile: the commit that holds it, whether it was made now, and with others' changes in it."""

    commit: str
    branch: str
    made: bool
    merged: bool


def own_branch(subject: str) -> str:
    """The branch of a catalog's pull request."""
    return f"voicectl/lockfile/{subject}"


def take(repository: Repository, target: Target, remembered: str | None = None) -> str | None:
    """Bring the lockfile of the branch that it is kept on into the work tree; the commit that it was taken from.

    `remembered` is the commit that an earlier run on this checkout took it from, or made: what that run could not push
    is kept. None where there is nothing to take. Raises HostingError, StateError, NotMergeable.
    """
    if target.way == "push":
        return None
    tip = repository.fetch(target.branch)
    theirs = repository.read(tip, target.path) if tip else None
    if tip is None or theirs is None:
        return None
    ours = _on_disk(target)
    if target.way == "pull-request" and remembered is None:
        remembered = next(iter(repository.parents(tip)), None)
    if ours is not None and (remembered is not None or target.way == "pull-request"):
        theirs = _merged(repository.read(remembered, target.path) if remembered else None, ours, theirs, target)
    if theirs != ours:
        decode(theirs, target.path)
        target.file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target.file, theirs, durable=True, scratch=target.scratch)
    return tip


def publish(
    repository: Repository,
    target: Target,
    started_from: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    attempts: int = ATTEMPTS,
) -> Published | None:
    """Commit and push the lockfile as it lies in the work tree; None where there is none.

    `started_from` is the commit whose lockfile this run began with: whatever the branch holds beside it, others wrote,
    and it is merged, in the work tree too. A push that loses a race, or does not get through, is made anew.
    Raises HostingError, StateError, NotMergeable.
    """
    ours = _on_disk(target)
    if ours is None:
        return None
    known = _known(repository, target, started_from)
    refused: list[str | None] = []
    unreached = 0
    last = HostingError(f"{target.branch} changed during each of {attempts} pushes", "run it again: nothing is lost")
    for attempt in range(attempts):
        if attempt:
            sleep(random.uniform(0.5, 1.0) * min(2**attempt, 15))
        try:
            place = _place(repository, target)
            data = ours
            for commit in place.commits:
                theirs = repository.read(commit, target.path)
                if theirs is not None and theirs not in known:
                    data = _merged(_ancestor(known, theirs, target), data, theirs, target)
            if data == place.present(repository, target):
                return _published(target, place.commits[0], ours, data, made=False)
            commit = repository.commit_file(target.path, data, target.message, parent=place.parent)
            repository.push(commit, target.branch, over=place.tip, force=target.way == "pull-request")
        except Unreachable as error:
            last = error
            unreached += 1
            if unreached > _PATIENCE:
                break
        except PushRefused as error:
            refused.append(place.tip)
            if refused[-_PATIENCE:] == [place.tip] * _PATIENCE:
                # Nobody was quicker, and it was refused again and again: no race.
                message = f"{target.branch} does not take the lockfile: {error.message}"
                raise HostingError(message, _remedy(target)) from error
        else:
            return _published(target, commit, ours, data, made=True)
    raise last


def _published(target: Target, commit: str, ours: bytes, data: bytes, *, made: bool) -> Published:
    """What was published. The work tree gets what was merged, so that the next run begins with all of it."""
    if data != ours:
        replace_file(target.file, data, durable=True, scratch=target.scratch)
    return Published(commit, target.branch, made, merged=data != ours)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a commit is to be made: its parent, and the branch's tip that it takes the place of."""

    parent: str | None
    tip: str | None

    @property
    def commits(self) -> list[str]:
        """The commits that may hold lockfiles of others, that of our branch first."""
        return list(dict.fromkeys(commit for commit in (self.tip, self.parent) if commit))

    def present(self, repository: Repository, target: Target) -> bytes | None:
        """The lockfile that a new commit would replace."""
        return repository.read(self.commits[0], target.path) if self.commits else None


def _known(repository: Repository, target: Target, started_from: str) -> list[bytes | None]:
    """Every form of the lockfile that this run knew when it began: of what it started from, of main, and of both."""
    known = [repository.read(started_from, target.path)]
    if target.way == "pull-request":
        ours = repository.read("HEAD", target.path)
        known.append(ours)
        if known[0] is not None and ours is not None:
            since = next(iter(repository.parents(started_from)), None)
            base = repository.read(since, target.path) if since else None
            with suppress(StateError):
                known.append(_merged(base, ours, known[0], target))
    return known


def _ancestor(known: list[bytes | None], theirs: bytes, target: Target) -> bytes | None:
    """Of the known forms, the one that theirs came from: it differs least from it.

    A branch that was merged while this run was at work brings what was known of it to main, in another commit.
    """
    other = decode(theirs, target.path)
    return min(known, key=lambda data: (data is None, len(edits(_lock(data, target), other))))


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
            raise _no_branch(target.branch)
        return _Place(tip, tip)
    if target.way == "branch":
        return _Place(tip, tip)
    parent = repository.fetch(target.into)
    if parent is None:
        raise _no_branch(target.into)
    return _Place(parent, tip)


def _no_branch(name: str) -> HostingError:
    return HostingError(f"the remote has no branch {name}", "name the branch that was applied: --into NAME")


def _merged(base: bytes | None, ours: bytes, theirs: bytes, target: Target) -> bytes:
    if theirs in (base, ours):
        return ours
    return merge_bytes(base, ours, theirs, target.path)


def _lock(data: bytes | None, target: Target) -> Lock | None:
    """A lockfile of the past. One that can't be read any more is as good as none."""
    try:
        return decode(data, target.path) if data else None
    except StateError:
        return None


def _on_disk(target: Target) -> bytes | None:
    """The lockfile in the work tree, as voicectl writes it whatever the checkout made of its line ends."""
    try:
        return encode(*decode_all(read_regular(target.file, MAX_BYTES), target.path))
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
