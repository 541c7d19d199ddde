"""Where the lockfile lives: the port that every store implements."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from voicectl.model.lock import Lock

Version = str
"""Names the bytes that were loaded or saved; opaque to everybody but the store."""
ABSENT: Version = ""
"""The version of a state that does not exist yet."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease."""

    pid: int
    host: str
    command: str
    started_at: datetime
    run: str = ""
    """The id of its run, as its log has it."""

    def __str__(self) -> str:
        when = self.started_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        run = f", run {self.run}" if self.run else ""
        return f"pid {self.pid} on {self.host}, `{self.command}`, since {when}{run}"


class StateStore(Protocol):
    """Keeps one lockfile. Saves are atomic: a reader sees the old bytes or the new ones."""

    @property
    def location(self) -> str:
        """Where it is, for messages."""

    def load(self) -> tuple[Lock | None, Version]:
        """The lock and its version; `(None, ABSENT)` where there is none.

        Raises StateError for one that is truncated, not JSON, merged with conflicts, or of a newer format.
        """

    def save(self, lock: Lock, expected: Version) -> Version:
        """Save over exactly the version `expected`.

        Raises StateConflict when the state is no longer that version, StateNotSaved when it can't be written.
        """

    def prove(self, more: int = 0) -> None:
        """Show that the state can be saved, before anything is done that a save has to follow.

        Really writes as many bytes as the state has, and `more` for what the run adds, beside the state, whatever it
        holds already, and takes them away again. Raises StateNotSaved.
        """

    def lease(
        self, command: str, wait: float, waiting: Callable[[Holder | None], None], run: str = ""
    ) -> AbstractContextManager[None]:
        """Keep other runs out, waiting up to `wait` seconds; `waiting` hears once whom we wait for.

        Others are told the `command` and the `run`'s id.

        Raises StateLocked. A holder that died holds nothing.
        """
