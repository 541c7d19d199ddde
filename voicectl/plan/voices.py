"""What the voices of the manifests need: create, update, replace, restore, refresh. Pure decisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from voicectl.model.lock import Applied, Record
from voicectl.model.observed import Model
from voicectl.model.voice import FIELDS, Voice
from voicectl.plan import notices
from voicectl.plan.actions import Create, LimitName, Prune, Refresh, Replace, Resend, Restore, Retirement, Update
from voicectl.plan.case import TRAINING_FAILED, Case, Decision
from voicectl.plan.compare import (
    Comparison,
    applied_at_creation,
    inputs_reason,
    inputs_summary,
    sample_changes,
    settled,
)
from voicectl.plan.identity import inputs_of
from voicectl.plan.patches import creation_metadata, field_patch
from voicectl.plan.plan import Action, FieldChange, Notice, Refusal


def voice_tasks(case: Case, voice: Voice) -> Iterator[Decision]:
    """What a voice of the manifests needs for its current model."""
    current, successor, record = case.holding.current, case.holding.successor, case.record
    if voice.external:
        yield from _external(case, voice)
    # Before anything is made: what is there already costs no upload, and brings an id back that users know.
    elif successor is not None:
        yield from _make_current(case, voice, successor, current)
    elif current is None:
        # Who names a model wants that one: to make another from the samples would hide the mistake.
        if voice.model and (record is None or record.origin == "external" or not voice.samples):
            yield Refusal(
                "model_missing",
                f"{voice.source.file}:{voice.source.line}: {voice.name}: the model {voice.model} that the manifest "
                "names is not in the account, "
                "or serves another name",
                "correct `model`, or take the voice out of the manifests",
                (voice.name,),
            )
        else:
            yield _create(case, voice)
    elif _needs_replacement(case, voice, current):
        yield from _replace(case, voice, current)
    else:
        yield from _in_place(case, voice, current)


def _external(case: Case, voice: Voice) -> Iterator[Decision]:
    """An external voice is looked up and recorded, never written to."""
    model, record = case.holding.current, case.record
    if model is None:
        serves = record is not None and record.origin != "external"
        # Going on would retire the model that serves the name, with nothing to take its place.
        message = f"{voice.name}: the external model {voice.model} can't be found"
        yield (Refusal if serves else Notice)("external_missing", message, "", (voice.name,))
        return
    wanted = Record(
        origin="external",
        id=model.id,
        state=model.state,
        protect=voice.lifecycle.protect,
        retired=case.left_retired(),
    )
    if wanted != record or case.holding.previous_name is not None:
        change = case.change(Action.REFRESH, model, adopted=case.holding.adopted)
        yield Refresh(change=change, was=change.previous_name, record=wanted)


def _needs_replacement(case: Case, voice: Voice, current: Model) -> bool:
    inputs = inputs_of(current, case.record, voice.inputs, case.namespace)
    changed = voice.inputs is not None and inputs is not None and inputs != voice.inputs
    retry = case.request.retry_failed
    if current.state == "failed" and retry and voice.samples:
        return True
    # A replacement whose training failed is not made again with every apply.
    return changed and (retry or not _pending_failed(case, voice))


def _pending_failed(case: Case, voice: Voice) -> bool:
    pending = case.record.pending if case.record else None
    return (
        pending is not None
        and pending.inputs == voice.inputs
        and any(m.id == pending.id and m.state == "failed" for m in case.holding.strays)
    )


def _create(case: Case, voice: Voice) -> Create:
    record, missing = case.record, case.holding.missing
    generation = case.next_generation if record or case.holding.retired else 1
    fields = tuple(
        FieldChange(name, voice.metadata.get(name), None, None, "manifest")
        for name in FIELDS
        if voice.metadata.get(name) not in (None, "", ())
    )
    inputs = FieldChange("inputs", voice.inputs, None, None, "manifest")
    change = case.change(
        Action.CREATE,
        generation=generation,
        fields=(*fields, inputs),
        samples=sample_changes(voice, ()),
        id=record.id if record and missing else None,
        reason=inputs_summary(voice),
        warnings=("the recorded model is gone from the account",) if missing else (),
    )
    return Create(
        change=change,
        was=change.previous_name,
        voice=voice,
        metadata=voice.metadata,
        record=replace(
            case.blank(voice, None, "created", generation),
            retired=case.left_retired(),
            applied=applied_at_creation(voice, Applied()),
        ),
        renames=case.renames,
    )


def _in_place(case: Case, voice: Voice, model: Model) -> Iterator[Decision]:
    """Update or refresh of the model that stays."""
    found = case.compared(voice, model)
    base, known, comparison, fields = found.base, found.known, found.comparison, found.fields
    yield from notices.about_values(voice, comparison)
    yield from notices.about_model(voice, model, base, known)
    pending = case.record.pending if case.record else None
    waits = known is not None and pending is not None and _pending_failed(case, voice)
    if pending is not None and waits:
        base = replace(base, pending=pending)
        yield notices.training_failed(voice, pending.id)
    record = settled(base, voice, model, comparison)
    if known is not None and waits:
        # The model that serves was made from the earlier samples.
        record = replace(record, inputs=known.inputs, samples=known.samples)
    patch = field_patch(fields, voice, model, case.marker(model))
    renames = case.renames
    if comparison.held and not model.taken_down:
        yield _resend(case, voice, model, comparison)
    in_step = patch.empty and not renames and case.holding.previous_name is None
    if in_step and record == case.record:
        return
    limit: LimitName | None = "max_replaces" if case.holding.displaced else None
    change = case.change(
        Action.REFRESH if in_step else Action.UPDATE,
        model,
        adopted=case.holding.adopted,
        generation=record.generation,
        fields=tuple(fields),
        warnings=notices.about_id(case, model),
    )
    was = change.previous_name
    if in_step:
        confirms = model if change.adopted else None
        yield Refresh(change=change, was=was, limit=limit, record=record, confirms=confirms)
    else:
        yield Update(
            change=change, was=was, limit=limit, voice=voice, record=record, renames=renames, model=model, patch=patch
        )


def _resend(case: Case, voice: Voice, model: Model, comparison: Comparison) -> Resend:
    """Each apply sends once more what the provider did not take before."""
    return Resend(
        change=case.change(Action.UPDATE, model, fields=comparison.held, reason="blocked"),
        voice=voice,
        model=model,
        patch=field_patch(comparison.held, voice, model, case.marker(model)),
    )


def _replace(case: Case, voice: Voice, current: Model) -> Iterator[Decision]:
    """A new generation is to be made, and takes the current one's place."""
    found = case.compared(voice, current)
    known, comparison = found.known, found.comparison
    generation = case.next_generation
    gives_way = case.gives_way(current)
    failed = current.state == "failed"
    yield from notices.about_values(voice, comparison)
    change = case.change(
        Action.REPLACE,
        current,
        adopted=case.holding.adopted,
        generation=generation,
        fields=(_inputs_change(voice, known), *comparison.fields),
        samples=() if failed else sample_changes(voice, known.samples if known else ()),
        reason=TRAINING_FAILED if failed else inputs_reason(voice, known),
        retires=gives_way.model.id,
        undo_until=_undo_until(case, gives_way),
        warnings=notices.in_use_elsewhere(current),
    )
    yield Replace(
        change=change,
        was=change.previous_name,
        limit="max_replaces",
        voice=voice,
        metadata=creation_metadata(voice, current, comparison.left),
        record=replace(
            case.blank(voice, None, "created", generation),
            retired=found.base.retired,
            applied=applied_at_creation(voice, found.base.applied, comparison.left),
        ),
        retires=gives_way,
        renames=case.renames,
    )
    yield from _prune_replaced(case, gives_way)


def _make_current(case: Case, voice: Voice, successor: Model, current: Model | None) -> Iterator[Decision]:
    """A model with the desired inputs exists: it takes over; nothing is uploaded.

    A retired generation is restored. One that an interrupted run made finishes its replacement.
    """
    mark = successor.marker(case.namespace)
    was_retired = any(gone.id == successor.id for gone, _ in case.holding.retired)
    restored = was_retired or current is None or (mark is not None and mark.retired)
    # Nothing that was applied to the model before it counts for this one.
    fresh = replace(case, holding=replace(case.holding, record=None))
    found = fresh.compared(voice, successor)
    comparison, fields = found.comparison, found.fields
    generation = case.generation_of(successor)
    base = replace(found.base, origin="created", generation=generation, previous_names=case.previous_names)
    gives_way = case.gives_way(current) if current is not None else None
    yield from notices.about_values(voice, comparison)
    serves_until_then = (f"{current.id} serves until then: tell its users",) if restored and current else ()
    change = case.change(
        Action.RESTORE if restored else Action.REPLACE,
        # A replacement speaks of the id that goes, a restoration of the one that comes back.
        successor if restored else current,
        adopted=not was_retired,
        generation=generation,
        fields=(_inputs_change(voice, case.record), *(f for f in fields if f.field != "marks")),
        samples=sample_changes(voice, case.record.samples if case.record else ()),
        reason="a retired generation has these inputs" if restored else "finishes an interrupted replacement",
        retires=gives_way.model.id if gives_way else None,
        undo_until=_undo_until(case, gives_way),
        warnings=(*serves_until_then, *notices.in_use_elsewhere(current)),
    )
    yield Restore(
        change=change,
        was=change.previous_name,
        limit=None if restored else "max_replaces",
        voice=voice,
        model=successor,
        patch=field_patch(fields, voice, successor, case.marker(successor)),
        record=settled(base, voice, successor, comparison, retrained=True),
        retires=gives_way,
        renames=case.renames,
    )
    if gives_way is not None:
        yield from _prune_replaced(case, gives_way)


def _inputs_change(voice: Voice, known: Record | None) -> FieldChange:
    recorded = known.inputs if known else None
    return FieldChange("inputs", voice.inputs, recorded, recorded, "manifest")


def _undo_until(case: Case, gives_way: Retirement | None) -> datetime | None:
    """Until when what gives way is kept; None where it is not."""
    if gives_way is None or gives_way.entry is None or not (case.retention or case.protected):
        return None
    return gives_way.entry.delete_after


def _prune_replaced(case: Case, gives_way: Retirement) -> Iterator[Prune]:
    """With `retain: 0` the generation that gave way is deleted in the same run."""
    if gives_way.entry is not None and not case.retention and not case.protected:
        yield case.prune(gives_way.model, "replaced, retain 0", entry=gives_way.entry, limit="max_deletes")
