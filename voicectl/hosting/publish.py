"""The lockfile's way into Git: committed beside the work tree, merged voice by voice with what others pushed.

push    onto the branch that was applied
branch  onto a branch that holds lockfiles alone, where the next run reads them: for a protected main
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from voicectl.files import Scratch, read_regular, replace_file
from voicectl.hosting.git import PushRefused, Repository
from voicectl.hosting.port import HostingError, Unreachable
from voicectl.state.codec import MAX_BYTES, decode, decode_all, encode
from voicectl.state.merging import merge_bytes

if TYPE_CHECKING:  # it imports asyncio, which the help of a command has no use for
    from voicectl.concurrency import Backoff

Way = Literal["push", "branch"]
WAYS: tuple[Way, ...] = ("push", "branch")
LOCKFILES = "voicectl/lockfiles"
"""The branch of the way `branch`, where nobody names another."""
_PATIENCE = 3
"""How many refusals at the same tip we take for races (another's push may just be ending), and how many lost
connections we allow."""
SKIP = "[skip ci]"
"""A commit that says so starts no pipeline (GitHub: "Skipping workflow runs"; GitLab: "Skip a pipeline")."""


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
    subject: str
    """Names the catalog: `acme.production`."""
    scratch: Scratch | None = None
    """Where temporary files go."""

    @property
    def message(self) -> str:
        """The commit's message."""
        return f"voicectl: lockfile of {self.subject} {SKIP}\n\nWritten by voicectl after an apply.\n"


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a lockfile: the commit that holds it, whether we made it, and whether it has others' changes."""

    commit: str
    branch: str
    made: bool
    merged: bool


def take(repository: Repository, target: Target, remembered: str | None = None) -> str | None:
    """Bring the lockfile of its branch into the work tree; the commit that it comes from, None if there is none.

    `remembered` is the commit that an earlier run on this checkout took it from, or made: what that run could not push
    is kept. Raises HostingError, StateError, NotMergeable.
    """
    if target.way == "push":
        return None
    tip = repository.fetch(target.branch)
    theirs = repository.read(tip, target.path) if tip else None
    if tip is None or theirs is None:
        return None
    ours = _on_disk(target)
    if ours is not None and remembered is not None:
        theirs = _merged(repository.read(remembered, target.path), ours, theirs, target)
    if theirs != ours:
        decode(theirs, target.path)
        _write(target, theirs)
    return tip


def _write(target: Target, data: bytes) -> None:
    try:
        target.file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target.file, data, durable=True, scratch=target.scratch)
    except OSError as error:
        message = f"{target.path} can't be written: {error.strerror or error}"
        raise HostingError(message, "make room, or fix the permissions, and run it again: nothing is lost") from error


def publish(
    repository: Repository,
    target: Target,
    started_from: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    backoff: Backoff | None = None,
) -> Published | None:
    """Commit and push the lockfile of the work tree; None if there is none.

    `started_from` is the commit whose lockfile this run began with. Whatever else the branch holds by now, others
    wrote; it is merged, in the work tree too. A push that loses a race, or does not get through, is made again.
    Raises HostingError, StateError, NotMergeable.
    """
    ours = _on_disk(target)
    if ours is None:
        return None
    base = repository.read(started_from, target.path)
    refused: list[str | None] = []
    unreached = 0
    from voicectl.concurrency import Backoff

    backoff = backoff or Backoff(first=4.0, longest=15.0)
    last: HostingError = HostingError(f"{target.branch} kept changing while we pushed", "run it again: nothing is lost")
    pause: float | None = 0.0
    while pause is not None:
        if pause:
            sleep(pause)
        tip = None
        try:
            tip = _tip(repository, target)
            theirs = repository.read(tip, target.path) if tip else None
            data = ours if theirs is None else _merged(base, ours, theirs, target)
            if tip is not None and data == theirs:
                return _published(target, tip, ours, data, made=False)
            commit = repository.commit_file(target.path, data, target.message, parent=tip)
            repository.push(commit, target.branch)
        except Unreachable as error:
            last = error
            unreached += 1
            if unreached > _PATIENCE:
                break
        except PushRefused as error:
            refused.append(tip)
            if refused[-_PATIENCE:] == [tip] * _PATIENCE:
                # Nobody was quicker, and the remote refused it again and again: no race.
                message = f"{target.branch} does not take the lockfile: {error.message}"
                raise HostingError(message, _remedy(target)) from error
        else:
            return _published(target, commit, ours, data, made=True)
        pause = backoff.pause()
    raise last


def _published(target: Target, commit: str, ours: bytes, data: bytes, *, made: bool) -> Published:
    """What was published. The work tree gets the merged lockfile, so that the next run begins with all of it."""
    if data != ours:
        _write(target, data)
    return Published(commit, target.branch, made, merged=data != ours)


def _tip(repository: Repository, target: Target) -> str | None:
    """The branch's newest commit, the parent of ours. A branch for lockfiles alone may not exist yet."""
    tip = repository.fetch(target.branch)
    if tip is None and target.way == "push":
        raise HostingError(f"the remote has no branch {target.branch}", "name the branch that was applied: --into NAME")
    return tip


def _merged(base: bytes | None, ours: bytes, theirs: bytes, target: Target) -> bytes:
    if theirs in (base, ours):
        return ours
    return merge_bytes(base, ours, theirs, target.path)


def _on_disk(target: Target) -> bytes | None:
    """The lockfile in the work tree, as voicectl writes it, whatever line ends the checkout gave it."""
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
        return "if the branch is protected, use the way branch; else let the job write `contents`"
    return "let the job write `contents`, and let no rule protect this branch"
