"""Executing tasks: when a run goes on, and when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from voicectl.engine.actions import NotTried, TaskFailed
from voicectl.engine.events import silent
from voicectl.engine.stages import PRUNES_TOGETHER, UNREACHABLE, Execution
from voicectl.errors import StateNotSaved
from voicectl.model.lock import Retired
from voicectl.model.observed import Model, Patch
from voicectl.plan.actions import Prune, Repair, Task
from voicectl.plan.plan import Action, Change, Step
from voicectl.provider.port import NotSent, Rejected

GONE = NotSent("api.fish.audio can't be reached", "check the network")
SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
REFUSED = Rejected("refused (400)", "")


async def run(failures: Sequence[Exception | None]) -> Execution:
    """One update after the other, each ending as told."""
    left = iter(failures)

    async def do(step: Step, task: Task) -> None:
        failure = next(left)
        if failure is not None:
            raise failure

    performer: Any = SimpleNamespace(
        listener=silent, places=asyncio.Semaphore(1), ledger=SimpleNamespace(failure=None, voices={}), do=do
    )
    changes = (Change(f"v{number:02}", Action.UPDATE) for number in range(len(failures)))
    execution = Execution(performer, tuple(Repair(change=c, model=Model("m", "M"), patch=Patch()) for c in changes))
    await execution.run(nothing)
    return execution


async def nothing() -> None:
    """Nobody looks for twins here."""


def statuses(failures: Sequence[Exception | None]) -> list[str]:
    return [outcome.status for outcome in asyncio.run(run(failures)).outcomes]


def test_one_voices_failure_does_not_stop_the_others() -> None:
    assert statuses([REFUSED] * 8 + [None]) == ["failed"] * 8 + ["done"]


def test_a_provider_that_can_not_be_reached_ends_the_run_after_a_few() -> None:
    assert statuses([None] + [GONE] * 20) == ["done"] + ["failed"] * UNREACHABLE + ["not_tried"] * (20 - UNREACHABLE)
    assert asyncio.run(run([GONE] * UNREACHABLE)).stopped is GONE


@pytest.mark.parametrize("between", [None, REFUSED], ids=["a success", "an answer"])
def test_any_sign_of_the_provider_starts_the_count_anew(between: Exception | None) -> None:
    assert "not_tried" not in statuses(([GONE] * (UNREACHABLE - 1) + [between]) * 3)


class Pruning:
    """Performs prunes: some can't be condemned, and from some save on the disk is full."""

    def __init__(self, left_out: dict[str, Exception], full_at: int = 0) -> None:
        self.left_out = left_out
        self.full_at = full_at
        self.listener = silent
        self.places = asyncio.Semaphore(4)
        self.ledger = self
        self.failure: Exception | None = None
        self.voices: dict[str, Any] = {}
        self.saves = 0
        self.condemned: list[str] = []
        self.saved: set[str] = set()
        self.deleted: list[str] = []

    async def do(self, step: Step, task: Task) -> None:
        await asyncio.sleep(0)
        if step is Step.DELETE:
            assert task.name in self.saved, "it is recorded as being deleted before it is"
            self.deleted.append(task.name)
        elif task.name in self.left_out:
            raise self.left_out[task.name]
        else:
            self.condemned.append(task.name)

    async def durable(self) -> None:
        self.saves += 1
        if self.saves == self.full_at:
            self.failure = StateNotSaved("full", "")
            raise self.failure
        self.saved = set(self.condemned)


def prune(count: int, performer: Any) -> Execution:
    async def main() -> Execution:
        gone = Retired("m", 1, None, SOME_DAY, SOME_DAY)
        changes = (Change(f"v{number:03}", Action.PRUNE) for number in range(count))
        execution = Execution(performer, tuple(Prune(change=c, model=Model("m", "M"), entry=gone) for c in changes))
        await execution.run(nothing)
        return execution

    return asyncio.run(main())


def test_many_prunes_share_a_save() -> None:
    pruning = Pruning({})
    assert {outcome.status for outcome in prune(200, pruning).outcomes} == {"done"}
    assert pruning.saves == 200 // PRUNES_TOGETHER
    assert len(pruning.deleted) == 200


def test_what_can_not_be_condemned_is_not_deleted() -> None:
    pruning = Pruning({"v001": NotTried("it still serves"), "v002": TaskFailed("not ours", "")})
    statuses = [outcome.status for outcome in prune(4, pruning).outcomes]
    assert statuses == ["done", "not_tried", "failed", "done"]
    assert pruning.deleted == ["v000", "v003"]


def test_nothing_is_deleted_that_is_not_on_disk() -> None:
    pruning = Pruning({}, full_at=2)
    execution = prune(3 * PRUNES_TOGETHER, pruning)
    assert isinstance(execution.stopped, StateNotSaved)
    assert len(pruning.deleted) == PRUNES_TOGETHER
    assert len(pruning.condemned) == 2 * PRUNES_TOGETHER, "and no more is begun"
