"""The ledger: every id in one place, saves that many changes share, and a failure that stays."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from tests.memory import ACCOUNT, IDENTITY, LONG_AGO, START, MemoryStore
from voicectl.engine import ledger as ledgers
from voicectl.engine.ledger import Ledger
from voicectl.errors import StateNotSaved
from voicectl.model.lock import Changed, Lock, Pending, Record, Retired
from voicectl.state.port import Version

DIGEST = "sha256:" + "0" * 64


@dataclass
class Counting(MemoryStore):
    """A lockfile in memory that counts its saves; from the save `full_at` on the disk is full."""

    saves: int = 0
    full_at: int = 0

    def save(self, lock: Lock, expected: Version) -> Version:
        self.saves += 1
        if self.full_at and self.saves >= self.full_at:
            raise StateNotSaved("the disk is full", "")
        return super().save(lock, expected)


def record(model_id: str, *gone: Retired, generation: int = 1, pending: str | None = None) -> Record:
    waiting = Pending(pending, generation + 1, DIGEST) if pending else None
    return Record("created", model_id, generation, DIGEST, pending=waiting, retired=gone)


def retired(model_id: str, generation: int = 1) -> Retired:
    return Retired(model_id, generation, DIGEST, LONG_AGO, START)


def using(
    use: Callable[[Ledger], Awaitable[None]], store: MemoryStore | None = None, stamp: Changed | None = None
) -> Ledger:
    """A ledger over an empty lockfile, and what was done with it, which is on disk by then."""
    kept = store or MemoryStore()

    async def main() -> Ledger:
        lock, version = Lock("acme", None, replace(IDENTITY, account=ACCOUNT)), kept.load()[1]
        async with Ledger(kept, lock, version, stamp) as ledger:
            await use(ledger)
        return ledger

    return asyncio.run(main())


def changed(change: Callable[[Ledger], None]) -> Lock:
    """The lockfile after these changes, in which no id stands twice."""

    async def use(ledger: Ledger) -> None:
        change(ledger)

    store = MemoryStore()
    using(use, store)
    lock, _ = store.load()
    assert lock is not None
    places = [voice.id for voice in lock.voices.values()]
    places += [voice.pending.id for voice in lock.voices.values() if voice.pending]
    places += [gone.id for name in {*lock.voices, *lock.removed} for gone in lock.retired(name)]
    assert [model_id for model_id, number in Counter(places).items() if number > 1] == []
    return lock


def test_a_voice_is_recorded_and_its_next_generation_takes_over() -> None:
    def change(ledger: Ledger) -> None:
        ledger.put("a", record("m1"))
        ledger.put("a", record("m1", pending="m2"))
        ledger.put("a", record("m2", generation=2))
        ledger.retire("a", retired("m1"))

    lock = changed(change)
    assert lock.voices["a"] == record("m2", retired("m1"), generation=2)


def test_a_generation_that_was_retired_before_its_successor_is_recorded_stays() -> None:
    def change(ledger: Ledger) -> None:
        ledger.put("a", record("m1"))
        ledger.retire("a", retired("m0"))
        ledger.put("a", record("m2", generation=2))

    assert [gone.id for gone in changed(change).voices["a"].retired] == ["m0"]


def test_what_is_not_current_any_more_is_no_pending_generation_either() -> None:
    def change(ledger: Ledger) -> None:
        ledger.put("a", record("m1", pending="m2"))
        ledger.retire("a", retired("m2", 2))

    voice = changed(change).voices["a"]
    assert voice.pending is None
    assert [gone.id for gone in voice.retired] == ["m2"]


def test_a_retired_generation_that_serves_again_is_retired_no_more() -> None:
    def change(ledger: Ledger) -> None:
        ledger.put("a", record("m2", retired("m1"), generation=2))
        ledger.put("a", record("m1", generation=1))
        ledger.retire("a", retired("m2", 2))

    lock = changed(change)
    assert lock.voices["a"].id == "m1"
    assert [gone.id for gone in lock.voices["a"].retired] == ["m2"]


def test_a_generation_that_is_retired_under_another_name_stands_there_alone() -> None:
    def change(ledger: Ledger) -> None:
        ledger.put("a", record("m2", retired("m1")))
        ledger.put("b", record("m3"))
        ledger.retire("b", retired("m1"))

    lock = changed(change)
    assert lock.voices["a"].retired == ()
    assert [gone.id for gone in lock.voices["b"].retired] == ["m1"]


def test_a_voice_that_leaves_keeps_its_generations_as_removed() -> None:
    def change(ledger: Ledger) -> None:
        ledger.put("a", record("m2", retired("m1"), generation=2))
        ledger.leave("a", retired("m2", 2))

    lock = changed(change)
    assert lock.voices == {}
    assert [gone.id for gone in lock.removed["a"].retired] == ["m2", "m1"]


def test_a_voice_that_comes_back_takes_only_what_its_record_names() -> None:
    def change(ledger: Ledger) -> None:
        ledger.put("a", record("m1", retired("m0")))
        ledger.leave("a", retired("m1"))
        ledger.put("a", record("m2", retired("m1"), generation=2))

    lock = changed(change)
    assert lock.removed == {}
    assert [gone.id for gone in lock.voices["a"].retired] == ["m1"]


def test_a_voice_that_is_put_under_a_new_name_leaves_nothing_under_the_old_one() -> None:
    def change(ledger: Ledger) -> None:
        ledger.put("old", record("m1", retired("m0")))
        ledger.put("new", record("m1", retired("m0")), "old")

    lock = changed(change)
    assert lock.voices.keys() == {"new"}
    assert lock.ids() == {"m0", "m1"}


def test_names_that_go_round_are_exchanged_at_once() -> None:
    def change(ledger: Ledger) -> None:
        for name in "abc":
            ledger.put(name, record(f"of {name}".replace(" ", "-")))
        ledger.rename({"a": "b", "b": "c", "c": "a"})

    assert {name: voice.id for name, voice in changed(change).voices.items()} == {
        "b": "of-a", "c": "of-b", "a": "of-c",
    }  # fmt: skip


def test_a_forgotten_name_leaves_nothing() -> None:
    def change(ledger: Ledger) -> None:
        ledger.put("a", record("m1", retired("m0")))
        ledger.put("was", record("m2"))
        ledger.forget("a", "was")

    assert changed(change).ids() == set()


def test_a_dropped_generation_does_not_come_back_with_the_next_record() -> None:
    def change(ledger: Ledger) -> None:
        voice = record("m2", retired("m1"), generation=2)
        ledger.put("a", voice)
        ledger.drop("a", "m1")
        ledger.put("a", voice)

    assert changed(change).ids() == {"m2"}


def test_a_generation_that_is_another_names_is_dropped_here_and_not_deleted() -> None:
    def change(ledger: Ledger) -> None:
        ledger.put("a", record("m2", retired("m1")))
        ledger.drop("a", "m1", gone=False)
        ledger.put("b", record("m3", retired("m1")))

    lock = changed(change)
    assert lock.voices["a"].retired == ()
    assert [gone.id for gone in lock.voices["b"].retired] == ["m1"]


def test_a_removed_voice_loses_what_is_deleted() -> None:
    def change(ledger: Ledger) -> None:
        ledger.put("a", record("m1"))
        ledger.leave("a", retired("m1"))
        ledger.drop("a", "m1")

    assert changed(change).ids() == set()


def test_what_was_deleted_for_a_withdrawn_consent_is_remembered() -> None:
    lock = changed(lambda ledger: ledger.remember_withdrawn("a", retired("m1")))
    assert [(gone.name, gone.id, gone.reason) for gone in lock.deleted] == [("a", "m1", "consent withdrawn")]


def test_only_what_changed_says_which_run_changed_it() -> None:
    earlier, now = Changed(LONG_AGO, "earlier"), Changed(START, "now")

    async def use(ledger: Ledger) -> None:
        ledger.voices = {name: replace(record(f"of-{name}"), changed=earlier) for name in "ab"}
        ledger.put("a", record("of-a"))
        ledger.put("b", record("another"))

    voices = using(use, stamp=now).lock.voices
    assert {name: voice.changed for name, voice in voices.items()} == {"a": earlier, "b": now}


def test_many_changes_share_a_save() -> None:
    async def use(ledger: Ledger) -> None:
        for number in range(100):
            ledger.put(f"v{number}", record(f"m{number}"))
        await asyncio.gather(*(ledger.durable() for _ in range(20)))

    store = Counting()
    using(use, store)
    assert store.saves == 1


def test_a_change_is_saved_soon_though_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "GROUP_SECONDS", 0.01)
    store = Counting()

    async def use(ledger: Ledger) -> None:
        ledger.put("a", record("m1"))
        assert ledger.unsaved() == ["m1"]
        async with asyncio.timeout(10):
            while ledger.unsaved():
                await asyncio.sleep(0.005)

    using(use, store)
    assert store.saves == 1


def test_a_failed_save_is_told_to_everybody_and_nothing_is_saved_after_it() -> None:
    store = Counting(full_at=2)

    async def use(ledger: Ledger) -> None:
        ledger.put("a", record("m1"))
        await ledger.durable()
        ledger.put("b", record("m2"))
        told = await asyncio.gather(*(ledger.durable() for _ in range(3)), return_exceptions=True)
        assert {type(each) for each in told} == {StateNotSaved}
        ledger.put("c", record("m3"))
        with pytest.raises(StateNotSaved):
            await ledger.durable()

    ledger = using(use, store)
    assert isinstance(ledger.failure, StateNotSaved)
    assert ledger.unsaved() == ["m2", "m3"], "what the run has to print, since no file has it"
    assert store.saves == 2
    lock, _ = store.load()
    assert lock is not None
    assert lock.ids() == {"m1"}
