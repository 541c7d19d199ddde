"""What a run tells while it works. The CLI supplies the listener; nothing below it prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from voicectl.provider.port import Request

EventKind = Literal[
    "planned",
    "started",
    "uploading",
    "waiting",
    "retrying",
    "warning",
    "done",
    "failed",
    "verifying",
    "limit",
    "request",
]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `sent` and `total` are bytes of an upload.

    For `planned`, `total` is the number of changes and `sent` the bytes that they will upload. For `limit`,
    `limit` is how many requests may be in flight from now on, and `detail`, at the end, what was found out.
    For `done` and `failed`, `seconds` is how long the change was worked on. `request` comes with the kind of this name.
    """

    kind: EventKind
    name: str = ""
    action: str = ""
    detail: str = ""
    sent: int = 0
    total: int = 0
    limit: int = 0
    seconds: float = 0.0
    request: Request | None = None


Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """A listener that does not listen."""


def troubles(listener: Listener) -> Listener:
    """For work that no plan counted: it reports retries, and failures as warnings, and nothing else."""

    def hear(event: Event) -> None:
        if event.kind == "failed":
            listener(replace(event, kind="warning"))
        elif event.kind in ("retrying", "warning"):
            listener(event)

    return hear
