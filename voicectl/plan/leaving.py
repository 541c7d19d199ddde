"""What models need that serve no voice of the manifests (any more): retire, prune, forget. Pure decisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from voicectl.model import marker
from voicectl.model.catalog import DEFAULT_RETENTION
from voicectl.model.lock import Record, Retired
from voicectl.model.marker import Marker
from voicectl.model.observed import Model, Patch
from voicectl.plan.compare import marks_change
from voicectl.plan.decision import change, generation_of, protected, prune
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Action
from voicectl.plan.task import Rules, Task, marker_for, retirement, tags_patch, unmark_patch


def stray_tasks(holding: Holding, rules: Rules) -> Iterator[Task]:
    """Models of a name that nobody recorded: duplicates go, other generations are retired."""
    for model in holding.duplicates:
        if model.visibility == "private":
            yield prune(holding, model, "duplicate", rules)
        else:
            yield _retire_stray(holding, model, rules, "duplicate, but visible to others")
    pending = holding.record.pending if holding.record else None
    for model in holding.strays:
        if pending is not None and model.id == pending.id and model.state == "failed" and not rules.retry_failed:
            if holding.voice is not None and holding.voice.inputs == pending.inputs:
                continue
        orphaned = holding.voice is None and holding.record is None
        yield _retire_stray(holding, model, rules, "orphaned" if orphaned else "another generation")


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
            yield prune(holding, model, "unfinished" if gone.deleting else "its retention is over", rules)
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
        replace(change(holding, Action.FORGET, model), id=record.id, reason=reason, previous_name=None),
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
        task = prune(holding, holding.current, reason, rules)
        yield replace(task, drop=True, removes_voice=True)
    rest = [model for _, model in holding.retired if model is not None and model.marks]
    rest += [m for m in (*holding.strays, *holding.duplicates) if _made_here(m, rules)]
    for model in {m.id: m for m in rest if m is not holding.current}.values():
        yield prune(holding, model, reason, rules)


def _made_here(model: Model, rules: Rules) -> bool:
    mark = marker_for("", model, None, rules)
    return mark.key != marker.ADOPTED
