"""What models need that serve no voice of the manifests (any more): retire, prune, forget. Pure decisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from voicectl.model import marker
from voicectl.model.catalog import DEFAULT_RETENTION
from voicectl.model.lock import Record, Retired
from voicectl.model.observed import Model, Patch
from voicectl.plan.actions import Rules, Task, marker_for, retirement, tags_patch, unmark_patch
from voicectl.plan.case import (
    DUPLICATE,
    GONE,
    RETENTION_OVER,
    STRAYED,
    UNFINISHED,
    Decision,
    change,
    generation_of,
    protected,
    prune,
)
from voicectl.plan.compare import marks_change
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Action, Notice

ORPHANED = "it carries our marks, but neither the manifests nor the lockfile know it"
UNRECORDED = "another generation of this voice, which the lockfile does not know"


def stray_tasks(holding: Holding, rules: Rules) -> Iterator[Task]:
    """Models of a name that nobody recorded: duplicates go, other generations are retired."""
    for model in holding.duplicates:
        # Another clone may have recorded a twin and handed its id out: only what this run made goes at once.
        if rules.sweep is not None and model.id in rules.sweep.made and model.visibility == "private":
            yield prune(holding, model, DUPLICATE, rules)
        else:
            yield _retire_stray(holding, model, rules, DUPLICATE)
    pending = holding.record.pending if holding.record else None
    for model in holding.strays:
        failed = pending is not None and model.id == pending.id and model.state == "failed" and not rules.retry_failed
        if failed and pending and holding.voice is not None and holding.voice.inputs == pending.inputs:
            continue
        orphaned = holding.voice is None and holding.record is None
        yield _retire_stray(holding, model, rules, ORPHANED if orphaned else UNRECORDED)


def _retire_stray(holding: Holding, model: Model, rules: Rules, reason: str) -> Task:
    """A model nobody recorded waits out at least the default retention: recovery deletes nothing."""
    keep = max(DEFAULT_RETENTION, rules.retention(holding))
    mark = model.marker(rules.namespace)
    voice = holding.voice
    inputs = voice.inputs if voice and mark and voice.inputs and marker.key_of(voice.inputs) == mark.key else None
    number = generation_of(holding, model)
    record = holding.record if holding.record and holding.record.id == model.id else None
    gone = retirement(holding.name, model, record, number, inputs, keep, rules)
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
        removes_voice=action is Action.RETIRE and _takes_away(holding, model, rules),
    )


def _takes_away(holding: Holding, model: Model, rules: Rules) -> bool:
    """Whether retiring a model takes a voice from somebody: its name has left, or somebody else takes its place."""
    mark, record = model.marker(rules.namespace), holding.record
    if holding.voice is None or (mark is not None and mark.name != holding.name and not mark.retired):
        return True
    return holding.voice.external and record is not None and record.id == model.id


def retired_tasks(holding: Holding, rules: Rules) -> Iterator[Decision]:
    """What the recorded retired generations need: pruning, repair of their marks, or nothing."""
    successor = holding.successor.id if holding.successor else None
    for gone, model in holding.retired:
        if gone.id == successor:
            continue
        if model is None:
            if gone.id not in holding.hidden and (holding.voice is None or holding.record is None):
                yield _gone(holding, gone)
            continue
        yield from _retired_model(holding, gone, model, rules)


def _retired_model(holding: Holding, gone: Retired, model: Model, rules: Rules) -> Iterator[Decision]:
    """What a retired generation needs. That it is one is the lockfile's claim; the account's marks are the proof."""
    mark = model.marker(rules.namespace)
    if mark is None:
        yield _forget_retired(holding, gone, model)
    elif mark.key == marker.ADOPTED:
        yield _forget_model(holding, model, rules, gone)
    elif gone.deleting and not mark.retired:
        # Begun by `retain: 0`, a withdrawn consent or `destroy`; or somebody wrote so into the lockfile.
        yield replace(prune(holding, model, UNFINISHED, rules), removes_voice=True)
    elif mark.retired and rules.due(holding, gone, model) and (gone.deleting or not protected(holding)):
        yield prune(holding, model, UNFINISHED if gone.deleting else RETENTION_OVER, rules)
    elif not mark.retired and holding.voice is None and holding.record is None:
        yield _retire_stray(holding, model, rules, "the account shows it as serving")
    elif holding.previous_name is None or holding.voice is None:
        yield from _repair(holding, gone, model, rules)


def _gone(holding: Holding, gone: Retired) -> Task:
    return Task(
        replace(
            change(holding, Action.REFRESH),
            id=gone.id,
            generation=gone.generation,
            reason=STRAYED if gone.id in holding.strayed else GONE,
        ),
        entry=gone,
        drop=True,
    )


def _forget_retired(holding: Holding, gone: Retired, model: Model) -> Task:
    return Task(
        replace(
            change(holding, Action.FORGET, model),
            generation=gone.generation,
            reason="it does not carry our marks, so it is not ours to delete",
        ),
        model=model,
        entry=gone,
    )


def _repair(holding: Holding, gone: Retired, model: Model, rules: Rules) -> Iterator[Task]:
    wanted = marker_for(holding.name, model, rules, retired=True)
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
    if model is None or keep_model or record.origin != "created" or not model.made_here(rules.namespace):
        lost = model is None or (not keep_model and record.origin == "created")
        yield _forget(holding, record, model, rules, generations=not lost, strays=keep_model)
        return
    keep = rules.retention(holding)
    inputs = record.inputs if record.id == model.id else None
    gone = retirement(holding.name, model, record, generation_of(holding, model), inputs, keep, rules)
    at_once = not keep
    action = Action.PRUNE if at_once else Action.RETIRE
    yield Task(
        replace(
            change(holding, action, model),
            reason="removed from the manifests" + (", retain 0" if at_once else ""),
            undo_until=None if at_once or gone.entry is None else gone.entry.delete_after,
        ),
        model=model,
        patch=Patch() if at_once else gone.patch,
        entry=gone.entry,
        drop=True,
        removes_voice=True,
    )


def _forget(
    holding: Holding, record: Record, model: Model | None, rules: Rules, *, generations: bool, strays: bool = False
) -> Task:
    """Drop a record and leave its model; with `generations` the retired ones are left, too, marks off first."""
    external = record.origin == "external"
    patch = unmark_patch(model, rules.namespace) if model is not None and not external else Patch()
    others = [m for _, m in holding.retired if m is not None] if generations else []
    others += [*holding.strays, *holding.duplicates] if generations and strays else []
    if model is None:
        reason = "its model is gone from the account"
    elif not model.marks and record.origin == "created":
        reason = "it does not carry our marks, so it is not ours to delete"
    elif holding.voice is not None:
        reason = "not made by voicectl, so the model stays"
    else:
        reason = "removed from the manifests, the model stays"
    return Task(
        replace(
            change(holding, Action.FORGET, model),
            id=record.id,
            reason=reason,
            warnings=tuple(
                f"{other.id}, another generation of it, loses its marks as well and is never deleted"
                for other in others
            ),
        ),
        model=model,
        patch=patch,
        also=tuple((other, unmark_patch(other, rules.namespace)) for other in others if other.marks),
        drop=True,
        generations=generations,
    )


def kept_tasks(holding: Holding, rules: Rules) -> Iterator[Decision]:
    """`keep_model` for a name without a record: what is left of it is forgotten, not deleted."""
    if holding.uncleared:
        ids = ", ".join(model.id for model in (*holding.strays, *holding.duplicates))
        if ids:
            message = f"{holding.name}: the provider did not take our marks off {ids}"
            yield Notice("not_cleared", message, "take them off in the web app", (holding.name,))
        return
    for gone, model in holding.retired:
        if gone.id in holding.hidden:
            continue
        yield _forget_model(holding, model, rules, gone) if model is not None else _gone(holding, gone)
    for model in (*holding.strays, *holding.duplicates):
        yield _forget_model(holding, model, rules)


def _forget_model(holding: Holding, model: Model, rules: Rules, gone: Retired | None = None) -> Task:
    task = Task(
        replace(
            change(holding, Action.FORGET, model),
            reason="removed from the manifests, the model stays",
            previous_name=None,
            title=model.title,
        ),
        model=model,
        patch=unmark_patch(model, rules.namespace),
        entry=gone,
    )
    return replace(task, change=replace(task.change, generation=gone.generation)) if gone else task


def every_model(holding: Holding, rules: Rules, reason: str) -> Iterator[Task]:
    """Prune every model of a name at once: destroy, or consent that was withdrawn.

    Only models that voicectl made and that still carry its marks; the others are forgotten.
    """
    record, current = holding.record, holding.current
    if holding.voice is not None and holding.voice.external:
        # The model that an external voice names is somebody's; the one that the lockfile records may be ours.
        mine = record.id if record is not None and record.origin != "external" else None
        current = next((model for model in holding.strays if model.id == mine), None)

    def gone_at_once(model: Model) -> Task:
        return replace(prune(holding, model, reason, rules), removes_voice=True)

    if record is not None and (current is None or record.origin != "created" or not current.made_here(rules.namespace)):
        yield _forget(holding, record, current, rules, generations=False)
    elif current is not None and current.marks:
        if current.made_here(rules.namespace):
            yield replace(gone_at_once(current), drop=True)
        else:
            yield _forget_model(holding, current, rules)
    for gone, model in holding.retired:
        if model is None:
            if gone.id not in holding.hidden:
                yield _gone(holding, gone)
        elif model.made_here(rules.namespace):
            yield gone_at_once(model)
        else:
            yield _forget_retired(holding, gone, model)
    placed = {gone.id for gone, _ in holding.retired} | ({current.id} if current else set())
    rest = (holding.successor, *holding.strays, *holding.duplicates)
    for model in {m.id: m for m in rest if m is not None and m.id not in placed}.values():
        yield gone_at_once(model) if model.made_here(rules.namespace) else _forget_model(holding, model, rules)
