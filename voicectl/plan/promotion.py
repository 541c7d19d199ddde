"""What differs between two environments of one project, beyond what is meant to differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from voicectl.model import canonical
from voicectl.model.canonical import CLOSED
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, Record
from voicectl.model.voice import FIELDS, FieldName, Value
from voicectl.plan.compare import values_ahead


@dataclass(frozen=True, slots=True)
class Side:
    """One environment: what its manifests want, what was applied, and what it sets otherwise.

    `overridden` are the fields that it sets itself, by name; None stands for all voices.
    """

    name: str
    catalog: Catalog
    lock: Lock
    suffix: str
    overridden: Mapping[str | None, Set[str]]

    def sets(self, name: str) -> Set[str]:
        """The fields that this environment sets for a voice."""
        return {*self.overridden.get(None, ()), *self.overridden.get(name, ())}


@dataclass(frozen=True, slots=True)
class DifferingField:
    """A value that was applied in both environments, and is not the same."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    field: FieldName | Literal["inputs"]
    first: Value
    second: Value


@dataclass(frozen=True, slots=True)
class Difference:
    """A voice that is not the same in both environments.

    `behind` names the environment whose lockfile lags behind the manifests, where just one of them does.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    name: str
    kind: Literal["only_in_first", "only_in_second", "not_applied", "differs"]
    behind: str | None = None
    fields: tuple[DifferingField, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvironmentDiff:
    """Everything that differs between two environments."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    catalog: str
    first: str
    second: str
    differences: tuple[Difference, ...]
    same: int = 0
    format_version: Literal["1.0"] = "1.0"


def compare_environments(first: Side, second: Side) -> EnvironmentDiff:
    """Compare what was applied, voice by voice; suffixes and overrides are meant to differ."""
    names = sorted({*first.catalog.voices, *second.catalog.voices, *first.lock.voices, *second.lock.voices})
    found = tuple(each for name in names if (each := _difference(name, first, second)) is not None)
    return EnvironmentDiff(first.catalog.name, first.name, second.name, found, len(names) - len(found))


def _difference(name: str, first: Side, second: Side) -> Difference | None:
    wanted = (name in first.catalog.voices, name in second.catalog.voices)
    applied = (first.lock.voices.get(name), second.lock.voices.get(name))
    if wanted in ((True, False), (False, True)) and (applied[0] is None or applied[1] is None):
        return Difference(name, "only_in_first" if wanted[0] else "only_in_second")
    if applied[0] is None or applied[1] is None:
        if applied == (None, None):
            return None  # new in both, and nothing to tell apart yet
        behind = first.name if applied[0] is None else second.name
        return Difference(name, "not_applied", behind)
    fields = tuple(_fields(name, applied[0], applied[1], first, second))
    return Difference(name, "differs", _behind(name, first, second), fields) if fields else None


def _fields(name: str, one: Record, other: Record, first: Side, second: Side) -> Iterator[DifferingField]:
    meant = first.sets(name) | second.sets(name)
    if one.inputs != other.inputs and "model" not in meant:
        yield DifferingField("inputs", one.inputs, other.inputs)
    for field in FIELDS:
        values = _applied(one, field, first.suffix), _applied(other, field, second.suffix)
        if field not in meant and values[0] != values[1] and None not in values:
            yield DifferingField(field, *values)


def _applied(record: Record, field: FieldName, suffix: str) -> Value:
    value = record.applied.get(field)
    if field == "title" and isinstance(value, str):
        return canonical.text(value.removesuffix(canonical.text(suffix)) if suffix else value)
    return value


def _behind(name: str, first: Side, second: Side) -> str | None:
    """The one environment in which the manifests are not applied yet."""
    late = [side.name for side in (first, second) if _lags(name, side)]
    return late[0] if len(late) == 1 else None


def _lags(name: str, side: Side) -> bool:
    voice, record = side.catalog.voices.get(name), side.lock.voices.get(name)
    if voice is None or record is None:
        return voice is not None
    return (voice.inputs is not None and voice.inputs != record.inputs) or values_ahead(voice, record, cover=True)
