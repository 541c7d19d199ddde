"""Each step of each action: what is sent to the account, and what the ledger records of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.memory import START, World, catalog, inputs_of, voice
from voicectl.engine.actions import NotTried, Performer, TaskFailed
from voicectl.engine.create import Creations, MarksNotKept
from voicectl.engine.events import Event, silent
from voicectl.engine.ledger import Ledger
from voicectl.engine.training import Training
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, Record
from voicectl.model.marker import Marker
from voicectl.model.observed import Model, Patch
from voicectl.plan.actions import (
    Create,
    DropRetired,
    Forget,
    ForgetVoice,
    Prune,
    RecordRetired,
    Refresh,
    Repair,
    Replace,
    Restore,
    Retire,
    Task,
    Update,
)
from voicectl.plan.plan import Step

T = TypeVar("T", bound=Task)
Do = Callable[[Step, Task], Awaitable[None]]
LATER = timedelta(days=400)


class Doing:
    """The plan for a catalog, whose steps a test does one by one; `lock` is the state after them."""

    def __init__(self, world: World, wanted: Catalog, **wishes: Any) -> None:
        self.world, self.account = world, world.account
        self.prepared = world.prepare(wanted, **wishes)
        self.tasks = self.prepared.planned.tasks
        self.events: list[Event] = []
        self.lock: Lock = self.prepared.lock
        world.account.requests.clear()

    def task(self, kind: type[T]) -> T:
        [task] = [each for each in self.tasks if isinstance(each, kind)]
        return task

    def do(self, task: Task, *steps: Step) -> None:
        """Do these steps. Raises what they raise; `lock` holds what was recorded until then."""

        async def main() -> None:
            async with Ledger(self.world.store, self.lock, self.world.store.load()[1]) as ledger:
                performer = self.performer(ledger)
                try:
                    for step in steps:
                        async with performer.places:
                            await performer.do(step, task)
                finally:
                    self.lock = ledger.lock

        asyncio.run(main())

    def performer(self, ledger: Ledger) -> Performer:
        account, known = self.account, frozenset(self.prepared.observation.models)
        creations = Creations(account, silent, known, ledger.durable, grace=0.0, looks=(0.0,))
        places = asyncio.Semaphore(1)
        training = Training(account, silent, "voicectl:acme")
        return Performer(account, ledger, self.events.append, Path(), "acme", creations, training, places)

    def record(self, name: str = "a") -> Record:
        return self.lock.voices[name]


def applied(*voices: Any, **options: Any) -> World:
    world = World()
    world.apply(catalog(*voices, **options))
    return world


def marked(model: Model) -> Marker:
    mark = model.marker("acme")
    assert mark is not None
    return mark


def test_create_makes_a_private_model_and_records_its_id_at_once() -> None:
    doing = Doing(World(), catalog(voice("a", visibility="unlist")))
    doing.do(doing.task(Create), Step.CREATE)
    [model] = doing.account.models.values()
    assert (model.visibility, marked(model)) == ("private", Marker.of("acme", "a", inputs_of("one")))
    assert doing.record().id == model.id
    assert doing.record().applied.visibility == "private", "it is recorded as it is, not as it will be"
    assert doing.lock.provider.account == model.author


def test_a_made_model_is_current_and_then_shown() -> None:
    doing = Doing(World(), catalog(voice("a", visibility="unlist")))
    doing.do(doing.task(Create), Step.CREATE, Step.AWAIT_TRAINING, Step.MAKE_CURRENT, Step.SHOW)
    [model] = doing.account.models.values()
    assert model.visibility == doing.record().applied.visibility == "unlist"
    assert doing.account.requests == ["create", f"update {model.id}"]


def test_a_model_whose_training_fails_is_recorded_so_and_fails_its_voice() -> None:
    world = World()
    world.account.fails.add("A")
    doing = Doing(world, catalog(voice("a", visibility="unlist")))
    with pytest.raises(TaskFailed, match="the training of model001 failed"):
        doing.do(doing.task(Create), Step.CREATE, Step.AWAIT_TRAINING)
    assert doing.record().state == "failed"
    assert doing.account.models["model001"].visibility == "private"


def test_a_replacement_is_pending_until_it_is_current_and_then_the_old_one_is_retired() -> None:
    doing = Doing(applied(voice("a")), catalog(voice("a", "two")))
    replacing, old = doing.task(Replace), doing.record().id
    doing.do(replacing, Step.CREATE)
    pending = doing.record().pending
    assert doing.record().id == old
    assert pending is not None
    assert pending.id != old

    doing = Doing(applied(voice("a")), catalog(voice("a", "two")))
    steps = doing.task(Replace).change.steps
    doing.do(doing.task(Replace), *steps)
    new = doing.record()
    assert new.id != old
    assert (new.generation, new.pending) == (2, None)
    assert [gone.id for gone in new.retired] == [old]
    assert marked(doing.account.models[old]).retired
    assert not marked(doing.account.models[new.id]).retired


def test_a_restored_generation_changes_places_with_the_one_that_serves() -> None:
    world = applied(voice("a"))
    first = world.id_of("a")
    world.apply(catalog(voice("a", "two")))
    second = world.id_of("a")
    doing = Doing(world, catalog(voice("a")))
    doing.do(doing.task(Restore), *doing.task(Restore).change.steps)
    assert doing.record().id == first
    assert [gone.id for gone in doing.record().retired] == [second]
    assert not marked(doing.account.models[first]).retired
    assert marked(doing.account.models[second]).retired
    assert "create" not in doing.account.requests


def test_a_generation_that_is_gone_can_not_be_restored() -> None:
    world = applied(voice("a"))
    first = world.id_of("a")
    world.apply(catalog(voice("a", "two")))
    doing = Doing(world, catalog(voice("a")))
    del world.account.models[first]
    before = doing.lock
    with pytest.raises(TaskFailed, match="is gone"):
        doing.do(doing.task(Restore), Step.UPDATE)
    assert doing.lock == before


def test_update_sets_values_and_records_them() -> None:
    doing = Doing(applied(voice("a")), catalog(voice("a", title="New")))
    doing.do(doing.task(Update), Step.UPDATE)
    assert doing.account.models[doing.record().id].title == doing.record().applied.title == "New"


def test_an_update_of_a_model_that_is_gone_fails_and_records_nothing() -> None:
    doing = Doing(applied(voice("a")), catalog(voice("a", title="New")))
    doing.account.models.clear()
    with pytest.raises(TaskFailed, match="is gone from the account"):
        doing.do(doing.task(Update), Step.UPDATE)
    assert doing.record().applied.title == "A"


def test_a_moved_voice_takes_its_earlier_generations_along() -> None:
    world = applied(voice("a"))
    old = world.id_of("a")
    world.apply(catalog(voice("a", "two")))
    doing = Doing(world, catalog(voice("b", "two", title="A"), moved={"a": "b"}))
    task = doing.task(Update)
    assert task.change.steps[0] is Step.RENAME
    doing.do(task, *task.change.steps)
    assert doing.lock.voices.keys() == {"b"}
    assert {marked(model).name for model in doing.account.models.values()} == {"b"}
    assert [gone.id for gone in doing.record("b").retired] == [old]


def test_repair_writes_marks_anew_and_leaves_the_record() -> None:
    world = applied(voice("a"))
    world.apply(catalog(voice("a", "two")))
    [gone] = world.lock.voices["a"].retired
    model = world.account.models[gone.id]
    world.account.edit(gone.id, tags=marked(model).as_retired(False).marks)
    doing = Doing(world, catalog(voice("a", "two")))
    before = doing.lock
    doing.do(doing.task(Repair), Step.UPDATE)
    assert marked(doing.account.models[gone.id]).retired
    assert doing.lock == before


def test_marks_that_do_not_stick_on_a_repair_stop_the_run() -> None:
    world = applied(voice("a"))
    world.apply(catalog(voice("a", "two")))
    [gone] = world.lock.voices["a"].retired
    world.account.edit(gone.id, tags=marked(world.account.models[gone.id]).as_retired(False).marks)
    doing = Doing(world, catalog(voice("a", "two")))

    async def ignores(model_id: str, patch: Patch, cover: object = None) -> bool:
        return True

    doing.account.update = ignores  # type: ignore[method-assign]
    with pytest.raises(MarksNotKept):
        doing.do(doing.task(Repair), Step.UPDATE)


def test_refresh_records_and_sends_nothing() -> None:
    world = applied(voice("a"))
    for each in world.account.models:
        world.account.edit(each, title="New")
    doing = Doing(world, catalog(voice("a", title="New")))
    doing.do(doing.task(Refresh), Step.RECORD)
    assert doing.record().applied.title == "New"
    assert doing.account.requests == []


def test_a_retired_generation_that_only_the_account_knew_is_recorded() -> None:
    world = applied(voice("a"))
    mark = Marker.of("acme", "a", inputs_of("earlier"), retired=True)
    found = world.account.add(title="A", tags=mark.marks)
    doing = Doing(world, catalog(voice("a")))
    doing.do(doing.task(RecordRetired), Step.RECORD)
    assert [gone.id for gone in doing.record().retired] == [found.id]


def test_a_removed_voices_generation_that_is_gone_is_dropped() -> None:
    world, model_id = overdue()
    del world.account.models[model_id]
    doing = Doing(world, catalog(voice("b")))
    doing.do(doing.task(DropRetired), Step.RECORD)
    assert model_id not in doing.lock.ids()
    assert doing.account.requests == []


def test_retire_marks_the_model_of_a_voice_that_leaves_and_then_records_it_as_removed() -> None:
    doing = Doing(applied(voice("a"), voice("b")), catalog(voice("b")))
    model_id = doing.record().id
    doing.do(doing.task(Retire), Step.RETIRE)
    assert marked(doing.account.models[model_id]).retired
    assert "a" not in doing.lock.voices
    assert [gone.id for gone in doing.lock.removed["a"].retired] == [model_id]


def overdue() -> tuple[World, str]:
    """A world in which the retention of a removed voice is over, and its model's id."""
    world = applied(voice("a"), voice("b"))
    model_id = world.id_of("a")
    world.apply(catalog(voice("b")))
    world.now = START + LATER
    return world, model_id


def test_a_model_is_recorded_as_being_deleted_before_it_is_deleted_and_dropped_after_it() -> None:
    world, model_id = overdue()
    doing = Doing(world, catalog(voice("b")))
    doing.do(doing.task(Prune), Step.CONDEMN)
    [entry] = doing.lock.removed["a"].retired
    assert (entry.id, entry.deleting) == (model_id, True)
    assert model_id in doing.account.models
    doing.do(doing.task(Prune), Step.DELETE)
    assert model_id not in doing.account.models
    assert model_id not in doing.lock.ids()


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ((), "does not carry our marks any more"),
        (Marker.of("other", "a", inputs_of("one"), retired=True).marks, "does not carry our marks any more"),
        (Marker.of("acme", "a", inputs_of("two"), retired=True).marks, "does not carry our marks any more"),
        (Marker.of("acme", "a", inputs_of("one")).marks, "was changed since the plan was made"),
    ],
    ids=["no marks", "another catalog's", "other inputs", "it serves again"],
)
def test_what_the_account_shows_otherwise_by_now_is_not_deleted(tags: tuple[str, ...], words: str) -> None:
    world, model_id = overdue()
    doing = Doing(world, catalog(voice("b")))
    world.account.edit(model_id, tags=tags)
    with pytest.raises(TaskFailed, match=words):
        doing.do(doing.task(Prune), Step.CONDEMN)
    [entry] = doing.lock.removed["a"].retired
    assert not entry.deleting


def test_what_was_touched_since_the_plan_is_not_deleted() -> None:
    world, model_id = overdue()
    doing = Doing(world, catalog(voice("b")))
    world.account.edit(model_id, updated_at=START + LATER)
    with pytest.raises(TaskFailed, match="was changed since"):
        doing.do(doing.task(Prune), Step.CONDEMN)


def test_what_still_serves_a_voice_is_not_deleted() -> None:
    world, model_id = overdue()
    doing = Doing(world, catalog(voice("b")))
    serving = replace(doing.lock.voices["b"], id=model_id)
    doing.lock = replace(doing.lock, voices={"b": serving}, removed={})
    with pytest.raises(NotTried, match="still serves"):
        doing.do(replace(doing.task(Prune), drop=False), Step.CONDEMN)


def test_forget_takes_our_marks_off_and_drops_the_record() -> None:
    world = applied(voice("a"), voice("b"))
    model_id = world.id_of("a")
    world.account.edit(model_id, tags=(*world.account.models[model_id].tags, "theirs"))
    doing = Doing(world, catalog(voice("b"), keep=("a",)))
    doing.do(doing.task(ForgetVoice), Step.FORGET)
    assert doing.account.models[model_id].tags == ("theirs",)
    assert model_id not in doing.lock.ids()
    assert doing.events == []


def test_marks_that_the_provider_does_not_clear_are_told_and_remembered() -> None:
    world = applied(voice("a"), voice("b"))
    doing = Doing(world, catalog(voice("b"), keep=("a",)))

    async def ignores(model_id: str, patch: Patch, cover: object = None) -> bool:
        return True

    doing.account.update = ignores  # type: ignore[method-assign]
    doing.do(doing.task(ForgetVoice), Step.FORGET)
    [told] = doing.events
    assert "does not clear the tags" in told.detail
    assert doing.lock.removed["a"].retired == (), "nothing is left of it but its name"


def test_forget_of_one_generation_leaves_the_voice() -> None:
    world = applied(voice("a"))
    world.apply(catalog(voice("a", "two")))
    [entry] = world.lock.voices["a"].retired
    doing = Doing(world, catalog(voice("a", "two")))
    model = doing.account.models[entry.id]
    change = doing.prepared.planned.plan.changes
    assert change == ()
    task = Forget(change=_change("a"), model=model, patch=Patch(tags=()), entry=entry)
    doing.do(task, Step.FORGET)
    assert doing.record().retired == ()
    assert doing.account.models[entry.id].tags == ()


def _change(name: str) -> Any:
    from voicectl.plan.plan import Action, Change

    return Change(name, Action.FORGET)


def test_names_are_exchanged_with_all_marks_first() -> None:
    world = applied(voice("a", "one"), voice("b", "two"))
    of_a, of_b = world.id_of("a"), world.id_of("b")
    doing = Doing(world, catalog(voice("a", "two"), voice("b", "one"), moved={"a": "b", "b": "a"}))

    async def main() -> None:
        async with Ledger(world.store, doing.lock, world.store.load()[1]) as ledger:
            await doing.performer(ledger).exchange([task for task in doing.tasks if task.ring])
            doing.lock = ledger.lock

    asyncio.run(main())
    assert {name: record.id for name, record in doing.lock.voices.items()} == {"a": of_b, "b": of_a}
    assert {marked(model).name for model in doing.account.models.values()} == {"a", "b"}
    assert marked(doing.account.models[of_a]).name == "b"


def test_a_step_that_an_action_does_not_have_is_a_mistake_of_ours() -> None:
    doing = Doing(World(), catalog(voice("a")))
    with pytest.raises(AssertionError, match="Create has no step"):
        doing.do(doing.task(Create), Step.DELETE)
