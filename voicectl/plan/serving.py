"""What the voices of the manifests need: create, update, replace, restore, refresh. Pure decisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from voicectl.model import marker
from voicectl.model.lock import Applied, Origin, Record
from voicectl.model.marker import Marker
from voicectl.model.observed import Model, Patch
from voicectl.model.voice import FIELDS, Voice
from voicectl.plan.compare import (
    Comparison,
    applied_at_creation,
    compare,
    inputs_reason,
    inputs_summary,
    marks_change,
    recorded_samples,
    settled,
    shown,
)
from voicectl.plan.decision import Decision, change, generation_of, left_retired, next_generation, protected, prune
from voicectl.plan.external import external
from voicectl.plan.identity import Holding, inputs_of
from voicectl.plan.plan import Action, FieldChange, Notice, Refusal
from voicectl.plan.task import (
    Retirement,
    Rules,
    Task,
    creation_metadata,
    field_patch,
    retired_marker,
    retirement,
    tags_patch,
)


def voice_tasks(holding: Holding, voice: Voice, rules: Rules) -> Iterator[Decision]:
    """What a voice of the manifests needs for its current model."""
    current = holding.current
    if voice.external:
        yield from external(holding, voice)
    elif current is None:
        if holding.successor is not None:
            yield from _make_current(holding, voice, holding.successor, None, rules)
        elif voice.model and (holding.record is None or holding.record.origin == "external" or not voice.samples):
            yield Refusal(
                "model_missing",
                f"{voice.source.file}:{voice.source.line}: {voice.name}: the model {voice.model} that the manifest "
                "names is not in the account, "
                "or serves another name",
                "correct `model`, or take the voice out of the manifests",
                (voice.name,),
            )
        else:
            yield _create(holding, voice, rules)
    elif holding.successor is not None:
        yield from _make_current(holding, voice, holding.successor, current, rules)
    elif _needs_replacement(holding, voice, current, rules):
        yield from _replace(holding, voice, current, rules)
    else:
        yield from _in_place(holding, voice, current, rules)


def _needs_replacement(holding: Holding, voice: Voice, current: Model, rules: Rules) -> bool:
    inputs = inputs_of(current, holding.record, voice.inputs, rules.namespace)
    changed = voice.inputs is not None and inputs is not None and inputs != voice.inputs
    waiting = changed and holding.record is not None and _pending_failed(holding, voice)
    return (changed and (not waiting or rules.retry_failed)) or (
        current.state == "failed" and rules.retry_failed and bool(voice.samples)
    )


def _pending_failed(holding: Holding, voice: Voice) -> bool:
    pending = holding.record.pending if holding.record else None
    return (
        pending is not None
        and pending.inputs == voice.inputs
        and any(m.id == pending.id and m.state == "failed" for m in holding.strays)
    )


def _origin(model: Model, voice: Voice, rules: Rules) -> Origin:
    mark = model.marker(rules.namespace)
    made_here = mark is not None and mark.key != marker.ADOPTED and voice.model != model.id
    return "created" if made_here else "adopted"


def _blank(voice: Voice, model: Model | None, origin: Origin, generation: int) -> Record:
    """The record of a model of which nothing was recorded yet."""
    return Record(
        origin=origin,
        id=model.id if model else "",
        generation=generation,
        inputs=voice.inputs,
        samples=recorded_samples(voice),
        state=model.state if model else "created",
        protect=voice.lifecycle.protect,
        retain=voice.lifecycle.retain,
    )


def _create(holding: Holding, voice: Voice, rules: Rules) -> Task:
    generation = next_generation(holding) if holding.record or holding.retired else 1
    fields = tuple(
        FieldChange(name, voice.metadata.get(name), None, None, "manifest")
        for name in FIELDS
        if voice.metadata.get(name) not in (None, "", ())
    )
    inputs = FieldChange("inputs", voice.inputs, None, None, "manifest")
    record = _blank(voice, None, "created", generation)
    return Task(
        replace(
            change(holding, Action.CREATE),
            generation=generation,
            fields=(*fields, inputs),
            id=holding.record.id if holding.record and holding.missing else None,
            reason=inputs_summary(voice),
            warnings=("the recorded model is gone from the account",) if holding.missing else (),
        ),
        voice=voice,
        metadata=voice.metadata,
        record=replace(record, retired=left_retired(holding), applied=applied_at_creation(voice, Applied())),
        also=_moved_generations(holding, rules),
    )


def _compared(
    holding: Holding, voice: Voice, model: Model, rules: Rules
) -> tuple[Record, Record | None, Comparison, tuple[FieldChange, ...]]:
    """The record to start from, the one that was applied to this model, and what differs."""
    known = holding.record if holding.record and holding.record.id == model.id else None
    known = None if known and known.origin == "external" else known
    if known is None:
        generation = generation_of(holding, model)
        base = _blank(voice, model, _origin(model, voice, rules), generation)
        base = replace(base, retired=left_retired(holding, model.id))
    else:
        base = replace(known, retired=left_retired(holding, model.id), pending=None)
    comparison = compare(voice, known, model, rules.catalog.policy)
    marks = marks_change(_wanted(voice, base, rules), model, known, moved=holding.previous_name is not None)
    return base, known, comparison, (*comparison.fields, *((marks,) if marks else ()))


def _wanted(voice: Voice, base: Record, rules: Rules) -> Marker:
    """The marker of the model that stays. An adopted one never carries a digest: that would say we made it."""
    inputs = None if base.origin == "adopted" else base.inputs if voice.inputs is None else voice.inputs
    return Marker.of(rules.namespace, voice.name, inputs)


def notices(voice: Voice, comparison: Comparison) -> Iterator[Decision]:
    """What a comparison has to say beside its changes."""
    for field in comparison.left:
        yield Notice("kept", f"{voice.name}: {field.field} was changed in the account and is kept", "", (voice.name,))
    for field in comparison.refused:
        what = "changed in the account" if field.cause == "drift" else "changed both in Git and in the account"
        values = f"Git {shown(field.desired)}, last applied {shown(field.recorded)}, account {shown(field.observed)}"
        flag = "--on-drift" if field.cause == "drift" else "--on-conflict"
        yield Refusal(
            field.cause,
            f"{voice.name}: {field.field} was {what}: {values}",
            f"take the account's value into the manifest, or run with {flag} overwrite or {flag} keep",
            (voice.name,),
        )
    for warning in comparison.warnings:
        yield Notice("blocked", f"{voice.name}: {warning}", "", (voice.name,))


def _in_place(holding: Holding, voice: Voice, model: Model, rules: Rules) -> Iterator[Decision]:
    """Update or refresh of the model that stays."""
    base, known, comparison, fields = _compared(holding, voice, model, rules)
    yield from notices(voice, comparison)
    if voice.model and voice.model != model.id and not voice.samples:
        yield Notice(
            "model_ignored",
            f"{voice.name}: `model` names {voice.model}, but {model.id} is recorded and stays",
            "`model` counts only where no model is recorded: remove the voice, apply, then adopt the other one",
            (voice.name,),
        )
    if model.taken_down:
        words = f"{voice.name}: the provider has taken {model.id} down after a complaint"
        yield Notice("taken_down", words, "settle it with the provider; its visibility is left alone", (voice.name,))
    if model.release_state == "retiring":
        words = f"{voice.name}: the provider is retiring {model.id}"
        yield Notice("retiring", words, "its id will stop working: prepare another voice", (voice.name,))
    if model.state == "failed":
        yield _failed_notice(voice, model.id)
    elif model.state != "trained":
        yield Notice("not_trained", f"{voice.name}: {model.id} is still training", "", (voice.name,))
    pending = holding.record.pending if holding.record else None
    if known is not None and pending is not None and _pending_failed(holding, voice):
        base = replace(base, pending=pending, inputs=known.inputs)
        yield _failed_notice(voice, pending.id)
    patch = field_patch(fields, voice, model, _wanted(voice, base, rules))
    record = settled(base, voice, model, comparison)
    if pending is not None and base.pending is not None and known is not None:
        record = replace(record, inputs=known.inputs, samples=known.samples)
    also = _moved_generations(holding, rules)
    in_step = patch.empty and not also and holding.previous_name is None
    if in_step and record == holding.record:
        return
    action = Action.REFRESH if in_step else Action.UPDATE
    yield Task(
        replace(
            change(holding, action, model),
            adopted=holding.adopted,
            generation=record.generation,
            fields=tuple(fields),
            warnings=(*_other_id(holding, model), *comparison.warnings),
        ),
        voice=voice,
        model=model,
        patch=patch,
        record=record,
        also=also,
    )


def _other_id(holding: Holding, model: Model) -> tuple[str, ...]:
    """What to know where the account already has another model in the place of the recorded one."""
    record = holding.record
    if record is None or record.origin == "external" or record.id == model.id:
        return ()
    return (f"the id is no longer {record.id}, as the lockfile says: tell its users",)


def _failed_notice(voice: Voice, model_id: str) -> Notice:
    return Notice(
        "training_failed",
        f"{voice.name}: the training of {model_id} failed",
        "look at its samples, then run `voicectl apply --retry-failed`",
        (voice.name,),
    )


def _moved_generations(holding: Holding, rules: Rules) -> tuple[tuple[Model, Patch], ...]:
    """After a move, the marks of all generations say the new name."""
    if holding.previous_name is None:
        return ()
    pairs = (
        (model, tags_patch(model, retired_marker(holding.name, gone, model, rules)))
        for gone, model in holding.retired
        if model is not None and (model.marks or not gone.due(rules.now))
    )
    return tuple((model, patch) for model, patch in pairs if not patch.empty)


def _replace(holding: Holding, voice: Voice, current: Model, rules: Rules) -> Iterator[Decision]:
    """A new generation is to be made, and takes the current one's place."""
    base, known, comparison, _ = _compared(holding, voice, current, rules)
    generation = next_generation(holding)
    gives_way = _gives_way(holding, current, rules)
    failed = current.state == "failed"
    reason = "its training failed" if failed else inputs_reason(voice, known)
    blank = _blank(voice, None, "created", generation)
    yield from notices(voice, comparison)
    yield Task(
        replace(
            change(holding, Action.REPLACE, current),
            adopted=holding.adopted,
            generation=generation,
            fields=(_inputs_change(voice, known), *comparison.fields),
            reason=reason,
            retires=gives_way.model.id if gives_way else None,
            undo_until=_undo_until(holding, gives_way, rules),
            warnings=(*in_use_elsewhere(current), *comparison.warnings),
        ),
        voice=voice,
        metadata=creation_metadata(voice, current, comparison.left),
        record=replace(blank, retired=base.retired, applied=applied_at_creation(voice, base.applied, comparison.left)),
        retires=gives_way,
        also=_moved_generations(holding, rules),
    )
    yield from _prune_replaced(holding, current, gives_way, rules)


def _undo_until(holding: Holding, gives_way: Retirement | None, rules: Rules) -> datetime | None:
    """Until when what gives way is kept; None where it is not."""
    if gives_way is None or gives_way.entry is None or not (rules.retention(holding) or protected(holding)):
        return None
    return gives_way.entry.delete_after


def in_use_elsewhere(model: Model | None) -> tuple[str, ...]:
    """What to know before a model gives way that others than its owner could be using."""
    if model is None or model.visibility == "private":
        return ()
    who = "public: anybody" if model.visibility == "public" else "unlisted: anybody who was told its id"
    return (f"{model.id} is {who} may be using it elsewhere",)


def _prune_replaced(holding: Holding, model: Model, gives_way: Retirement, rules: Rules) -> Iterator[Task]:
    """With `retain: 0` the generation that gave way is deleted in the same run."""
    if gives_way.entry is not None and not rules.retention(holding) and not protected(holding):
        task = prune(holding, model, "replaced, retain 0", rules)
        yield replace(task, entry=gives_way.entry, removes_voice=True)


def _inputs_change(voice: Voice, known: Record | None) -> FieldChange:
    recorded = known.inputs if known else None
    return FieldChange("inputs", voice.inputs, recorded, recorded, "manifest")


def _gives_way(holding: Holding, current: Model, rules: Rules) -> Retirement:
    record = holding.record
    inputs = inputs_of(current, record, None, rules.namespace)
    keep = rules.retention(holding)
    known = record if record is not None and record.id == current.id else None
    return retirement(holding.name, current, known, generation_of(holding, current), inputs, keep, rules)


def _make_current(
    holding: Holding, voice: Voice, successor: Model, current: Model | None, rules: Rules
) -> Iterator[Decision]:
    """A model with the desired inputs exists: it takes over; nothing is uploaded.

    A retired generation is restored. One that an interrupted run made finishes its replacement.
    """
    mark = successor.marker(rules.namespace)
    was_retired = any(gone.id == successor.id for gone, _ in holding.retired)
    restored = was_retired or current is None or (mark is not None and mark.retired)
    without_record = replace(holding, record=None) if holding.record else holding
    base, _, comparison, fields = _compared(without_record, voice, successor, rules)
    base = replace(base, origin="created", generation=generation_of(holding, successor))
    gives_way = _gives_way(holding, current, rules) if current is not None else None
    action = Action.RESTORE if restored else Action.REPLACE
    wanted = Marker(rules.namespace, voice.name, marker.key_of(voice.inputs))
    visible = [f for f in fields if f.field != "marks"]
    yield from notices(voice, comparison)
    # A replacement speaks of the id that goes, a restoration of the one that comes back.
    named = current if action is Action.REPLACE else successor
    yield Task(
        replace(
            change(holding, action, named),
            adopted=successor.id not in {gone.id for gone, _ in holding.retired},
            generation=base.generation,
            fields=(_inputs_change(voice, holding.record), *visible),
            reason="a retired generation has these inputs" if restored else "finishes an interrupted replacement",
            retires=gives_way.model.id if gives_way else None,
            undo_until=_undo_until(holding, gives_way, rules),
            warnings=(
                *((f"{current.id} serves until then: tell its users",) if restored and current is not None else ()),
                *in_use_elsewhere(current),
                *comparison.warnings,
            ),
        ),
        voice=voice,
        model=successor,
        patch=field_patch(fields, voice, successor, wanted),
        record=settled(base, voice, successor, comparison, retrained=True),
        retires=gives_way,
        also=_moved_generations(holding, rules),
    )
    if current is not None and gives_way is not None:
        yield from _prune_replaced(holding, current, gives_way, rules)
