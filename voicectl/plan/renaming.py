"""A catalog goes into an environment, or gets another name: its models' marks say the new namespace. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from voicectl.model import marker
from voicectl.model.lock import Lock
from voicectl.model.marker import Marker
from voicectl.model.observed import Model, Observation
from voicectl.plan.actions import Repair, planned
from voicectl.plan.guards import check_account, check_visible
from voicectl.plan.patches import tags_patch
from voicectl.plan.plan import Action, Change, Digests, FieldChange, Notice, Plan, Refusal, Summary


@dataclass(frozen=True, slots=True)
class RenamingPlan:
    """A plan, and what carries it out: a repair for each change, in the same order."""

    plan: Plan
    tasks: tuple[Repair, ...]


def renaming_plan(old: Lock, new: Lock, observation: Observation, version: str) -> RenamingPlan:
    """The plan that rewrites the marks of every model that `old` records and that carries its marks.

    `new` is the same lock under its new namespace. Models that say it already need nothing: a run that was killed
    goes on. Those that carry neither are left alone, and named.
    """
    tasks = tuple(_tasks(old, new, observation))
    changes = tuple(task.change for task in tasks)
    changed = {change.name for change in changes}
    return RenamingPlan(
        Plan(
            voicectl_version=version,
            catalog=new.catalog,
            environment=new.environment,
            provider=new.provider,
            changes=changes,
            summary=Summary.of(changes, unchanged=len(old.voices.keys() - changed), left_out=0),
            warnings=(*_left_alone(old, new, observation), *_strays(old, observation)),
            refusals=(
                *check_account(old, observation),
                *check_visible(old, observation),
                *_unreadable(old, new, observation),
            ),
        ),
        tasks,
    )


def _recorded(lock: Lock) -> Iterator[tuple[str, str, int]]:
    """Name, id and generation of every model that the lockfile holds as its own."""
    for name in sorted({*lock.voices, *lock.removed}):
        record = lock.voices.get(name)
        if record is not None and record.origin != "external":
            yield name, record.id, record.generation
        if record is not None and record.pending is not None:
            yield name, record.pending.id, record.pending.generation
        for gone in lock.retired(name):
            yield name, gone.id, gone.generation


def _tasks(old: Lock, new: Lock, observation: Observation) -> Iterator[Repair]:
    for name, model_id, generation in _recorded(old):
        model = observation.models.get(model_id)
        mark = model.marker(old.namespace) if model is not None else None
        if model is None or mark is None or marker.owners(model.tags) - {old.namespace, new.namespace}:
            continue
        wanted = replace(mark, namespace=new.namespace)
        change = _change(name, model, generation, wanted)
        yield planned(Repair(change=change, model=model, patch=tags_patch(model, wanted)))


def _change(name: str, model: Model, generation: int, wanted: Marker) -> Change:
    marks = FieldChange("marks", tuple(sorted(wanted.marks)), None, model.marks, "moved")
    return Change(
        name=name,
        action=Action.UPDATE,
        title=model.title,
        id=model.id,
        generation=generation,
        fields=(marks,),
        digests=Digests(),
        reason="its marks say the new name",
    )


def _left_alone(old: Lock, new: Lock, observation: Observation) -> Iterator[Notice]:
    for name, model_id, _ in _recorded(old):
        model = observation.models.get(model_id)
        if model is None:
            what = "is gone from the account"
        elif model.marker(old.namespace) is None and model.marker(new.namespace) is None:
            what = "does not carry our marks, and is left alone"
        else:
            continue
        yield Notice("not_moved", f"{name}: {model_id} {what}", "the next plan says what follows", (name,))


def _unreadable(old: Lock, new: Lock, observation: Observation) -> Iterator[Refusal]:
    for name, model_id, _ in _recorded(old):
        if model_id in observation.unreadable:
            message = f"{name}: {model_id} can't be read: {observation.unreadable[model_id]}"
            yield Refusal("unreadable", message, "use the key with which it was made", (name,))
        model = observation.models.get(model_id)
        others = marker.owners(model.tags) - {old.namespace, new.namespace} if model is not None else frozenset()
        if others:
            message = f"{name}: {model_id} carries the marks of {', '.join(sorted(others))} too: it is not touched"
            yield Refusal("foreign_model", message, "take the wrong tags off in the account", (name,))


def _strays(old: Lock, observation: Observation) -> Iterator[Notice]:
    known = old.ids()
    strays = sorted(m.id for m in observation.models.values() if m.marker(old.namespace) and m.id not in known)
    if strays:
        ids = ", ".join(strays[:5]) + (" …" if len(strays) > 5 else "")
        yield Notice(
            "not_recorded",
            f"{len(strays)} models carry the marks of {old.namespace} and are not in its lockfile: {ids}",
            "they stay as they are; to take them along, apply under the old name first",
        )
