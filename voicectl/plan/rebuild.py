"""A lockfile from the account and the manifests alone. Pure.

Everything that can be known is: which models serve which names, which are retired, what they show. What was
last applied is taken to be what the account shows now, so that the next plan sets right whatever differs from
the manifests. What can't be known is listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from voicectl.model import marker
from voicectl.model.catalog import DEFAULT_RETENTION, Catalog
from voicectl.model.lock import Applied, Lock, Record, Removed, Retired
from voicectl.model.observed import Model, Observation
from voicectl.model.voice import FIELDS, FieldName, Metadata, Value, Voice
from voicectl.plan.compare import observed_value, recorded_samples
from voicectl.plan.identity import Holding, identify


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The lockfile, and what of it is a guess."""

    lock: Lock
    unknown: tuple[str, ...]


def rebuild(catalog: Catalog, empty: Lock, observation: Observation, now: datetime) -> Rebuilt:
    """The lockfile as an apply would find it right.

    `empty` names catalog, environment and provider, and holds what no account shows: what was deleted for withdrawn
    consents.
    """
    voices: dict[str, Record] = {}
    removed: dict[str, Removed] = {}
    unknown: list[str] = []
    # The same rules as for a plan without a lockfile, so that the next plan agrees with what is rebuilt.
    for holding in identify(catalog, empty, observation):
        numbers = _numbers(holding)
        gone = tuple(_retired(holding, numbers, catalog, now))
        if holding.current is not None and holding.voice is not None:
            record = _record(holding.voice, holding.current, numbers[holding.current.id], catalog)
            voices[holding.name] = replace(record, retired=gone)
            unknown += _unknown(holding, holding.voice, record)
        elif gone:
            removed[holding.name] = Removed(gone)
        unknown += [f"{holding.name}: since when {r.id} is retired; its retention starts again" for r in gone]
        unknown += [f"{holding.name}: what {r.id} was made from" for r in gone if r.inputs is None]
    account = empty.provider.account or observation.account
    provider = replace(empty.provider, account=account)
    return Rebuilt(replace(empty, provider=provider, voices=voices, removed=removed), tuple(unknown))


def carried_over(lock: Lock, old: Lock) -> Lock:
    """The rebuilt lock with what only the old one knew.

    What earlier generations were made from (only that can refuse them later), the names that a voice had, and who
    changed a record that is as it was.
    """
    known = {gone.id: gone for name in (*old.voices, *old.removed) for gone in old.retired(name) if gone.samples}

    def told(retired: tuple[Retired, ...]) -> tuple[Retired, ...]:
        return tuple(
            replace(gone, samples=known[gone.id].samples) if gone.id in known and not gone.samples else gone
            for gone in retired
        )

    def known_again(name: str, record: Record) -> Record:
        before = old.voices.get(name)
        record = replace(record, retired=told(record.retired))
        if before is None or before.id != record.id:
            return record
        record = replace(record, previous_names=before.previous_names)
        return replace(record, changed=before.changed if before == record else None)

    return replace(
        lock,
        voices={name: known_again(name, record) for name, record in lock.voices.items()},
        removed={name: Removed(told(removed.retired)) for name, removed in lock.removed.items()},
    )


def _models(holding: Holding) -> list[Model]:
    """Every model of a name, the oldest first."""
    found = (holding.current, holding.successor, *holding.strays, *holding.duplicates)
    return sorted({m.id: m for m in found if m is not None}.values(), key=lambda m: m.age)


def _numbers(holding: Holding) -> dict[str, int]:
    """The generations, counted by age: their true numbers went with the lockfile."""
    return {model.id: number for number, model in enumerate(_models(holding), 1)}


def _record(voice: Voice, model: Model, generation: int, catalog: Catalog) -> Record:
    mark = model.marker(catalog.namespace)
    if voice.external:
        return Record("external", model.id, state=model.state, protect=voice.lifecycle.protect)
    made_here = mark is not None and mark.key != marker.ADOPTED and voice.model != model.id
    # The marker proves what voicectl made it from. Of an adopted model nobody knows, so the manifest is believed.
    same = made_here and voice.inputs is not None and mark is not None and mark.key == marker.key_of(voice.inputs)
    trusted = same or (not made_here and voice.inputs is not None)
    return Record(
        origin="created" if made_here else "adopted",
        id=model.id,
        generation=generation,
        inputs=voice.inputs if trusted else None,
        samples=recorded_samples(voice) if trusted else (),
        applied=_applied(voice, model),
        state=model.state,
        protect=voice.lifecycle.protect,
        retain=voice.lifecycle.retain,
    )


def _applied(voice: Voice, model: Model) -> Applied:
    """What the account shows, for the fields that the manifest manages."""
    values: dict[FieldName, Value] = {}
    for name in FIELDS:
        managed = voice.metadata.get(name) is not None and name not in voice.lifecycle.ignore
        values[name] = observed_value(name, model, None) if managed and name != "cover_image" else None
    # A cover can't be compared: one that is there counts as the manifest's, so that it is not sent again.
    if voice.metadata.cover_image is not None and model.cover_image and "cover_image" not in voice.lifecycle.ignore:
        values["cover_image"] = voice.metadata.cover_image
    return Applied.of(Metadata.from_values(values), model.cover_image)


def _retired(holding: Holding, numbers: dict[str, int], catalog: Catalog, now: datetime) -> Iterator[Retired]:
    """Every other model of the name that was made here: none is deleted before the default retention is over."""
    own = holding.voice.lifecycle.retain if holding.voice else None
    keep = max(DEFAULT_RETENTION, catalog.retain if own is None else own)
    voice = holding.voice
    for model in _models(holding):
        mark = model.marker(catalog.namespace)
        serves = holding.voice is not None and holding.current is not None and model.id == holding.current.id
        # One that serves, too, is left for a plan to show: a rebuild retires nothing by itself.
        if serves or mark is None or mark.key == marker.ADOPTED or not mark.retired:
            continue
        known = voice is not None and voice.inputs is not None and marker.key_of(voice.inputs) == mark.key
        inputs = voice.inputs if known and voice else None
        samples = recorded_samples(voice) if known and voice else ()
        yield Retired(model.id, numbers[model.id], inputs, now, now + keep, samples=samples)


def _unknown(holding: Holding, voice: Voice, record: Record) -> Iterator[str]:
    if record.origin == "created" and record.inputs is None:
        yield f"{holding.name}: what {record.id} was made from, but not from the manifest's samples"
    if record.applied.cover_image is not None:
        yield f"{holding.name}: whether the cover image is the manifest's"
    if len(_models(holding)) > 1 or record.generation > 1:
        yield f"{holding.name}: the numbers of its generations; they are counted by age"
