"""What decisions about a name share: numbers of generations, protection, the tasks that are alike. Pure."""

from __future__ import annotations

from dataclasses import replace

from voicectl.model.lock import Retired
from voicectl.model.observed import Model
from voicectl.model.voice import Voice
from voicectl.plan.actions import Rules, Task, digests, source
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Action, Change, Notice

RETENTION_OVER = "its retention is over"
"""The reason of a prune that only time has brought about."""

UNFINISHED = "unfinished"
"""The reason of a prune that an earlier run began."""

WITHDRAWN = "consent withdrawn"
GONE = "a retired model is gone from the account"
STRAYED = "a model recorded here carries the marks of another name"
DUPLICATE = "duplicate"
"""The reason for seeing off the younger of two models with one marker."""

UNREADABLE = "unreadable"
"""The code of a warning about a model that the provider does not show; an apply ends with 1 for a managed one."""

Decision = Task | Notice
"""What deciding about a name yields: tasks, warnings, and refusals among the notices."""


def change(holding: Holding, action: Action, model: Model | None = None, voice: Voice | None = None) -> Change:
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


def protected(holding: Holding) -> bool:
    """Whether the manifest or the lockfile protects a name: lifting it takes both, and so two applies."""
    manifest = holding.voice is not None and holding.voice.lifecycle.protect
    return manifest or (holding.record is not None and holding.record.protect)


def next_generation(holding: Holding) -> int:
    """The number of the generation that comes after all that the name has had."""
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
    return next_generation(holding) if record or holding.retired else 1


def prune(holding: Holding, model: Model, reason: str, rules: Rules) -> Task:
    """Delete a model for good."""
    recorded = next((gone for gone, _ in holding.retired if gone.id == model.id), None)
    generation = recorded.generation if recorded else generation_of(holding, model)
    mine = holding.record if holding.record and holding.record.id == model.id else None
    entry = recorded or Retired(
        model.id,
        generation,
        mine.inputs if mine else None,
        rules.now,
        rules.now,
        samples=mine.samples if mine else (),
    )
    return Task(
        replace(
            change(holding, Action.PRUNE, model),
            generation=generation,
            reason=reason,
            title=model.title,
        ),
        model=model,
        entry=entry,
        unfinished=entry.deleting,
    )


def left_retired(holding: Holding, *without: str) -> tuple[Retired, ...]:
    """The recorded retired generations that the account still has, or may have, without these ids."""
    return tuple(
        gone
        for gone, model in holding.retired
        if (model is not None or gone.id in holding.hidden) and gone.id not in without
    )
