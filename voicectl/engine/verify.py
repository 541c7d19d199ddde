"""After an apply: look again, name what did not stick, and plan again (promise 4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from voicectl.engine.execute import Outcome
from voicectl.engine.ledger import Ledger
from voicectl.model.lock import Blocked, Record
from voicectl.model.observed import Model, Observation
from voicectl.model.voice import FIELDS, FieldName, Value, Voice
from voicectl.plan.compare import observed_value, shown
from voicectl.plan.plan import Action
from voicectl.plan.planner import Planned, Sides, make_plan
from voicectl.plan.result import Leftover
from voicectl.plan.task import Task

_SETS_VALUES = (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.RESTORE)


def settle(outcomes: Iterable[Outcome], observation: Observation, ledger: Ledger) -> list[Leftover]:
    """Compare what was sent with what the account shows now, and record what did not stick.

    A value that the provider did not take is recorded as blocked, so that later plans don't fight it.
    """
    leftovers: list[Leftover] = []
    for outcome in outcomes:
        voice, name = outcome.task.voice, outcome.task.name
        record = ledger.voices.get(name)
        if outcome.status != "done" or outcome.task.change.action not in _SETS_VALUES:
            continue
        if voice is None or record is None or (model := observation.models.get(record.id)) is None:
            continue
        settled, messages = _settled(record, voice, model, outcome.task)
        if settled != record:
            ledger.put(name, settled)
        leftovers += [Leftover(name, message) for message in messages]
    return leftovers


def _sent(task: Task, voice: Voice) -> frozenset[str]:
    """The fields whose desired values a task has sent; those that it left alone are not among them."""
    if task.metadata is not None:
        return frozenset(name for name in FIELDS if task.metadata.get(name) == voice.metadata.get(name))
    return frozenset(change.field for change in task.change.fields)


def _settled(record: Record, voice: Voice, model: Model, task: Task) -> tuple[Record, list[str]]:
    sent_fields = _sent(task, voice)
    cover = "cover_image" in sent_fields and record.applied.cover_image is not None
    if cover and record.applied.remote_cover != model.cover_image:
        sent = model.cover_image or None
        record = replace(record, applied=replace(record.applied, remote_cover=sent))
    blocked, values, messages = dict(record.blocked), {}, []
    for name in (field for field in FIELDS if field in sent_fields):
        desired = voice.metadata.get(name)
        if desired is None or name in voice.lifecycle.ignore or record.applied.get(name) != desired:
            continue
        observed = observed_value(name, model, record.applied)
        if observed == desired:
            continue
        words = f"{shown(desired)} was sent, the account shows {shown(observed)}"
        if task.model is not None and _third(name, observed, task.model):
            # Somebody else may have written at the same time: the next plan shows it as drift, and tries again.
            messages.append(
                f"{name} did not stick: {words}, which it did not show before; did somebody else change it?"
            )
            continue
        blocked[name] = Blocked(desired, observed)
        values[name] = observed if name != "cover_image" else record.applied.cover_image
        messages.append(f"{name} did not stick: {words}")
    applied = replace(record.applied, **values)  # type: ignore[arg-type]
    return replace(record, applied=applied, blocked=blocked, state=model.state), messages


def _third(name: FieldName, observed: Value, before: Model) -> bool:
    """Whether a value is neither what was sent nor what was there; a provider that narrows is only doing so."""
    return name in ("title", "description", "tags") and observed != observed_value(name, before, None)


def plan_again(sides: Sides, ledger: Ledger, observation: Observation) -> Planned:
    """The plan right after the apply, of the same selection; success is that it is empty."""
    return make_plan(replace(sides, lock=ledger.lock, observation=observation, retry_failed=False, again=True))


def refresh(planned: Planned, ledger: Ledger) -> Planned:
    """The plan without what only the lockfile lacked, which is recorded: voices that finished training, say."""
    done = [
        task
        for task in planned.tasks
        if task.change.action is Action.REFRESH and not task.change.adopted and task.record and not task.entry
    ]
    for task in done:
        assert task.record is not None
        ledger.put(task.name, task.record)
    changes = {id(task.change) for task in done}
    left = tuple(change for change in planned.plan.changes if id(change) not in changes)
    return replace(planned, plan=replace(planned.plan, changes=left))


def still_open(planned: Planned, outcomes: Iterable[Outcome]) -> list[Leftover]:
    """Changes that the second plan still wants for voices that seemed done."""
    unfinished = {outcome.task.name for outcome in outcomes if outcome.status != "done"}
    return [
        Leftover(change.name, f"still to {change.action}" + (f": {change.reason}" if change.reason else ""))
        for change in planned.plan.changes
        if change.name not in unfinished
    ]
