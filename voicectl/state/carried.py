"""Keys that a newer revision of the lockfile added: this version keeps what it does not know, and writes it back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from voicectl.model.lock import (
    Applied,
    Blocked,
    Changed,
    Deleted,
    Lock,
    Pending,
    ProviderIdentity,
    Record,
    RecordedSample,
    Removed,
    Retired,
)

Address = tuple[str, ...]
"""The path to a part of the lockfile. Generations and samples go by their ids, which survive a move."""


@dataclass(frozen=True, slots=True)
class Carried:
    """The revision of a file, and what it holds beyond the keys that this version knows."""

    revision: int = 1
    keys: Mapping[Address, Mapping[str, Any]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    """Name by recorded id, as in the file: a record keeps its unknown keys when its voice moves."""
    moves: Mapping[str, list[str]] = field(default_factory=dict)
    """The earlier names of each name, as in the file."""

    def with_others(self, other: Carried) -> Carried:
        """Both together. Where both have keys for one place, this one wins."""
        return Carried(
            max(self.revision, other.revision),
            {**other.keys, **self.keys},
            {**other.names, **self.names},
            {**other.moves, **self.moves},
        )


NOTHING = Carried()


def take_out(values: dict[str, Any]) -> Carried:
    """Remove the unknown keys from a lockfile's JSON, in place, and return them."""
    keys: dict[Address, Mapping[str, Any]] = {}
    for address, part, kind in list(_parts(values)):
        known = {each.name for each in fields(kind)}
        unknown = {key: part.pop(key) for key in list(part) if key not in known}
        if unknown:
            keys[address] = unknown
    revision = values.get("revision", 1)
    names = {str(record["id"]): name for name, record in _dicts(values.get("voices")) if "id" in record}
    moves = {name: record.get("previous_names", []) for name, record in _dicts(values.get("voices"))}
    return Carried(revision if isinstance(revision, int) else 1, keys, names, moves)


def put_back(values: dict[str, Any], carried: Carried) -> None:
    """Put the keys back where they were. Keys of a part that no longer exists are dropped."""
    if not carried.keys:
        return
    before = {name: _name_before(name, record, carried) for name, record in _dicts(values["voices"])}
    for address, part, _ in list(_parts(values)):
        if address[:1] == ("voices",):
            address = ("voices", before[address[1]], *address[2:])
        part.update(carried.keys.get(address, {}))


def _name_before(name: str, record: dict[str, Any], carried: Carried) -> str:
    """The name of a record in the file: found by its id, or by the move if its id changed too."""
    if (known := carried.names.get(str(record.get("id")))) is not None:
        return known
    earlier = record.get("previous_names", [])
    moved = bool(earlier) and earlier != carried.moves.get(name, [])
    return str(earlier[-1]) if moved and earlier[-1] in carried.moves else name


def _parts(values: Any) -> Iterator[tuple[Address, dict[str, Any], type]]:
    """Every object of a lockfile with its address and its class. Skips what has the wrong type."""
    if not isinstance(values, dict):
        return
    yield (), values, Lock
    yield from _one(("provider",), values.get("provider"), ProviderIdentity)
    for name, record in _dicts(values.get("voices")):
        here = ("voices", name)
        yield here, record, Record
        yield from _one((*here, "applied"), record.get("applied"), Applied)
        yield from _one((*here, "pending"), record.get("pending"), Pending)
        yield from _one((*here, "changed"), record.get("changed"), Changed)
        yield from _samples(here, record)
        for key, blocked in _dicts(record.get("blocked")):
            yield (*here, "blocked", key), blocked, Blocked
        yield from _retired(record)
    for name, removed in _dicts(values.get("removed")):
        yield ("removed", name), removed, Removed
        yield from _retired(removed)
    for address, part in _items(("deleted",), values.get("deleted"), "id"):
        yield address, part, Deleted
        yield from _samples(address, part)


def _retired(values: dict[str, Any]) -> Iterator[tuple[Address, dict[str, Any], type]]:
    for address, part in _items(("retired",), values.get("retired"), "id"):
        yield address, part, Retired
        yield from _samples(address, part)


def _samples(here: Address, values: dict[str, Any]) -> Iterator[tuple[Address, dict[str, Any], type]]:
    for address, part in _items((*here, "samples"), values.get("samples"), "audio"):
        yield address, part, RecordedSample


def _one(address: Address, part: Any, kind: type) -> Iterator[tuple[Address, dict[str, Any], type]]:
    if isinstance(part, dict):
        yield address, part, kind


def _items(address: Address, values: Any, key: str) -> Iterator[tuple[Address, dict[str, Any]]]:
    for part in values if isinstance(values, list) else ():
        if isinstance(part, dict):
            yield (*address, str(part.get(key))), part


def _dicts(values: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in values.items() if isinstance(values, dict) else ():
        if isinstance(part, dict):
            yield name, part
