"""What models need that serve no voice of the manifests (any more): retire, prune, forget. Pure decisions."""

from __future__ import annotations

from collections.abc import Iterator

from voicectl.model import marker
from voicectl.model.catalog import DEFAULT_RETENTION
from voicectl.model.lock import Record, Retired
from voicectl.model.observed import Model, Patch
from voicectl.plan.actions import (
    DropRetired,
    Forget,
    ForgetVoice,
    LimitName,
    Prune,
    RecordRetired,
    Repair,
    Retire,
    Task,
)
from voicectl.plan.case import DUPLICATE, Case, Decision
from voicectl.plan.compare import marks_change
from voicectl.plan.patches import tags_patch, unmark_patch
from voicectl.plan.plan import Action, Notice

ORPHANED = "it carries our marks, but neither manifests nor lockfile know it: did another clone or branch make it?"
UNRECORDED = "another generation of this voice, which the lockfile does not know"
GONE = "a retired model is gone from the account"
STRAYED = "a model recorded here carries the marks of another name"


def stray_tasks(case: Case) -> Iterator[Task]:
    """Models of a name that nobody recorded: duplicates go, other generations are retired."""
    holding = case.holding
    for model in holding.duplicates:
        # Another clone may have recorded a twin and handed its id out: only what this run made goes at once.
        if case.sweep is not None and model.id in case.sweep.made and model.visibility == "private":
            yield case.prune(model, DUPLICATE)
        else:
            yield _retire_stray(case, model, DUPLICATE)
    pending = case.record.pending if case.record else None
    for model in holding.strays:
        failed = pending is not None and model.id == pending.id and model.state == "failed"
        # Its trace is all that tells --retry-failed, and plans until then, that this try was made and failed.
        waits = failed and not case.request.retry_failed
        if waits and pending and case.voice is not None and case.voice.inputs == pending.inputs:
            continue
        orphaned = case.voice is None and case.record is None
        yield _retire_stray(case, model, ORPHANED if orphaned else UNRECORDED)


def _retire_stray(case: Case, model: Model, reason: str) -> Task:
    """A model nobody recorded waits out at least the default retention: recovery deletes nothing."""
    # An old checkout must not destroy what a newer one has made.
    keep = max(DEFAULT_RETENTION, case.retention)
    mark, voice = model.marker(case.namespace), case.voice
    # A marker has only the beginning of a digest: the whole one is recorded where the manifests have it.
    inputs = voice.inputs if voice and mark and voice.inputs and marker.key_of(voice.inputs) == mark.key else None
    number = case.generation_of(model)
    gone = case.retirement(model, keep, inputs, number)
    forgets = gone.entry is None
    change = case.change(
        # What is marked as retired already needs no request: only the lockfile lacks it.
        Action.FORGET if forgets else (Action.REFRESH if gone.patch.empty else Action.RETIRE),
        model,
        adopted=not forgets,
        generation=number,
        reason=reason,
        undo_until=gone.entry.delete_after if gone.entry else None,
        previous_name=None,
        title=model.title,
    )
    if gone.entry is None:
        return Forget(change=change, model=model, patch=gone.patch)
    if gone.patch.empty:
        return RecordRetired(change=change, entry=gone.entry)
    limit: LimitName | None = "max_deletes" if _takes_away(case, model) else None
    return Retire(change=change, limit=limit, model=model, patch=gone.patch, entry=gone.entry)


def _takes_away(case: Case, model: Model) -> bool:
    """Whether retiring a model takes a voice from somebody: its name has left, or somebody else takes its place."""
    mark, record = model.marker(case.namespace), case.record
    if case.voice is None or (mark is not None and mark.name != case.name and not mark.retired):
        return True
    return case.voice.external and record is not None and record.id == model.id


def retired_tasks(case: Case) -> Iterator[Decision]:
    """What the recorded retired generations need: pruning, repair of their marks, or nothing."""
    holding = case.holding
    successor = holding.successor.id if holding.successor else None
    for gone, model in holding.retired:
        # It serves again at the end of this run: nothing else may happen to it.
        if gone.id == successor:
            continue
        if model is not None:
            yield from _retired_model(case, gone, model)
        # The record of a voice drops what is gone by itself; where there is none, that takes a task.
        elif gone.id not in holding.hidden and (case.voice is None or case.record is None):
            yield _gone(case, gone)


def _retired_model(case: Case, gone: Retired, model: Model) -> Iterator[Decision]:
    """What a retired generation needs."""
    mark = model.marker(case.namespace)
    if mark is None:
        yield _forget_retired(case, gone, model)
    # Not made here, so never deleted: it would wait for nothing.
    elif mark.key == marker.ADOPTED:
        yield _forget_model(case, model, gone)
    elif reason := case.prune_reason(gone, model):
        # What the account shows as serving goes because somebody said so: that counts.
        yield case.prune(model, reason, limit=None if mark.retired else "max_deletes")
    # That it is retired is a claim of the lockfile alone. Its time begins when the account shows the role.
    elif not mark.retired and case.voice is None and case.record is None:
        yield _retire_stray(case, model, "the account shows it as serving")
    # After a move, the task of the voice itself renames its generations.
    elif case.holding.previous_name is None or case.voice is None:
        yield from _repair(case, gone, model)


def _gone(case: Case, gone: Retired) -> DropRetired:
    strayed = gone.id in case.holding.strayed
    reason = STRAYED if strayed else GONE
    change = case.change(Action.REFRESH, id=gone.id, generation=gone.generation, reason=reason)
    return DropRetired(change=change, was=change.previous_name, entry=gone, gone=not strayed)


def _forget_retired(case: Case, gone: Retired, model: Model) -> Forget:
    reason = "it does not carry our marks, so it is not ours to delete"
    change = case.change(Action.FORGET, model, generation=gone.generation, reason=reason)
    return Forget(change=change, was=change.previous_name, model=model, patch=Patch(), entry=gone)


def _repair(case: Case, gone: Retired, model: Model) -> Iterator[Repair]:
    wanted = case.marker(model, retired=True)
    marks = marks_change(wanted, model, None)
    if marks is not None:
        change = case.change(
            Action.UPDATE,
            model,
            generation=gone.generation,
            fields=(marks,),
            reason="the marks of a retired generation",
        )
        yield Repair(change=change, was=change.previous_name, model=model, patch=tags_patch(model, wanted))


def leaving_tasks(case: Case, record: Record, *, keep_model: bool) -> Iterator[Task]:
    """What a recorded voice needs that has left the manifests."""
    model = case.holding.current
    if model is None or keep_model or record.origin != "created":
        yield _forget_voice(case, record, model, generations=model is not None, strays=keep_model)
        return
    # The record may speak of another model: then nobody knows what this one was made from.
    inputs = record.inputs if record.id == model.id else None
    gone = case.retirement(model, case.retention, inputs, case.generation_of(model))
    if gone.entry is None:  # it has lost our marks: its generations wait out their retention
        yield _forget_voice(case, record, model, generations=False)
        return
    at_once = not case.retention
    change = case.change(
        Action.PRUNE if at_once else Action.RETIRE,
        model,
        reason="removed from the manifests" + (", retain 0" if at_once else ""),
        undo_until=None if at_once else gone.entry.delete_after,
    )
    was = change.previous_name
    if at_once:
        yield Prune(change=change, was=was, limit="max_deletes", model=model, entry=gone.entry, drop=True)
    else:
        yield Retire(
            change=change, was=was, limit="max_deletes", model=model, patch=gone.patch, entry=gone.entry, drop=True
        )


def _forget_voice(
    case: Case, record: Record, model: Model | None, *, generations: bool, strays: bool = False
) -> ForgetVoice:
    """Drop a record and leave its model; with `generations` the retired ones are left, too, marks off first."""
    holding, namespace = case.holding, case.namespace
    external = record.origin == "external"
    # With their marks on, they would come back with the next plan as orphans.
    others = [m for _, m in holding.retired if m is not None] if generations else []
    others += [*holding.strays, *holding.duplicates] if generations and strays else []
    if model is None:
        reason = "its model is gone from the account"
    elif not model.marks and record.origin == "created":
        reason = "it does not carry our marks, so it is not ours to delete"
    elif case.voice is not None:
        reason = "not made by voicectl, so the model stays"
    else:
        reason = "removed from the manifests, the model stays"
    change = case.change(
        Action.FORGET,
        model,
        id=record.id,
        reason=reason,
        warnings=tuple(
            f"{other.id}, another generation of it, loses its marks as well and is never deleted" for other in others
        ),
    )
    return ForgetVoice(
        change=change,
        was=change.previous_name,
        model=model,
        # Whatever marks an external model carries are its owner's.
        patch=unmark_patch(model, namespace) if model is not None and not external else Patch(),
        others=tuple((other, unmark_patch(other, namespace)) for other in others if other.marks),
        generations=generations,
    )


def kept_tasks(case: Case) -> Iterator[Decision]:
    """`keep_model` for a name without a record: what is left of it is forgotten, not deleted."""
    holding = case.holding
    # The provider was asked and kept them. Asked again with every apply, no plan would ever be empty.
    if holding.uncleared:
        ids = ", ".join(model.id for model in (*holding.strays, *holding.duplicates))
        if ids:
            message = f"{case.name}: the provider did not take our marks off {ids}"
            yield Notice("not_cleared", message, "take them off in the web app", (case.name,))
        return
    for gone, model in holding.retired:
        if gone.id not in holding.hidden:
            yield _forget_model(case, model, gone) if model is not None else _gone(case, gone)
    for model in (*holding.strays, *holding.duplicates):
        yield _forget_model(case, model)


def _forget_model(case: Case, model: Model, gone: Retired | None = None) -> Forget:
    change = case.change(
        Action.FORGET,
        model,
        reason="removed from the manifests, the model stays",
        previous_name=None,
        title=model.title,
        generation=gone.generation if gone else case.generation,
    )
    return Forget(change=change, model=model, patch=unmark_patch(model, case.namespace), entry=gone)


def every_model(case: Case, reason: str) -> Iterator[Task]:
    """Prune every model of a name at once: destroy, or consent that was withdrawn.

    Only models that voicectl made and that still carry its marks; the others are forgotten.
    """
    holding, record, namespace = case.holding, case.record, case.namespace
    current = holding.current
    if case.voice is not None and case.voice.external:
        # The model that an external voice names is somebody's; the one that the lockfile records may be ours.
        mine = record.id if record is not None and record.origin != "external" else None
        current = next((model for model in holding.strays if model.id == mine), None)

    # Both must say that voicectl made it: the lockfile alone is a claim that anybody can edit.
    if record is not None and (current is None or record.origin != "created" or not current.made_here(namespace)):
        yield _forget_voice(case, record, current, generations=False)
    elif current is not None and current.marks:
        if current.made_here(namespace):
            yield case.prune(current, reason, limit="max_deletes", drop=True)
        else:
            yield _forget_model(case, current)
    for gone, model in holding.retired:
        if model is None:
            if gone.id not in holding.hidden:
                yield _gone(case, gone)
        elif model.made_here(namespace):
            yield case.prune(model, reason, limit="max_deletes")
        else:
            yield _forget_retired(case, gone, model)
    placed = {gone.id for gone, _ in holding.retired} | ({current.id} if current else set())
    # What carries the name's marks and stays would be adopted as soon as somebody uses the name again.
    rest = (holding.successor, *holding.strays, *holding.duplicates)
    for model in {m.id: m for m in rest if m is not None and m.id not in placed}.values():
        yield (
            case.prune(model, reason, limit="max_deletes") if model.made_here(namespace) else _forget_model(case, model)
        )
