"""What happened to voices, from one version of the lockfile to the next. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from voicectl.model.canonical import CLOSED
from voicectl.model.lock import Changed, Deleted, Lock, Record, Retired
from voicectl.model.voice import FIELDS, FieldName, Value

EventAction = Literal[
    "created", "adopted", "replaced", "restored", "updated", "moved", "retired", "forgotten", "deleted", "removed",
    "recorded",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldStep:
    """A value that was applied, and what it was before."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    field: FieldName
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to one voice, as far as two versions of the lockfile tell.

    `before` and `after` are the ids that served it; `run` and `applied_from` are the run that changed the record and
    the commit that it applied, where the record, or the receipt of a deletion, says so. `removed` is what left the
    lockfile at once: a lockfile does not tell whether its model was deleted or left.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    name: str
    action: EventAction
    before: str | None = None
    after: str | None = None
    generation: int | None = None
    previous_name: str | None = None
    fields: tuple[FieldStep, ...] = ()
    run: str = ""
    applied_from: str | None = None


def events(earlier: Lock | None, later: Lock) -> Iterator[Event]:
    """Everything that differs, by name."""
    old = earlier.voices if earlier else {}
    # Several voices may name one external model: its id says of none that it moved.
    names = {record.id: name for name, record in old.items() if record.origin != "external"}
    moved = {names[r.id]: name for name, r in later.voices.items() if names.get(r.id, name) != name}
    came = {name: before for before, name in moved.items()}
    for name, record in sorted(later.voices.items()):
        came_from = came.get(name)
        # A name that its voice has left is a new voice's.
        before = old.get(came_from or name) if came_from or name not in moved else None
        yield from _served(name, before, record, came_from, earlier)
    left: dict[str, EventAction] = {}
    receipts = {gone.id: gone for gone in later.deleted}
    for name, record in sorted(old.items()):
        if name not in later.voices and name not in moved:
            action = _left(name, record, later, receipts)
            if action != "retired":
                left[name] = action
            yield Event(name, action, record.id, None, record.generation, **_said(receipts.get(record.id)))
    yield from _deleted(earlier, later, left, receipts)


def _left(name: str, record: Record, later: Lock, receipts: Mapping[str, Deleted]) -> EventAction:
    """What became of a record that is not there any more."""
    if any(each.id == record.id for each in later.retired(name)):
        return "retired"
    if record.id in receipts:
        return "deleted"
    # A model that voicectl did not create is never deleted.
    return "removed" if record.origin == "created" else "forgotten"


def _said(by: Deleted | Changed | None) -> dict[str, Any]:
    return {"run": by.run, "applied_from": by.commit} if by else {}


def _served(
    name: str, before: Record | None, after: Record, moved_from: str | None, earlier: Lock | None
) -> Iterator[Event]:
    said = _said(after.changed)
    if before is None:
        retired = {gone.id for gone in earlier.retired(name)} if earlier else set()
        action: EventAction = (
            "restored" if after.id in retired else "created" if after.origin == "created" else "adopted"
        )
        yield Event(name, action, None, after.id, after.generation, **said)
        return
    fields = tuple(
        FieldStep(each, before.applied.get(each), after.applied.get(each))
        for each in FIELDS
        if before.applied.get(each) != after.applied.get(each)
    )
    if moved_from is not None:
        yield Event(name, "moved", before.id, after.id, after.generation, moved_from, fields, **said)
    elif before.id != after.id:
        known = {gone.id for gone in before.retired}
        action = "restored" if after.id in known else "replaced" if after.origin == "created" else "adopted"
        yield Event(name, action, before.id, after.id, after.generation, None, fields, **said)
    elif fields:
        yield Event(name, "updated", before.id, after.id, after.generation, None, fields, **said)
    elif before != after and _essence(before) != _essence(after):
        yield Event(name, "recorded", before.id, after.id, after.generation, **said)


def _essence(record: Record) -> tuple[object, ...]:
    return record.state, record.protect, record.origin, record.pending, dict(record.blocked)


def _deleted(
    earlier: Lock | None, later: Lock, left: Mapping[str, EventAction], receipts: Mapping[str, Deleted]
) -> Iterator[Event]:
    """Retired generations that are gone from the lockfile: alone, or together with their voice (`left`)."""
    if earlier is None:
        return
    serving = {record.id for record in later.voices.values()}
    known = {gone.id for gone in _retired(later)} | serving
    for name, gone in _named(earlier):
        if gone.id not in known:
            action = "deleted" if gone.id in receipts else left.get(name, "deleted")
            yield Event(name, action, gone.id, None, gone.generation, **_said(receipts.get(gone.id)))


def _named(lock: Lock) -> Iterator[tuple[str, Retired]]:
    for name in sorted({*lock.voices, *lock.removed}):
        yield from ((name, gone) for gone in lock.retired(name))


def _retired(lock: Lock) -> Iterator[Retired]:
    return (gone for _, gone in _named(lock))
