"""Accepting drift: which observed values go into the manifests, and what the lockfile says then. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, Record
from voicectl.model.observed import Observation
from voicectl.model.voice import FieldName, Value, Voice
from voicectl.plan.compare import observed_value
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Selectors
from voicectl.plan.request import select

PULLED: tuple[FieldName, ...] = ("title", "description", "visibility", "tags")
"""A cover can't be pulled: its file is nowhere in Git."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One value of the account that the manifests are to have."""

    voice: Voice
    field: FieldName
    value: Value
    conflict: bool = False
    """Git changed it as well: neither side may be dropped without a person."""


def pulls(catalog: Catalog, lock: Lock, observation: Observation, selectors: Selectors) -> list[Pull]:
    """Every managed value that was changed in the account. Raises UsageError for a selector without a match."""
    names = sorted(catalog.voices.keys() & lock.voices.keys())
    holdings, _ = select([Holding(name, catalog.voices[name], lock.voices[name]) for name in names], selectors)
    return [pull for holding in holdings for pull in _of(holding, observation)]


def _of(holding: Holding, observation: Observation) -> Iterator[Pull]:
    voice, record = holding.voice, holding.record
    if voice is None or record is None or voice.external:
        return
    model = observation.models.get(record.id)
    for name in PULLED if model is not None else ():
        desired, recorded = voice.metadata.get(name), record.applied.get(name)
        # What the provider did not take is no wish of anybody who edited the account.
        if model is None or desired is None or name in voice.lifecycle.ignore or name in record.blocked:
            continue
        observed = observed_value(name, model, record.applied)
        if observed not in (recorded, desired):
            yield Pull(voice, name, observed, conflict=desired != recorded)


def recorded_in(lock: Lock, pulled: Mapping[str, Sequence[Pull]]) -> Lock:
    """The lock once the manifests have these values: all three sides agree."""
    for name, values in pulled.items():
        lock = lock.with_voice(name, _recorded(lock.voices[name], values))
    return lock


def _recorded(record: Record, pulled: Sequence[Pull]) -> Record:
    return replace(record, applied=record.applied.with_values({pull.field: pull.value for pull in pulled}))
