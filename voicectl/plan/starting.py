"""What deciding about a voice starts from: its record, what differs, and what there is to say of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from voicectl.model import marker
from voicectl.model.lock import Origin, Record
from voicectl.model.observed import Model, Patch
from voicectl.model.voice import Voice
from voicectl.plan.actions import (
    Rules,
    marker_for,
    tags_patch,
)
from voicectl.plan.case import Decision, generation_of, left_retired
from voicectl.plan.compare import (
    Comparison,
    compare,
    marks_change,
    recorded_samples,
    shown,
)
from voicectl.plan.identity import Holding
from voicectl.plan.plan import FieldChange, Notice, Refusal
from voicectl.plan.result import RETRY_FAILED


def _origin(model: Model, voice: Voice, rules: Rules) -> Origin:
    mark = model.marker(rules.namespace)
    made_here = mark is not None and mark.key != marker.ADOPTED and voice.model != model.id
    return "created" if made_here else "adopted"


def blank(voice: Voice, model: Model | None, origin: Origin, generation: int) -> Record:
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


def compared(
    holding: Holding, voice: Voice, model: Model, rules: Rules
) -> tuple[Record, Record | None, Comparison, tuple[FieldChange, ...]]:
    """The record to start from, the one that was applied to this model, and what differs."""
    known = holding.record if holding.record and holding.record.id == model.id else None
    known = None if known and known.origin == "external" else known
    if known is None:
        generation = generation_of(holding, model)
        base = blank(voice, model, _origin(model, voice, rules), generation)
        base = replace(base, retired=left_retired(holding, model.id))
    else:
        # What the account does not show as made here can never be deleted, whatever the lockfile says.
        origin = known.origin if model.made_here(rules.namespace) else "adopted"
        base = replace(known, origin=origin, retired=left_retired(holding, model.id), pending=None)
    base = replace(base, previous_names=previous_names(holding))
    comparison = compare(voice, known, model, rules.catalog.policy)
    wanted = marker_for(voice.name, model, rules)
    marks = marks_change(wanted, model, known, moved=holding.previous_name is not None)
    return base, known, comparison, (*comparison.fields, *((marks,) if marks else ()))


def previous_names(holding: Holding) -> tuple[str, ...]:
    """The names that the voice had, after the move that is to be made now."""
    record, before = holding.record, holding.previous_name
    names = record.previous_names if record is not None else ()
    if before is None:
        return names
    return (*(name for name in names if name not in (before, holding.name)), before)


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
    for field in comparison.held:
        why = "locked by the provider" if field.field in comparison.locked else "blocked: the provider did not take it"
        values = f"Git {shown(field.desired)}, account {shown(field.observed)}"
        hint = "each apply sends it once more; to end this, take the account's value into the manifest"
        yield Notice("blocked", f"{voice.name}: {field.field} is {why}: {values}", hint, (voice.name,))


def failed_notice(voice: Voice, model_id: str) -> Notice:
    """What to say of a model whose training failed."""
    return Notice(
        "training_failed",
        f"{voice.name}: the training of {model_id} failed",
        RETRY_FAILED,
        (voice.name,),
    )


def moved_generations(holding: Holding, rules: Rules) -> tuple[tuple[Model, Patch], ...]:
    """After a move, the marks of all generations say the new name."""
    if holding.previous_name is None:
        return ()
    pairs = (
        (model, tags_patch(model, marker_for(holding.name, model, rules, retired=not model.serves(rules.namespace))))
        for _, model in holding.retired
        if model is not None and model.made_here(rules.namespace)
    )
    return tuple((model, patch) for model, patch in pairs if not patch.empty)
