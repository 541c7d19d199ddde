"""After an apply: a value that did not stick is sent once more, and recorded as blocked where that changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.memory import Account, World, catalog, voice
from voicectl.engine.events import Event
from voicectl.engine.ledger import Ledger
from voicectl.engine.stages import Outcome
from voicectl.engine.verify import Settling, refresh
from voicectl.model.lock import Record
from voicectl.model.observed import Model, Observation, Patch
from voicectl.model.voice import Voice
from voicectl.plan.plan import Leftover
from voicectl.provider.port import NotSent, Rejected

Taking = Callable[[Patch], Patch]


@dataclass
class Verified:
    """One update of a voice's title, description and tags, and what is made of what the account shows then.

    `shows` is what the account makes of a patch; `again` what it makes of the second one.
    """

    sent: Voice
    shows: Taking
    again: Taking | Exception | None = None
    leftovers: list[Leftover] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.world.apply(catalog(voice("a", description="Before", tags=("old",))))
        prepared = self.world.prepare(catalog(self.sent))
        [task] = prepared.planned.tasks
        self.model_id = self.world.id_of("a")
        self._put(self.shows(task.patch))  # type: ignore[attr-defined]
        outcome = Outcome(task, status="done")
        record = task.record  # type: ignore[attr-defined]

        async def main() -> None:
            async with Ledger(self.world.store, prepared.lock, prepared.state_version) as ledger:
                ledger.put("a", record)
                settling = Settling(self.account, ledger, self._send, self.events.append, (0.0, 0.0))
                models = {self.model_id: self.account.models[self.model_id]}
                self.leftovers = await settling.all([outcome], Observation(models))
                self.touched = settling.touched

        asyncio.run(main())

    @property
    def account(self) -> Account:
        return self.world.account

    @property
    def record(self) -> Record:
        return self.world.lock.voices["a"]

    async def _send(self, model_id: str, patch: Patch, sent: Voice) -> None:
        self.patches.append(patch)
        if isinstance(self.again, Exception):
            raise self.again
        self._put((self.again or self.shows)(patch))

    def _put(self, patch: Patch) -> None:
        model: Model = patch.applied_to(self.account.models[self.model_id])
        self.account.models[self.model_id] = model


def as_sent(patch: Patch) -> Patch:
    return patch


def without(*names: str) -> Taking:
    return lambda patch: replace(patch, **dict.fromkeys(names))


NEW = voice("a", title="New", description="Before", tags=("old",))


def test_what_stuck_is_not_sent_again() -> None:
    done = Verified(NEW, as_sent)
    assert (done.leftovers, done.patches, done.touched) == ([], [], False)
    assert done.record.blocked == {}
    assert done.record.applied.title == "New"


def test_a_value_that_did_not_stick_is_sent_once_more_alone_and_with_the_marks() -> None:
    done = Verified(voice("a", title="New", description="After", tags=("old",)), without("title"), as_sent)
    assert done.leftovers == []
    [patch] = done.patches
    assert (patch.title, patch.description) == ("New", None)
    assert patch.tags is not None
    assert sum(tag.startswith("voicectl:acme") for tag in patch.tags) == 2
    assert "old" in patch.tags
    assert done.record.blocked == {}


def test_a_value_that_is_not_taken_twice_is_blocked_and_recorded_as_the_account_has_it() -> None:
    done = Verified(NEW, without("title"))
    [leftover] = done.leftovers
    assert leftover.name == "a"
    assert "title did not stick" in leftover.message
    assert len(done.patches) == 1
    blocked = done.record.blocked["title"]
    assert (blocked.desired, blocked.observed) == ("New", "A")
    assert done.record.applied.title == "A"


def test_a_value_that_is_cut_is_blocked() -> None:
    done = Verified(voice("a", title="A long title", description="Before", tags=("old",)), cut)
    assert done.record.blocked["title"].observed == "A lon"


def cut(patch: Patch) -> Patch:
    return replace(patch, title=patch.title[:5]) if patch.title else patch


def test_a_third_value_is_somebody_elses_and_not_blocked() -> None:
    def theirs(patch: Patch) -> Patch:
        return replace(patch, title="By hand")

    done = Verified(NEW, theirs)
    [leftover] = done.leftovers
    assert "did somebody else change it?" in leftover.message
    assert done.record.blocked == {}


def test_a_value_that_differs_each_time_is_no_refusal() -> None:
    done = Verified(NEW, without("title"), lambda patch: replace(patch, title="Ne"))
    assert len(done.leftovers) == 1
    assert done.record.blocked == {}


def test_a_refusal_of_the_second_request_blocks_too() -> None:
    done = Verified(NEW, without("title"), Rejected("no", "", 400))
    assert done.record.blocked.keys() == {"title"}


def test_a_second_request_that_does_not_get_through_decides_nothing() -> None:
    done = Verified(NEW, without("title"), NotSent("no network"))
    [leftover] = done.leftovers
    assert "nor when sent again: no network" in leftover.message
    assert done.record.blocked == {}


def test_a_field_that_was_not_sent_is_not_verified() -> None:
    def meanwhile(patch: Patch) -> Patch:
        return replace(patch, description="By hand")

    done = Verified(NEW, meanwhile)
    assert (done.leftovers, done.patches) == ([], [])


def test_a_blocked_value_that_is_taken_at_last_is_applied() -> None:
    world = World()
    world.apply(catalog(voice("a")))
    world.account.takes = lambda wanted: "private"
    wanted = catalog(voice("a", visibility="unlist"))
    assert not world.run(wanted).succeeded
    assert world.lock.voices["a"].blocked.keys() == {"visibility"}
    world.account.takes = lambda wanted: wanted
    assert world.run(wanted).succeeded
    assert world.lock.voices["a"].blocked == {}
    assert world.lock.voices["a"].applied.visibility == "unlist"


def test_what_only_the_lockfile_lacked_is_recorded_and_no_change_is_left() -> None:
    world = World()
    world.apply(catalog(voice("a")))
    world.account.edit(world.id_of("a"), title="New")
    prepared = world.prepare(catalog(voice("a", title="New")))

    async def main() -> Any:
        async with Ledger(world.store, prepared.lock, prepared.state_version) as ledger:
            return refresh(prepared.planned, ledger).plan.changes

    assert asyncio.run(main()) == ()
    assert world.lock.voices["a"].applied.title == "New"
