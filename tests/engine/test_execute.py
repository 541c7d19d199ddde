"""Executing tasks: when a run goes on, and when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from voicectl.engine.events import silent
from voicectl.engine.execute import UNREACHABLE, Execution
from voicectl.plan.plan import Action, Change
from voicectl.plan.task import Task
from voicectl.provider.port import NotSent, Rejected

GONE = NotSent("api.fish.audio can't be reached", "check the network")
REFUSED = Rejected("refused (400)", "")


async def run(failures: Sequence[Exception | None]) -> Execution:
    """One update after the other, each ending as told."""
    performer: Any = SimpleNamespace(
        listener=silent, places=asyncio.Semaphore(1), ledger=SimpleNamespace(failure=None, voices={})
    )
    tasks = tuple(Task(Change(f"v{number:02}", Action.UPDATE)) for number in range(len(failures)))
    execution = Execution(performer, tasks)
    left = iter(failures)

    async def step(task: Task) -> None:
        failure = next(left)
        if failure is not None:
            raise failure

    await execution._stage(execution.outcomes, step)
    return execution


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
