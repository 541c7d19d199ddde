"""What differs between two lockfiles, in a reviewer's words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from voicectl.model.lock import Lock, Record


def edits(before: Lock | None, after: Lock | None) -> tuple[str, ...]:
    """One sentence a difference, voices in order; empty where the two say the same."""
    if before is None or after is None:
        known = before or after
        if known is None:
            return ()
        return (f"it is {'new' if before is None else 'gone'}; it records {len(known.ids())} models",)
    return tuple(_edits(before, after))


def _edits(before: Lock, after: Lock) -> Iterator[str]:
    for what in ("catalog", "environment", "provider"):
        if getattr(before, what) != getattr(after, what):
            yield f"{what}: it is of another one"
    for name in sorted({*before.voices, *after.voices}):
        old, new = before.voices.get(name), after.voices.get(name)
        if old is None or new is None:
            yield f"{name}: {f'{new.id} is recorded' if new else f'the record of {old.id if old else None} is gone'}"
        elif old.id != new.id:
            yield f"{name}: {old.id} becomes {new.id}"
        elif old != new:
            changed = [field.name for field in fields(Record) if getattr(old, field.name) != getattr(new, field.name)]
            said = [field for field in changed if field != "changed"]  # every edit moves that one
            yield f"{name}: {', '.join(said or changed)} changed"
    for name in sorted({*before.removed, *after.removed}):
        if before.removed.get(name) != after.removed.get(name):
            yield f"{name}: what is left of a removed voice changed"
