"""Drift: what the account shows against what was last applied. Pure.

Only recorded and observed are compared. A manifest that is ahead of the lockfile is no drift: it is counted as
pending, and otherwise left to `plan`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from voicectl.model import marker
from voicectl.model.catalog import OnDrift
from voicectl.model.lock import Lock, Record, Retired
from voicectl.model.observed import Model, Observation
from voicectl.model.voice import FIELDS, Voice
from voicectl.plan.compare import observed_value, values_ahead
from voicectl.plan.consent import in_days, withdrawn
from voicectl.plan.drift_report import (
    GRAVEST,
    DriftedField,
    DriftedVoice,
    DriftReport,
    DriftStatus,
    DriftSummary,
    Unmanaged,
)
from voicectl.plan.identity import Holding
from voicectl.plan.offline import marks_of_record, marks_of_retired
from voicectl.plan.plan import Orphan, Source
from voicectl.plan.request import DriftRequest, select

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
    rows = (
        replace(row, remedies=tuple(_remedies(row, holding, sides)))
        for holding in holdings
        for row in _rows(holding, sides)
    )
    found = tuple(sorted(rows, key=lambda row: (GRAVEST.index(row.status), row.name)))
    orphaned = tuple(_orphaned(sides))
    unmanaged = tuple(_unmanaged(sides))
    others = DriftSummary(
        unmanaged=len(unmanaged), foreign=_foreign(sides), orphaned=len(orphaned), pending=_pending(sides)
    )
    counted: dict[str, Any] = dict(Counter(voice.status for voice in found))
    consents = [_consent(holding.voice, request.today, request.catalog.policy.consent_warning) for holding in holdings]
    for status in ("consent_expired", "consent_expiring"):
        counted[status] = sum(each is not None and each[0] == status for each in consents)
    summary = replace(others, **counted)
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
        hidden: DriftStatus = "in_step" if record.origin == "external" else "missing"
        return replace(row, status=hidden, notes=(note, *retired))
    if model is None:
        return replace(row, status="missing", notes=("the recorded model is gone from the account", *retired))
    fields = tuple(drifted_fields(record, model))
    marks = () if record.origin == "external" else tuple(_marks_notes(name, record, model, sides.lock))
    changed = bool(fields or marks or retired)
    consent = _consent(voice, sides.request.today, sides.request.catalog.policy.consent_warning)
    notes = (
        *marks,
        *retired,
        *_cover_notes(voice, record, model),
        *_provider_notes(model),
        *((consent[1],) if consent else ()),
    )
    if changed and model.updated_at is not None:
        when = model.updated_at.strftime("%Y-%m-%d %H:%M UTC")
        notes = (*notes, f"last changed on {when}; the provider does not tell by whom")
    return replace(
        row, status=_status(model, changed, consent[0] if consent else "in_step"), fields=fields, notes=notes
    )


def _status(model: Model, changed: bool, consent: DriftStatus) -> DriftStatus:
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
    return consent


_DRIFTED: dict[OnDrift, str] = {
    "overwrite": "the next apply sets Git's values again (`--on-drift keep` leaves the account's)",
    "keep": "the next apply leaves the account's values, as policy.on_drift says (`--on-drift overwrite` sets Git's)",
    "fail": "the next apply stops, as policy.on_drift says (`--on-drift overwrite` sets Git's values, `keep` the "
    "account's)",
}


def _remedies(row: DriftedVoice, holding: Holding, sides: _Sides) -> Iterator[str]:
    """What to do about a voice, in sentences."""
    chosen = f" --env {sides.lock.environment}" if sides.lock.environment else ""
    pull = f"`voicectl pull{chosen} --only {row.name}` takes the account's values into Git"
    voice, record = holding.voice, holding.record
    match row.status:
        case "missing" if voice is not None and (voice.external or (voice.model and not voice.samples)):
            yield "correct `model` in its manifest, or take the voice out: apply makes no other in its place"
        case "missing" if row.source is not None:
            yield "the next apply makes it again, with another id: tell the users of the old one"
            yield "if another key or workspace holds it, use that one"
        case "missing":
            yield "the next apply drops its record"
        case "changed" if record is None or not (row.fields or _other_marks(row, record, sides)):
            yield "the next apply looks after the marks and the records of retired generations"
            yield "one that is public again is narrowed in the account alone"
        case "changed" if row.source is None:
            yield "it is in no manifest any more: the next apply retires it"
        case "changed" if any(field.field != "cover_image" for field in row.fields):
            yield _DRIFTED[sides.request.catalog.policy.on_drift]
            yield pull
        case "changed" if row.fields:
            yield "the next apply sends Git's cover image again"
        case "changed":
            yield "the next apply writes our marks again"
        case "failed":
            yield f"look at its samples, then run `voicectl apply{chosen} --retry-failed`"
        case "taken_down":
            yield "settle it with the provider; apply leaves its visibility alone"
        case "retiring":
            yield "its id will stop working: prepare another voice"
        case "not_ready":
            yield "wait for its training to end"
        case "consent_expired":
            yield "the next apply does not create, replace or widen it; a withdrawn one is deleted for good"
            yield "renew the consent, or take the voice out of the manifests"
        case "consent_expiring":
            yield "renew the consent before then, or take the voice out of the manifests"


def _other_marks(row: DriftedVoice, record: Record, sides: _Sides) -> bool:
    model = sides.observation.models.get(record.id)
    return model is not None and any(_marks_notes(row.name, record, model, sides.lock))


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


def _consent(voice: Voice | None, today: date, warning: timedelta) -> tuple[DriftStatus, str] | None:
    """A consent that has ended, or ends soon: whose it is, which document says so, and when."""
    consent = voice.consent if voice else None
    if voice is None or consent is None:
        return None
    whose = f"the consent of {consent.speaker}" + (f" ({consent.document})" if consent.document else "")
    if withdrawn(voice, today):
        return "consent_expired", f"{whose} was withdrawn on {consent.withdrawn_on}"
    if consent.withdrawn_on is not None and consent.withdrawn_on <= today + warning:
        return "consent_expiring", f"{whose} is withdrawn on {consent.withdrawn_on}"
    if consent.expires_on is None or consent.expires_on > today + warning:
        return None
    if consent.expires_on < today:
        return "consent_expired", f"{whose} expired on {consent.expires_on}"
    return "consent_expiring", f"{whose} expires on {consent.expires_on}, {in_days(consent.expires_on, today)}"


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
        values_ahead(voices[name], recorded[name]) for name in voices.keys() & recorded.keys()
    )
