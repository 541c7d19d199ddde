"""What a run tells while it works. The CLI supplies the listener; nothing below it prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

EventKind = Literal[
    "planned", "started", "uploading", "waiting", "retrying", "warning", "done", "failed", "verifying", "pace", "limit"
]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `sent` and `total` are bytes of an upload.

    For `planned`, `total` is the number of changes and `sent` the bytes that they will upload. For `pace`,
    `total` is how many requests may be in flight from now on.
    """

    kind: EventKind
    name: str = ""
    action: str = ""
    detail: str = ""
    sent: int = 0
    total: int = 0


Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """A listener that does not listen."""
