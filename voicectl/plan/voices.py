"""What the voices of the manifests need: create, update, replace, restore, refresh. Pure decisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from voicectl.model.lock import Applied
from voicectl.model.observed import Model
from voicectl.model.voice import FIELDS, Voice
from voicectl.plan.actions import (
    Rules,
    Task,
    field_patch,
    marker_for,
)
from voicectl.plan.case import Decision, change, left_retired, next_generation
from voicectl.plan.compare import (
    Comparison,
    applied_at_creation,
    inputs_summary,
    settled,
)
from voicectl.plan.external import external
from voicectl.plan.identity import Holding, inputs_of
from voicectl.plan.plan import Action, FieldChange, Notice, Refusal
from voicectl.plan.replacing import make_current, replace_current
from voicectl.plan.starting import blank, compared, failed_notice, moved_generations, notices, previous_names


def voice_tasks(holding: Holding, voice: Voice, rules: Rules) -> Iterator[Decision]:
    """What a voice of the manifests needs for its current model."""
    current = holding.current
    if voice.external:
        yield from external(holding, voice)
    elif current is None:
        if holding.successor is not None:
            yield from make_current(holding, voice, holding.successor, None, rules)
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
        yield from make_current(holding, voice, holding.successor, current, rules)
    elif _needs_replacement(holding, voice, current, rules):
        yield from replace_current(holding, voice, current, rules)
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


def _create(holding: Holding, voice: Voice, rules: Rules) -> Task:
    generation = next_generation(holding) if holding.record or holding.retired else 1
    fields = tuple(
        FieldChange(name, voice.metadata.get(name), None, None, "manifest")
        for name in FIELDS
        if voice.metadata.get(name) not in (None, "", ())
    )
    inputs = FieldChange("inputs", voice.inputs, None, None, "manifest")
    record = blank(voice, None, "created", generation)
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
        record=replace(
            record,
            retired=left_retired(holding),
            applied=applied_at_creation(voice, Applied()),
            previous_names=previous_names(holding),
        ),
        also=moved_generations(holding, rules),
        swaps=holding.swaps,
    )


def _in_place(holding: Holding, voice: Voice, model: Model, rules: Rules) -> Iterator[Decision]:
    """Update or refresh of the model that stays."""
    base, known, comparison, fields = compared(holding, voice, model, rules)
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
        yield failed_notice(voice, model.id)
    elif model.state != "trained":
        yield Notice("not_trained", f"{voice.name}: {model.id} is still training", "", (voice.name,))
    pending = holding.record.pending if holding.record else None
    if known is not None and pending is not None and _pending_failed(holding, voice):
        base = replace(base, pending=pending, inputs=known.inputs)
        yield failed_notice(voice, pending.id)
    if known is not None and known.origin == "created" and base.origin == "adopted":
        yield Notice(
            "marks_lost",
            f"{voice.name}: {model.id} has lost our ownership tags: it counts as adopted from now on, and voicectl "
            "never deletes it",
            "nothing to do; if somebody copied its id into the lockfile, correct that first",
            (voice.name,),
        )
    patch = field_patch(fields, voice, model, marker_for(voice.name, model, rules))
    record = settled(base, voice, model, comparison)
    if pending is not None and base.pending is not None and known is not None:
        record = replace(record, inputs=known.inputs, samples=known.samples)
    yield from _retries(holding, voice, model, comparison, rules)
    also = moved_generations(holding, rules)
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
            warnings=_other_id(holding, model),
        ),
        voice=voice,
        model=model,
        patch=patch,
        record=record,
        also=also,
        swaps=holding.swaps,
        changes_id=holding.displaced,
    )


def _retries(holding: Holding, voice: Voice, model: Model, comparison: Comparison, rules: Rules) -> Iterator[Task]:
    """What the provider did not take before is sent once more by each apply; a model taken down is left alone."""
    if comparison.held and not model.taken_down:
        yield Task(
            replace(change(holding, Action.UPDATE, model), fields=comparison.held, reason="blocked"),
            voice=voice,
            model=model,
            patch=field_patch(comparison.held, voice, model, marker_for(voice.name, model, rules)),
            retry=True,
        )


def _other_id(holding: Holding, model: Model) -> tuple[str, ...]:
    """What to know where the account already has another model in the place of the recorded one."""
    record = holding.record
    if record is None or record.origin == "external" or record.id == model.id:
        return ()
    return (f"the id is no longer {record.id}, as the lockfile says: tell its users",)
