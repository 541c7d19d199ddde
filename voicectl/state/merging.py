"""Lockfiles compared and merged, voice by voice: what a Git merge driver and a reviewer need. Pure.

A merge loses no id: the result has every model that either side made or retired, unless the other side deleted or
forgot it. It fails only if the two sides gave one name two different models.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import fields, replace

from voicectl.errors import StateError
from voicectl.model.lock import Applied, Deleted, Lock, Record, Removed, Retired, merged
from voicectl.state.codec import decode, decode_all, encode

_REMEDY = "take either side whole, then run `voicectl plan`: the other model is found by its marks"


class NotMergeable(StateError):
    """The lockfiles can't be merged; a person must decide."""

    code = "state_conflict"


def merge_bytes(base: bytes | None, ours: bytes, theirs: bytes, name: str) -> bytes:
    """The merge of two lockfiles as bytes, with the keys that newer revisions added to either; messages call them
    `name`.

    A `base` that is no longer readable counts as none. Raises StateError, NotMergeable.
    """
    try:
        past = decode(base, name) if base else None
    except StateError:
        past = None
    (mine, carried), (other, more) = decode_all(ours, name), decode_all(theirs, name)
    data = encode(merge(past, mine, other), carried.with_others(more))
    decode(data, name)  # never return what no run could load
    return data


def merge(base: Lock | None, ours: Lock, theirs: Lock) -> Lock:
    """The lockfile with all that both sides did since `base` (None: no common past).

    Raises NotMergeable, with every name that has two models.
    """
    for what in ("catalog", "environment"):
        if getattr(ours, what) != getattr(theirs, what):
            raise NotMergeable(f"the lockfiles are of {what} {getattr(ours, what)} and {getattr(theirs, what)}")
    if _provider(ours) != _provider(theirs):
        raise NotMergeable("the lockfiles are of different accounts or endpoints")
    voices = {}
    conflicts = []
    for name in sorted({*ours.voices, *theirs.voices}):
        before = base.voices.get(name) if base else None
        left, right = ours.voices.get(name), theirs.voices.get(name)
        if left is not None and right is not None:
            record = _record(before, left, right)
            if record is None:
                conflicts.append(f"{name} is {left.id} on one side and {right.id} on the other")
                continue
        else:
            # One side removed it. That stands, unless the other side has made a new model since.
            record = _survivor(before, left or right)
        if record is not None:
            voices[name] = record
    if conflicts:
        raise NotMergeable("; ".join(conflicts), _REMEDY)
    result = _with_retired(base, ours, theirs, voices)
    _check(base, ours, theirs, result)
    return result


def _check(base: Lock | None, ours: Lock, theirs: Lock, result: Lock) -> None:
    """Check that every model of either side is in the result exactly once. Raises NotMergeable."""
    holders: dict[str, list[str]] = {}
    for name, record in result.voices.items():
        for model in {record.id, *([record.pending.id] if record.pending else [])}:
            if record.origin != "external":
                holders.setdefault(model, []).append(name)
    twice = [f"{model} is {' and '.join(names)}" for model, names in sorted(holders.items()) if len(names) > 1]
    past = base.ids() if base else frozenset()
    lost = sorted((ours.ids() | theirs.ids()) - past - result.ids())
    if twice or lost:
        reasons = twice + [f"{model} would be in neither place" for model in lost]
        raise NotMergeable("; ".join(reasons), _REMEDY)


def _provider(lock: Lock) -> tuple[str, str]:
    return lock.provider.name, lock.provider.host


def _record(before: Record | None, ours: Record, theirs: Record) -> Record | None:
    """One record of two; None if they hold different models, neither of which replaced the other."""
    if ours == theirs or theirs == before:
        return ours
    if ours == before:
        return theirs
    if ours.id != theirs.id:
        newer, older = (ours, theirs) if ours.generation > theirs.generation else (theirs, ours)
        if before is not None and older.id == before.id:
            return newer
        return newer if any(gone.id == older.id for gone in newer.retired) else None
    # The same model on both sides: only what was applied to it differs.
    applied = _applied(before.applied if before and before.id == ours.id else None, ours.applied, theirs.applied)
    later = ours if ours.generation >= theirs.generation else theirs
    past = before.pending if before else None
    pending = ours.pending if theirs.pending == past else theirs.pending
    return replace(later, applied=applied, protect=ours.protect or theirs.protect, pending=pending)


def _applied(before: Applied | None, ours: Applied, theirs: Applied) -> Applied:
    """Merge field by field. Ours wins if both sides changed one, since the next plan compares it with the account
    anyway."""
    values = {}
    for each in fields(Applied):
        mine, other = getattr(ours, each.name), getattr(theirs, each.name)
        values[each.name] = other if before is not None and mine == getattr(before, each.name) else mine
    return Applied(**values)


def _survivor(before: Record | None, left: Record | None) -> Record | None:
    """A record that only one side has: it is new there, or replaced since. None if the other side's removal stands."""
    if left is None or before is None:
        return left
    return left if left.id != before.id else None


def _with_retired(base: Lock | None, ours: Lock, theirs: Lock, voices: Mapping[str, Record]) -> Lock:
    """Put every retired generation in one place: with its voice, else among the removed."""
    current = {record.id for record in voices.values() if record.origin != "external"}
    current |= {record.pending.id for record in voices.values() if record.pending}
    names = {*voices, *ours.removed, *theirs.removed, *ours.voices, *theirs.voices}
    taken = set(current)
    ids = (ours.ids(), theirs.ids())
    kept: dict[str, tuple[Retired, ...]] = {}
    for name in sorted(names, key=lambda name: (name not in voices, name)):
        known = merged(ours.retired(name), theirs.retired(name))
        lost = _lost(base, name, known, ids)
        kept[name] = tuple(gone for gone in known if gone.id not in taken and gone.id not in lost)
        taken |= {gone.id for gone in kept[name]}
    return replace(
        ours,
        provider=replace(ours.provider, account=ours.provider.account or theirs.provider.account),
        voices={name: replace(record, retired=kept[name]) for name, record in voices.items()},
        removed={name: Removed(gone) for name, gone in kept.items() if name not in voices and gone},
        deleted=_deleted(ours, theirs),
    )


def _deleted(ours: Lock, theirs: Lock) -> tuple[Deleted, ...]:
    """All that either side deleted for a withdrawn consent, which stays refused after any merge."""
    by_id = {gone.id: gone for gone in (*theirs.deleted, *ours.deleted)}
    return tuple(sorted(by_id.values(), key=lambda gone: (gone.at, gone.id)))


def _lost(base: Lock | None, name: str, known: Iterable[Retired], sides: tuple[Set[str], Set[str]]) -> set[str]:
    """Generations of the common past that one side has deleted or forgotten since."""
    past = {gone.id for gone in base.retired(name)} if base else set()
    return {gone.id for gone in known if gone.id in past and any(gone.id not in side for side in sides)}


def edits(before: Lock | None, after: Lock | None) -> tuple[str, ...]:
    """One sentence for each difference, sorted by voice; empty if there is none."""
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
