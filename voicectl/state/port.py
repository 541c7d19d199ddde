"""Where the lockfile lives: the port that every store implements."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from voicectl.model.lock import Lock

Version = str
"""Identifies the bytes that were loaded or saved. Only the store knows its form."""
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
    """The run's id, as in its log."""

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
        """The lock and its version, or `(None, ABSENT)`.

        Raises StateError if it is truncated, not JSON, holds merge conflicts, or has a newer format.
        """

    def save(self, lock: Lock, expected: Version) -> Version:
        """Save over exactly the version `expected`.

        Raises StateConflict when the state is no longer that version, StateNotSaved when it can't be written.
        """

    def prove(self, more: int = 0) -> None:
        """Prove that the state can be saved, before a run does anything that a save must record.

        Really writes the state's size and `more` bytes for what the run will add, next to the state, and removes them
        again. Raises StateNotSaved.
        """

    def lease(
        self, command: str, wait: float, waiting: Callable[[Holder | None], None], run: str = ""
    ) -> AbstractContextManager[None]:
        """Keep other runs out, after waiting up to `wait` seconds for them; `waiting` then gets the holder once.

        Other runs can read the `command` and the `run`'s id. A dead process holds no lease. Raises StateLocked.
        """
