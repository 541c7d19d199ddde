"""The log of requests in order of arrival, for tests."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(slots=True)
class Entry:
    """One request.

    `status` and `duration` (seconds) are None until it is answered; the status stays None if the connection was lost or
    reset. `in_flight` counts the requests of all keys at its arrival, including itself. `workspace` is None without an
    accepted key. `faults` names the kinds of faults that met it."""

    number: int
    method: str
    path: str
    query: str
    workspace: str | None
    in_flight: int
    started: float = field(default_factory=time.time)
    status: int | None = None
    duration: float | None = None
    faults: tuple[str, ...] = ()

    @property
    def request_id(self) -> str:
        """The answer's `x-request-id`."""
        return f"emulator-{self.number}"

    def as_json(self) -> dict[str, Any]:
        """The entry as a JSON object."""
        return {**asdict(self), "request_id": self.request_id}


class RequestLog:
    """Requests in order of arrival; the oldest are forgotten when there are more than `size`.

    Safe to read from other threads. Requests to the control endpoints are not in it.
    """

    def __init__(self, size: int = 1_000_000) -> None:
        self._entries: deque[Entry] = deque(maxlen=size)
        self._count = 0
        self.in_flight = 0

    def open(self, method: str, path: str, query: str, workspace: str | None) -> Entry:
        """Notes a request that arrives now. `close` must follow."""
        self._count += 1
        self.in_flight += 1
        entry = Entry(self._count, method, path, query, workspace, self.in_flight)
        self._entries.append(entry)
        return entry

    def close(self, entry: Entry, status: int | None) -> None:
        """Notes the end of a request, with the status that was sent, if any."""
        self.in_flight -= 1
        entry.status = status
        entry.duration = time.time() - entry.started

    def entries(self) -> list[Entry]:
        """Copies of all entries, oldest first, including requests still in flight."""
        return [replace(entry) for entry in self._snapshot()]

    def mutating(self) -> list[Entry]:
        """Copies of the entries whose method is not GET or HEAD."""
        return [replace(entry) for entry in self._snapshot() if entry.method not in ("GET", "HEAD")]

    def clear(self) -> None:
        """Forgets all entries. Numbers go on counting."""
        self._entries.clear()

    def _snapshot(self) -> list[Entry]:
        return list(self._entries.copy())
