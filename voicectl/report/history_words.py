"""What the renderers of the history share: its rows. Every text is one line and safe on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from voicectl.model.canonical import CLOSED
from voicectl.model.lock import Deleted
from voicectl.plan.history import Event
from voicectl.report.escape import terminal
from voicectl.report.words import short, value_text


@dataclass(frozen=True, slots=True)
class Happened:
    """An event, and the commit that brought the lockfile which tells of it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    at: datetime
    commit: str
    author: str
    event: Event


@dataclass(frozen=True, slots=True)
class History:
    """What happened, the latest first. `complete` is False where it does not reach back to the beginning."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    catalog: str
    environment: str | None
    events: tuple[Happened, ...]
    complete: bool = True
    format_version: Literal["1.0"] = "1.0"


@dataclass(frozen=True, slots=True)
class Receipts:
    """What was deleted because a consent was withdrawn."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    catalog: str
    environment: str | None
    deleted: tuple[Deleted, ...]
    complete: ClassVar[bool] = True
    """The lockfile at hand has them all."""
    format_version: Literal["1.0"] = "1.0"


INCOMPLETE = "What happened before is not known here. In a shallow clone, `git fetch --unshallow` gets it."
COLUMNS = ("at", "commit", "author", "name", "action", "before", "after", "generation", "what", "run", "applied_from")
RECEIPT_COLUMNS = ("at", "name", "id", "reason", "run", "commit", "recordings")


def cells(found: History | Receipts) -> tuple[Sequence[str], Iterator[Sequence[str]]]:
    """The columns of a table, and its rows."""
    if isinstance(found, Receipts):
        return RECEIPT_COLUMNS, map(_receipt, found.deleted)
    return COLUMNS, map(_happened, found.events)


def _happened(happened: Happened) -> tuple[str, ...]:
    event = happened.event
    return (
        moment(happened.at), happened.commit, terminal(happened.author), event.name, event.action, event.before or "",
        event.after or "", str(event.generation or ""), what(event), terminal(event.run), event.applied_from or "",
    )  # fmt: skip


def _receipt(gone: Deleted) -> tuple[str, ...]:
    return (
        moment(gone.at), gone.name, gone.id, terminal(gone.reason), terminal(gone.run), gone.commit or "",
        " ".join(recordings(gone)),
    )  # fmt: skip


def recordings(gone: Deleted) -> Sequence[str]:
    """The recordings that stay refused: their files where they were known, and their digests."""
    return [f"{short(sample.file)} {sample.audio}" if sample.file else sample.audio for sample in gone.samples]


def what(event: Event) -> str:
    """What changed, in a line."""
    parts = [f"was {event.previous_name}"] if event.previous_name else []
    parts += ["deleted, or forgotten and left in the account"] if event.action == "removed" else []
    parts += [
        f"{step.field}: {value_text(step.before, step.field)} → {value_text(step.after, step.field)}"
        for step in event.fields
    ]
    return "; ".join(parts)


def moment(when: datetime) -> str:
    """A time for people and spreadsheets, in UTC."""
    return when.strftime("%Y-%m-%d %H:%M:%S")
