"""The three sides as values: what is wanted, recorded and seen, to decide about without an account or a file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.memory import ACCOUNT, IDENTITY, LONG_AGO, START, catalog, inputs_of, voice
from voicectl.model.catalog import DEFAULT_RETENTION, Catalog
from voicectl.model.lock import Applied, Lock, Record, Removed, Retired
from voicectl.model.marker import Marker
from voicectl.model.observed import Model, Observation
from voicectl.model.voice import Voice
from voicectl.plan.actions import Prune, Task
from voicectl.plan.case import Case
from voicectl.plan.compare import recorded_samples
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Action, Change
from voicectl.plan.request import PlanRequest
from voicectl.plan.voices import voice_tasks

TODAY = START.date()


def marks(name: str, words: str | None = "one", *, retired: bool = False) -> tuple[str, ...]:
    """The marks of a model made from these words; adopted without any."""
    return Marker.of("acme", name, inputs_of(words) if words else None, retired=retired).marks


def model(model_id: str, name: str | None = None, words: str | None = "one", **values: Any) -> Model:
    """A model of the account that serves a name, or did so (`retired`); without a name it carries no marks."""
    retired, tags = values.pop("retired", False), values.pop("tags", ())
    ours = marks(name, words, retired=retired) if name else ()
    usual = {"title": (name or model_id).title(), "author": ACCOUNT, "created_at": LONG_AGO, "updated_at": LONG_AGO}
    return Model(**{"id": model_id, **usual, **values, "tags": (*ours, *tags)})


def record(model_id: str, applied: Voice, **values: Any) -> Record:
    """What the lockfile holds of a voice that was applied as it stands here."""
    usual = {
        "origin": "created",
        "inputs": applied.inputs,
        "samples": recorded_samples(applied),
        "applied": Applied.of(applied.metadata, "coverimage/1"),
        "protect": applied.lifecycle.protect,
        "retain": applied.lifecycle.retain,
    }
    return Record(**{"id": model_id, **usual, **values})


def gone(model_id: str, words: str | None = "one", *, days: float = 0, **values: Any) -> Retired:
    """A generation that was retired so many days ago, for the default retention."""
    since = START - timedelta(days=days)
    usual = {"generation": 1, "inputs": inputs_of(words) if words else None, "retired_at": since}
    return Retired(**{"id": model_id, **usual, "delete_after": since + DEFAULT_RETENTION, **values})


def lock(voices: Mapping[str, Record] | None = None, removed: Mapping[str, Retired] | None = None, **more: Any) -> Lock:
    """The lockfile of the catalog `acme`."""
    left = {name: Removed((each,)) for name, each in (removed or {}).items()}
    return Lock(
        **{"catalog": "acme", "environment": None, "provider": IDENTITY, **more}, voices=voices or {}, removed=left
    )


def seen(*models: Model, **values: Any) -> Observation:
    """What the account shows."""
    return Observation(**{"models": {m.id: m for m in models}, "account": ACCOUNT, "time": START, **values})


def asked(wanted: Catalog, **values: Any) -> PlanRequest:
    """What is asked of a plan now."""
    return PlanRequest(wanted, now=START, version="1.0", **values)


def case(holding: Holding, wanted: Catalog, *, sweep: Any = None, time: Any = START, **values: Any) -> Case:
    """A name to decide about."""
    return Case(holding, asked(wanted, **values), time, sweep)


def leaves(name: str, reason: str = "", limit: Any = "max_deletes") -> Task:
    """A task that counts towards a limit of the policy."""
    return Task(change=Change(name, Action.RETIRE, reason=reason), limit=limit)


def prune(name: str, *, deleting: bool = False, limit: Any = None) -> Prune:
    """A retired generation that is deleted."""
    entry = gone(f"{name}-1", deleting=deleting)
    return Prune(change=Change(name, Action.PRUNE), model=model(f"{name}-1", name), entry=entry, limit=limit)


def creation(name: str, words: str = "one", **values: Any) -> Task:
    """What makes a voice that is not there yet."""
    wanted = voice(name, words, **values)
    (task,) = voice_tasks(case(Holding(name, wanted), catalog(wanted)), wanted)
    assert isinstance(task, Task)
    return task
