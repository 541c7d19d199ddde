"""Drift: what the account shows against what was last applied, and the format of the report. Pure.

Only recorded and observed are compared. A manifest that is ahead of the lockfile is no drift: it is counted as
pending, and otherwise left to `plan`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, ClassVar, Literal

from voicectl.model import marker
from voicectl.model.lock import Lock, Record, Retired
from voicectl.model.observed import Model, Observation
from voicectl.model.voice import FIELDS, FieldName, Value, Voice
from voicectl.plan.compare import observed_value
from voicectl.plan.consent import withdrawn
from voicectl.plan.identity import Holding
from voicectl.plan.offline import marks_of_record, marks_of_retired
from voicectl.plan.plan import Orphan, Source
from voicectl.plan.request import DriftRequest, select

_CLOSED: dict[str, Any] = {"extra": "forbid"}
DriftStatus = Literal[
    "in_step",
    "changed",
    "missing",
    "failed",
    "not_ready",
    "taken_down",
    "retiring",
    "consent_expired",
]


@dataclass(frozen=True, slots=True)
class DriftedField:
    """A field whose observed value is not the recorded one."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CLOSED
    field: FieldName
    recorded: Value
    observed: Value


@dataclass(frozen=True, slots=True)
class DriftedVoice:
    """One voice of the lockfile against the account."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CLOSED
    name: str
    id: str
    status: DriftStatus
    source: Source | None = None
    fields: tuple[DriftedField, ...] = ()
    unverifiable: tuple[str, ...] = ()
    """What the API never returns, such as the samples' audio."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """A model that no manifest claims."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CLOSED
    id: str
    title: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DriftSummary:
    """How many voices of each status, and how many models of others."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CLOSED
    in_step: int = 0
    changed: int = 0
    missing: int = 0
    failed: int = 0
    not_ready: int = 0
    taken_down: int = 0
    retiring: int = 0
    consent_expired: int = 0
    unmanaged: int = 0
    foreign: int = 0
    orphaned: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What the account shows against the lockfile."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CLOSED
    catalog: str
    environment: str | None
    voices: tuple[DriftedVoice, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()
    orphaned: tuple[Orphan, ...] = ()
    summary: DriftSummary = DriftSummary()
    format_version: Literal["1.0"] = "1.0"


UNVERIFIABLE = ("samples", "enhance_audio_quality")
"""What the API never returns: whether a model was made from these can't be told."""


@dataclass(frozen=True, slots=True)
class _Sides:
    """What drift is found in. `voices` are those of the manifests, none where they can't be read."""

    request: DriftRequest
    lock: Lock
    observation: Observation
    account: tuple[Model, ...]

    @property
    def voices(self) -> Mapping[str, Voice]:
        return self.request.catalog.voices if self.request.readable else {}


def find_drift(
    request: DriftRequest, lock: Lock, observation: Observation, account: tuple[Model, ...] = ()
) -> tuple[DriftReport, int]:
    """The report, and how many voices the selectors leave out.

    `account` are all models of the account, where they were asked for. Raises UsageError for a selector without a
    match.
    """
    sides = _Sides(request, lock, observation, account)
    names = sorted({*lock.voices, *lock.removed})
    every = [Holding(name, sides.voices.get(name), lock.voices.get(name)) for name in names]
    holdings, left_out = select(every, request.selectors)
    found = tuple(row for holding in holdings for row in _rows(holding, sides))
    orphaned = tuple(_orphaned(sides))
    unmanaged = tuple(_unmanaged(sides))
    others = DriftSummary(
        unmanaged=len(unmanaged), foreign=_foreign(sides), orphaned=len(orphaned), pending=_pending(sides)
    )
    by_status: dict[str, Any] = dict(Counter(voice.status for voice in found))
    summary = replace(others, **by_status)
    return DriftReport(lock.catalog, lock.environment, found, unmanaged, orphaned, summary), left_out


def _rows(holding: Holding, sides: _Sides) -> Iterator[DriftedVoice]:
    record = holding.record
    if record is not None:
        yield _voice(holding.name, holding.voice, record, sides)
        return
    # A voice that was removed: only what went wrong with what is left of it.
    for gone in sides.lock.retired(holding.name):
        notes = tuple(_retired_notes(holding.name, gone, sides))
        if notes:
            status: DriftStatus = "missing" if gone.id in sides.observation.gone else "changed"
            yield DriftedVoice(holding.name, gone.id, status, notes=notes)


def _voice(name: str, voice: Voice | None, record: Record, sides: _Sides) -> DriftedVoice:
    model = sides.observation.models.get(record.id)
    row = DriftedVoice(
        name,
        record.id,
        "in_step",
        Source.of(voice),
        unverifiable=UNVERIFIABLE if record.origin == "created" else (),
    )
    retired = tuple(note for gone in record.retired for note in _retired_notes(name, gone, sides))
    if model is None and (words := sides.observation.unreadable.get(record.id)):
        note = f"it can't be read, and may be gone: {words}"
        # Its owner may make an external model private at any time: that is no damage to the catalog.
        status: DriftStatus = "in_step" if record.origin == "external" else "missing"
        return replace(row, status=status, notes=(note, *retired))
    if model is None:
        return replace(row, status="missing", notes=("the recorded model is gone from the account", *retired))
    fields = tuple(drifted_fields(record, model))
    marks = () if record.origin == "external" else tuple(_marks_notes(name, record, model, sides.lock))
    changed = bool(fields or marks or retired)
    notes = (
        *marks,
        *retired,
        *_cover_notes(voice, record, model),
        *_provider_notes(model),
        *_consent_notes(voice, sides.request.today),
    )
    if changed and model.updated_at is not None:
        when = model.updated_at.strftime("%Y-%m-%d %H:%M UTC")
        notes = (*notes, f"last changed on {when}; the provider does not tell by whom")
    return replace(row, status=_status(model, voice, sides.request.today, changed), fields=fields, notes=notes)


def _status(model: Model, voice: Voice | None, today: date, changed: bool) -> DriftStatus:
    """The gravest of what holds."""
    if model.taken_down:
        return "taken_down"
    if model.state == "failed":
        return "failed"
    if changed:
        return "changed"
    if model.release_state == "retiring":
        return "retiring"
    if model.state != "trained":
        return "not_ready"
    return "consent_expired" if any(_consent_notes(voice, today)) else "in_step"


def drifted_fields(record: Record, model: Model) -> Iterator[DriftedField]:
    """Fields whose observed value is not the one that was last applied; what is unmanaged has none."""
    for name in FIELDS:
        recorded = record.applied.get(name)
        # An unmanaged field may be anything: the web app decides about it.
        if recorded is None:
            continue
        observed = observed_value(name, model, record.applied)
        if observed != recorded:
            yield DriftedField(name, recorded, observed)


def _marks_notes(name: str, record: Record, model: Model, lock: Lock) -> Iterator[str]:
    wanted = marks_of_record(lock, name, record)
    others = marker.owners(model.tags) - {lock.namespace}
    if others:
        yield f"it carries the marks of {', '.join(sorted(others))}"
    elif not model.marks:
        yield "its marks are gone"
    elif set(model.marks) != set(wanted):
        yield "its marks were changed"


def _cover_notes(voice: Voice | None, record: Record, model: Model) -> Iterator[str]:
    """A cover where none was applied: unmanaged, so no drift, but somebody put it there."""
    ignored = voice is not None and "cover_image" in voice.lifecycle.ignore
    if record.origin == "created" and record.applied.cover_image is None and model.cover_image and not ignored:
        yield "it has a cover image that was added in the account; while no `cover_image` is in Git it is left alone"


def _retired_notes(name: str, gone: Retired, sides: _Sides) -> Iterator[str]:
    model = sides.observation.models.get(gone.id)
    if model is None and gone.id in sides.observation.unreadable:
        yield f"retired generation {gone.generation} ({gone.id}) can't be read"
    elif model is None:
        yield f"retired generation {gone.generation} ({gone.id}) is gone from the account"
    elif set(model.marks) != set(marks_of_retired(sides.lock, name, gone, model)):
        yield f"retired generation {gone.generation} ({gone.id}) has other marks"
    elif model.visibility == "public":
        yield f"retired generation {gone.generation} ({gone.id}) is public again"


def _provider_notes(model: Model) -> Iterator[str]:
    if model.taken_down:
        yield "the provider has taken it down after a complaint"
    if model.lock_visibility:
        yield "visibility is locked by the provider"
    if model.release_state == "retiring":
        yield "the provider is retiring it"
    if model.state == "failed":
        yield "its training failed"
    elif model.state != "trained":
        yield "it is still training"


def _consent_notes(voice: Voice | None, today: date) -> Iterator[str]:
    consent = voice.consent if voice else None
    if voice is not None and consent is not None:
        if withdrawn(voice, today):
            yield f"the consent was withdrawn on {consent.withdrawn_on}"
        elif consent.expires_on is not None and consent.expires_on < today:
            yield f"the consent expired on {consent.expires_on}"


def _orphaned(sides: _Sides) -> Iterator[Orphan]:
    """Models with our marks that the lockfile does not know, but for those of voices that are still to be recorded."""
    lock, known = sides.lock, sides.lock.ids()
    # A run that was killed before it saved leaves a model that the next apply records: nobody has lost it.
    names = sides.voices.keys() - lock.voices.keys() - lock.removed.keys()
    for model in _by_age(sides.observation.models.values()):
        mark = model.marker(lock.namespace)
        if mark is not None and model.id not in known and mark.name not in names:
            yield Orphan(model.id, mark.name, model.title)


def _unmanaged(sides: _Sides) -> Iterator[Unmanaged]:
    """Models without marks that no manifest and no record claims."""
    claimed = sides.request.claimed | sides.lock.ids() | {voice.model for voice in sides.voices.values()}
    for model in _by_age(sides.account):
        if not model.marks and model.id not in claimed:
            yield Unmanaged(model.id, model.title, model.created_at)


def _foreign(sides: _Sides) -> int:
    """Models of other catalogs in the account."""
    return sum(bool(marker.owners(model.tags) - {sides.lock.namespace}) for model in sides.account)


def _by_age(models: Iterable[Model]) -> list[Model]:
    return sorted(models, key=lambda model: model.age)


def _pending(sides: _Sides) -> int:
    """Voices whose manifest is ahead of the lockfile, as far as that shows without opening a sample."""
    if not sides.request.readable:
        return 0
    voices, recorded = sides.voices, sides.lock.voices
    return len(voices.keys() ^ recorded.keys()) + sum(
        _ahead(voices[name], recorded[name]) for name in voices.keys() & recorded.keys()
    )


def _ahead(voice: Voice, record: Record) -> bool:
    for name in FIELDS:
        desired = voice.metadata.get(name)
        # A cover is known by its file's digest, which takes opening it.
        if desired is None or name == "cover_image" or name in voice.lifecycle.ignore or voice.external:
            continue
        blocked = record.blocked.get(name)
        # What the provider did not take is recorded as it is there: Git is not ahead by that.
        if desired != (blocked.desired if blocked else record.applied.get(name)):
            return True
    return False
