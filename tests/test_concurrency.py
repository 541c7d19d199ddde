"""Gathering, sharing, and the pauses between tries."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from voicectl.concurrency import Backoff, Shared, together


@dataclass
class Clock:
    """A clock that only moves when told to."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def tries(backoff: Backoff, clock: Clock, each: float = 0.1) -> int:
    """How many tries there are if each takes so long and fails."""
    count = 0
    while True:
        count += 1
        backoff.begin()
        clock.now += each
        pause = backoff.pause()
        if pause is None:
            return count
        clock.now += pause


@pytest.mark.parametrize("round_", range(20))
def test_it_goes_on_until_patience_is_over_however_many_tries_that_takes(round_: int) -> None:
    clock = Clock()
    count = tries(Backoff(patience=120, clock=clock), clock)
    assert 120 <= clock.now < 120.3, "the last try comes at the end, whatever the dice say"
    assert count > 6
    clock = Clock()
    assert tries(Backoff(first=0.001, longest=0.001, patience=120, clock=clock), clock) > 1000


def test_a_ceiling_doubles_and_is_never_passed() -> None:
    clock = Clock()
    ceilings = []
    for number in range(12):
        pauses = []
        for _ in range(200):
            backoff = Backoff(first=0.5, longest=20, patience=1e9, clock=clock, _pauses=number)
            pauses.append(backoff.pause() or 0.0)
        ceilings.append(max(pauses))
        assert min(pauses) < 0.1 * min(20, 0.5 * 2**number), "full jitter reaches down to nothing"
    for number, highest in enumerate(ceilings):
        ceiling = min(20, 0.5 * 2**number)
        assert 0.9 * ceiling < highest <= ceiling


def test_waiting_for_a_place_costs_no_patience() -> None:
    clock = Clock()
    backoff = Backoff(patience=10, clock=clock)
    clock.now += 1000
    backoff.begin()
    spent = 0.0
    while spent < 9.8:
        clock.now += 0.1
        pause = backoff.pause()
        assert pause is not None
        spent += 0.1 + pause
        clock.now += pause + 1000
        backoff.begin()
    clock.now += 0.3
    assert backoff.pause() is None


def test_as_long_as_was_asked_for_and_no_longer_than_patience_allows() -> None:
    clock = Clock()
    backoff = Backoff(patience=10, clock=clock)
    backoff.begin()
    assert backoff.pause(9.0) == 9.0
    clock.now += 9.0
    backoff.begin()
    assert backoff.pause(2.0) is None


def shared_calls(asked_at: list[float], takes: float) -> tuple[int, list[tuple[float, float]]]:
    """How many calls serve those who ask at these moments, and for each when it asked and when its call began."""
    calls: list[float] = []

    async def main() -> list[tuple[float, float]]:
        loop = asyncio.get_running_loop()
        start = loop.time()

        async def call() -> float:
            calls.append(began := loop.time() - start)
            await asyncio.sleep(takes)
            return began

        shared = Shared(call)

        async def ask(at: float) -> tuple[float, float]:
            await asyncio.sleep(at)
            asked = loop.time() - start
            return asked, await shared()

        return await together(ask(at) for at in asked_at)

    served = asyncio.run(main())
    return len(calls), served


def test_one_call_serves_all_who_wait_and_none_that_began_before_they_asked() -> None:
    count, served = shared_calls([0.0] * 50 + [0.05] * 50, 0.1)
    assert count == 2
    assert all(began >= asked for asked, began in served)
    assert shared_calls([0.0], 0.0)[0] == 1
    assert shared_calls([0.0, 0.1, 0.2], 0.01)[0] == 3


def test_a_failure_reaches_everybody_and_the_next_call_is_a_new_one() -> None:
    failures = iter([ValueError("first"), None])

    async def call() -> str:
        await asyncio.sleep(0)
        failure = next(failures)
        if failure is not None:
            raise failure
        return "second"

    async def main() -> list[Any]:
        shared = Shared(call)
        first = await asyncio.gather(shared(), shared(), return_exceptions=True)
        return [*map(str, first), await shared()]

    assert asyncio.run(main()) == ["first", "first", "second"]


def test_who_is_cancelled_takes_nothing_from_the_others() -> None:
    async def call() -> str:
        await asyncio.sleep(0.02)
        return "done"

    async def main() -> str:
        shared = Shared(call)
        first, second = asyncio.create_task(shared()), asyncio.create_task(shared())
        await asyncio.sleep(0.005)
        first.cancel()
        return await second

    assert asyncio.run(main()) == "done"


def test_the_first_failure_ends_them_all() -> None:
    ended: list[str] = []

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("long")

    async def fails() -> None:
        raise KeyError("it")

    async def main(coroutines: list[Coroutine[Any, Any, None]]) -> None:
        await together(coroutines)

    with pytest.raises(KeyError):
        asyncio.run(main([long(), fails()]))
    assert ended == ["long"]
