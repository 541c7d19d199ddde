"""Which actions a name needs (design: "Comparing", the table of actions). Pure decisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from voicectl.model import marker
from voicectl.model.catalog import DEFAULT_RETENTION
from voicectl.model.lock import Origin, Record, Retired
from voicectl.model.marker import Marker
from voicectl.model.observed import Model, Patch
from voicectl.model.voice import FIELDS, Voice
from voicectl.plan.compare import (
    Comparison,
    compare,
    inputs_reason,
    marks_change,
    recorded_samples,
    settled,
    shown,
)
from voicectl.plan.identity import Holding, inputs_of
from voicectl.plan.plan import Action, Change, FieldChange, Notice, Refusal
from voicectl.plan.task import (
    Retirement,
    Rules,
    Task,
    creation_metadata,
    digests,
    field_patch,
    marker_for,
    retirement,
    source,
    tags_patch,
    unmark_patch,
)

Decision = Task | Notice
"""What deciding about a name yields: tasks, warnings, and refusals among the notices."""


def change(
    holding: Holding, action: Action, model: Model | None = None, voice: Voice | None = None
) -> Change:
    """A change of this name with everything filled in that follows from the holding."""
    voice = voice or holding.voice
    mine = holding.record if holding.record and model and holding.record.id == model.id else None
    recorded_title = (holding.record.applied.title if holding.record else None) or ""
    return Change(
        name=holding.name,
        action=action,
        title=voice.title if voice else (model.title if model else recorded_title),
        previous_name=holding.previous_name,
        id=model.id if model else None,
        generation=holding.record.generation if holding.record else 1,
        source=source(voice),
        digests=digests(voice, mine or holding.record, model),
    )


def voice_tasks(holding: Holding, voice: Voice, rules: Rules) -> Iterator[Decision]:
    """What a voice of the manifests needs for its current model."""
    current = holding.current
    if voice.external:
        yield from _external(holding, voice)
    elif current is None:
        if holding.successor is not None:
            yield from _make_current(holding, voice, holding.successor, None, rules)
        elif voice.model and (holding.record is None or not voice.samples):
            yield Refusal(
                "model_missing",
                f"{voice.name}: the model {voice.model} that the manifest names is not in the account",
                "correct `model`, or take the voice out of the manifests",
                (voice.name,),
            )
        else:
            yield _create(holding, voice)
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


def _next_generation(holding: Holding) -> int:
    numbers = [gone.generation for gone, _ in holding.retired]
    last = max([holding.record.last_generation if holding.record else 0, *numbers])
    return (last if last or holding.current is None else 1) + 1


def generation_of(holding: Holding, model: Model) -> int:
    """The number of a model's generation: as recorded, else the next one."""
    record = holding.record
    if record is not None and record.id == model.id:
        return record.generation
    if record is not None and record.pending and record.pending.id == model.id:
        return record.pending.generation
    for gone, _ in holding.retired:
        if gone.id == model.id:
            return gone.generation
    return _next_generation(holding) if record or holding.retired else 1


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
    )


def _left_retired(holding: Holding, *without: str) -> tuple[Retired, ...]:
    return tuple(gone for gone, model in holding.retired if model is not None and gone.id not in without)


def _create(holding: Holding, voice: Voice) -> Task:
    generation = _next_generation(holding) if holding.record or holding.retired else 1
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
            reason="the recorded model is gone from the account" if holding.missing else "",
        ),
        voice=voice,
        metadata=voice.metadata,
        record=replace(record, retired=_left_retired(holding)),
    )


def _compared(
    holding: Holding, voice: Voice, model: Model, rules: Rules
) -> tuple[Record, Record | None, Comparison, tuple[FieldChange, ...]]:
    """The record to start from, the one that was applied to this model, and what differs."""
    known = holding.record if holding.record and holding.record.id == model.id else None
    if known is None:
        generation = generation_of(holding, model)
        base = _blank(voice, model, _origin(model, voice, rules), generation)
        base = replace(base, retired=_left_retired(holding, model.id))
    else:
        base = replace(known, retired=_left_retired(holding, model.id), pending=None)
    comparison = compare(voice, known, model, rules.catalog.policy)
    key = marker.key_of(voice.inputs if voice.inputs else base.inputs)
    wanted = Marker(rules.namespace, voice.name, key)
    marks = marks_change(wanted, model, known, moved=holding.previous_name is not None)
    return base, known, comparison, (*comparison.fields, *((marks,) if marks else ()))


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
    if model.state == "failed":
        yield Notice(
            "training_failed",
            f"{voice.name}: the training of {model.id} failed",
            "look at its samples, then run `voicectl apply --retry-failed`",
            (voice.name,),
        )
    elif model.state != "trained":
        yield Notice("not_trained", f"{voice.name}: {model.id} is still training", "", (voice.name,))
    pending = holding.record.pending if holding.record else None
    if known is not None and pending is not None and _pending_failed(holding, voice):
        base = replace(base, pending=pending, inputs=known.inputs)
    key = marker.key_of(voice.inputs if voice.inputs else base.inputs)
    patch = field_patch(fields, voice, model, Marker(rules.namespace, voice.name, key))
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
            warnings=comparison.warnings,
        ),
        voice=voice,
        model=model,
        patch=patch,
        record=record,
        also=also,
    )


def _moved_generations(holding: Holding, rules: Rules) -> tuple[tuple[Model, Patch], ...]:
    """After a move, the marks of all generations say the new name."""
    if holding.previous_name is None:
        return ()
    pairs = (
        (model, tags_patch(model, _retired_marker(holding, gone, rules)))
        for gone, model in holding.retired
        if model is not None and model.marks
    )
    return tuple((model, patch) for model, patch in pairs if not patch.empty)


def _retired_marker(holding: Holding, gone: Retired, rules: Rules) -> Marker:
    return Marker(rules.namespace, holding.name, marker.key_of(gone.inputs), retired=True)


def _replace(holding: Holding, voice: Voice, current: Model, rules: Rules) -> Iterator[Decision]:
    """A new generation is to be made, and takes the current one's place."""
    base, known, comparison, _ = _compared(holding, voice, current, rules)
    generation = _next_generation(holding)
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
            undo_until=gives_way.entry.delete_after if gives_way.entry else None,
            warnings=comparison.warnings,
        ),
        voice=voice,
        metadata=creation_metadata(voice, current, comparison.left),
        record=replace(blank, retired=base.retired),
        retires=gives_way,
        also=_moved_generations(holding, rules),
    )
    yield from _prune_replaced(holding, current, gives_way, rules)


def _prune_replaced(
    holding: Holding, model: Model, gives_way: Retirement, rules: Rules
) -> Iterator[Task]:
    """With `retain: 0` the generation that gave way is deleted in the same run."""
    if gives_way.entry is not None and not rules.retention(holding.voice) and not protected(holding):
        task = _prune(holding, model, "replaced, retain 0", rules)
        yield replace(task, entry=gives_way.entry)


def _inputs_change(voice: Voice, known: Record | None) -> FieldChange:
    recorded = known.inputs if known else None
    return FieldChange("inputs", voice.inputs, recorded, recorded, "manifest")


def _gives_way(holding: Holding, current: Model, rules: Rules) -> Retirement:
    record = holding.record
    inputs = inputs_of(current, record, None, rules.namespace)
    keep = rules.retention(holding.voice)
    known = record if record is not None and record.id == current.id else None
    return retirement(
        holding.name, current, known, generation_of(holding, current), inputs, keep, rules
    )


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
    yield Task(
        replace(
            change(holding, action, successor),
            adopted=successor.id not in {gone.id for gone, _ in holding.retired},
            generation=base.generation,
            fields=(_inputs_change(voice, holding.record), *visible),
            reason="a retired generation has these inputs" if restored else "finishes an interrupted replacement",
            undo_until=gives_way.entry.delete_after if gives_way and gives_way.entry else None,
            warnings=comparison.warnings,
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


def _external(holding: Holding, voice: Voice) -> Iterator[Decision]:
    """An external voice is looked up and recorded, never written to."""
    model = holding.current
    if model is None:
        yield Notice(
            "external_missing", f"{voice.name}: the external model {voice.model} can't be found", "", (voice.name,)
        )
        return
    record = Record(origin="external", id=model.id, state=model.state, protect=voice.lifecycle.protect)
    if record != holding.record:
        yield Task(
            replace(change(holding, Action.REFRESH, model), adopted=holding.adopted),
            voice=voice,
            model=model,
            record=record,
        )


def stray_tasks(holding: Holding, rules: Rules) -> Iterator[Task]:
    """Models of a name that nobody recorded: duplicates go, other generations are retired."""
    for model in holding.duplicates:
        if model.visibility == "private":
            yield _prune(holding, model, "duplicate", rules)
        else:
            yield _retire_stray(holding, model, rules, "duplicate, but visible to others")
    pending = holding.record.pending if holding.record else None
    for model in holding.strays:
        if pending is not None and model.id == pending.id and model.state == "failed" and not rules.retry_failed:
            if holding.voice is not None and holding.voice.inputs == pending.inputs:
                continue
        orphaned = holding.voice is None and holding.record is None
        yield _retire_stray(holding, model, rules, "orphaned" if orphaned else "another generation")


def _prune(holding: Holding, model: Model, reason: str, rules: Rules) -> Task:
    recorded = next((gone for gone, _ in holding.retired if gone.id == model.id), None)
    generation = recorded.generation if recorded else generation_of(holding, model)
    entry = recorded or Retired(model.id, generation, None, rules.now, rules.now)
    return Task(
        replace(
            change(holding, Action.PRUNE, model),
            generation=generation,
            reason=reason,
            previous_name=None,
            title=model.title,
        ),
        model=model,
        entry=entry,
        unfinished=entry.deleting,
    )


def _retire_stray(holding: Holding, model: Model, rules: Rules, reason: str) -> Task:
    """A model nobody recorded waits out at least the default retention: recovery deletes nothing."""
    keep = max(DEFAULT_RETENTION, rules.retention(holding.voice))
    mark = model.marker(rules.namespace)
    voice = holding.voice
    inputs = voice.inputs if voice and mark and voice.inputs and marker.key_of(voice.inputs) == mark.key else None
    number = generation_of(holding, model)
    gone = retirement(holding.name, model, None, number, inputs, keep, rules)
    forgets = gone.entry is None
    action = Action.FORGET if forgets else (Action.REFRESH if gone.patch.empty else Action.RETIRE)
    return Task(
        replace(
            change(holding, action, model),
            adopted=not forgets,
            generation=number,
            reason=reason,
            undo_until=gone.entry.delete_after if gone.entry else None,
            previous_name=None,
            title=model.title,
        ),
        model=model,
        patch=gone.patch,
        entry=gone.entry,
        removes_voice=action is Action.RETIRE and holding.voice is None,
    )


def protected(holding: Holding) -> bool:
    """Whether the manifest or the lockfile protects a name: lifting it takes both, and so two applies."""
    manifest = holding.voice is not None and holding.voice.lifecycle.protect
    return manifest or (holding.record is not None and holding.record.protect)


def retired_tasks(holding: Holding, rules: Rules) -> Iterator[Task]:
    """What the recorded retired generations need: pruning, repair of their marks, or nothing."""
    successor = holding.successor.id if holding.successor else None
    for gone, model in holding.retired:
        if gone.id == successor:
            continue
        if model is None:
            if holding.voice is None or holding.record is None:
                yield Task(
                    replace(
                        change(holding, Action.REFRESH),
                        id=gone.id,
                        generation=gone.generation,
                        reason="a retired model is gone from the account",
                    ),
                    entry=gone,
                    drop=True,
                )
            continue
        due = gone.deleting or gone.delete_after <= rules.now
        if due and not model.marks:
            yield _forget_retired(holding, gone, model)
        elif due and (gone.deleting or not protected(holding)):
            yield _prune(holding, model, "unfinished" if gone.deleting else "its retention is over", rules)
        elif holding.previous_name is None or holding.voice is None:
            yield from _repair(holding, gone, model, rules)


def _forget_retired(holding: Holding, gone: Retired, model: Model) -> Task:
    return Task(
        replace(
            change(holding, Action.FORGET, model),
            generation=gone.generation,
            reason="it has lost our marks, so it is not ours to delete",
        ),
        model=model,
        entry=gone,
    )


def _repair(holding: Holding, gone: Retired, model: Model, rules: Rules) -> Iterator[Task]:
    mark = model.marker(rules.namespace)
    key = marker.key_of(gone.inputs) if gone.inputs or mark is None else mark.key
    wanted = Marker(rules.namespace, holding.name, key, retired=True)
    marks = marks_change(wanted, model, None)
    if marks is not None:
        yield Task(
            replace(
                change(holding, Action.UPDATE, model),
                generation=gone.generation,
                fields=(marks,),
                reason="the marks of a retired generation",
            ),
            model=model,
            patch=tags_patch(model, wanted),
            entry=gone,
        )


def leaving_tasks(holding: Holding, record: Record, rules: Rules, *, keep_model: bool) -> Iterator[Task]:
    """What a recorded voice needs that has left the manifests."""
    model = holding.current
    if model is None or keep_model or record.origin != "created":
        yield _forget(holding, record, model, rules)
        return
    keep: timedelta = rules.retention(None)
    gone = retirement(holding.name, model, record, record.generation, record.inputs, keep, rules)
    at_once = not keep
    action = Action.PRUNE if at_once else Action.RETIRE
    yield Task(
        replace(
            change(holding, action, model),
            reason="removed from the manifests" + (", retain 0" if at_once else ""),
            undo_until=None if at_once or gone.entry is None else gone.entry.delete_after,
            previous_name=None,
        ),
        model=model,
        patch=Patch() if at_once else gone.patch,
        entry=gone.entry,
        drop=True,
        removes_voice=True,
    )


def _forget(holding: Holding, record: Record, model: Model | None, rules: Rules) -> Task:
    external = record.origin == "external"
    patch = unmark_patch(model) if model is not None and not external else Patch()
    gone_models = [(m, unmark_patch(m)) for _, m in holding.retired if m is not None and m.marks]
    reason = "removed from the manifests, the model stays" if model else "its model is gone from the account"
    return Task(
        replace(
            change(holding, Action.FORGET, model), id=record.id, reason=reason, previous_name=None
        ),
        model=model,
        patch=patch,
        also=tuple(gone_models) if model is not None else (),
        drop=True,
    )


def every_model(holding: Holding, rules: Rules, reason: str) -> Iterator[Task]:
    """Prune every model of a name at once: destroy, or consent that was withdrawn."""
    record = holding.record
    if record is not None and (holding.current is None or record.origin != "created"):
        yield _forget(holding, record, holding.current, rules)
    elif holding.current is not None and not (holding.voice and holding.voice.external):
        task = _prune(holding, holding.current, reason, rules)
        yield replace(task, drop=True, removes_voice=True)
    rest = [model for _, model in holding.retired if model is not None and model.marks]
    rest += [m for m in (*holding.strays, *holding.duplicates) if _made_here(m, rules)]
    for model in {m.id: m for m in rest if m is not holding.current}.values():
        yield _prune(holding, model, reason, rules)


def _made_here(model: Model, rules: Rules) -> bool:
    mark = marker_for("", model, None, rules)
    return mark.key != marker.ADOPTED
