"""Another model takes over: the next generation, or one that is brought back. Pure decisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from voicectl.model.lock import Record
from voicectl.model.observed import Model
from voicectl.model.voice import Voice
from voicectl.plan.actions import (
    Retirement,
    Rules,
    Task,
    creation_metadata,
    field_patch,
    marker_for,
    retirement,
)
from voicectl.plan.case import Decision, change, generation_of, next_generation, protected, prune
from voicectl.plan.compare import (
    applied_at_creation,
    inputs_reason,
    settled,
)
from voicectl.plan.identity import Holding, inputs_of
from voicectl.plan.plan import Action, FieldChange
from voicectl.plan.starting import blank, compared, moved_generations, notices, previous_names


def replace_current(holding: Holding, voice: Voice, current: Model, rules: Rules) -> Iterator[Decision]:
    """A new generation is to be made, and takes the current one's place."""
    base, known, comparison, _ = compared(holding, voice, current, rules)
    generation = next_generation(holding)
    gives_way = _gives_way(holding, current, rules)
    failed = current.state == "failed"
    reason = "its training failed" if failed else inputs_reason(voice, known)
    fresh = replace(blank(voice, None, "created", generation), previous_names=base.previous_names)
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
            warnings=in_use_elsewhere(current),
        ),
        voice=voice,
        metadata=creation_metadata(voice, current, comparison.left),
        record=replace(fresh, retired=base.retired, applied=applied_at_creation(voice, base.applied, comparison.left)),
        retires=gives_way,
        also=moved_generations(holding, rules),
        swaps=holding.swaps,
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


def make_current(
    holding: Holding, voice: Voice, successor: Model, current: Model | None, rules: Rules
) -> Iterator[Decision]:
    """A model with the desired inputs exists: it takes over; nothing is uploaded.

    A retired generation is restored. One that an interrupted run made finishes its replacement.
    """
    mark = successor.marker(rules.namespace)
    was_retired = any(gone.id == successor.id for gone, _ in holding.retired)
    restored = was_retired or current is None or (mark is not None and mark.retired)
    without_record = replace(holding, record=None) if holding.record else holding
    base, _, comparison, fields = compared(without_record, voice, successor, rules)
    base = replace(
        base,
        origin="created",
        generation=generation_of(holding, successor),
        previous_names=previous_names(holding),
    )
    gives_way = _gives_way(holding, current, rules) if current is not None else None
    action = Action.RESTORE if restored else Action.REPLACE
    wanted = marker_for(voice.name, successor, rules)
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
            ),
        ),
        voice=voice,
        model=successor,
        patch=field_patch(fields, voice, successor, wanted),
        record=settled(base, voice, successor, comparison, retrained=True),
        retires=gives_way,
        also=moved_generations(holding, rules),
        swaps=holding.swaps,
    )
    if current is not None and gives_way is not None:
        yield from _prune_replaced(holding, current, gives_way, rules)
