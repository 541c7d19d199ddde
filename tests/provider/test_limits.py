"""The limiters against an account with a limit of its own, on a clock that only moves when all wait."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from voicectl.provider.fish.limits import AUTO_CEILING, Limiter, SearchingLimiter


class _NoWait(selectors.DefaultSelector):
    """Never waits, and adds up how long it was to."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "all wait for ever"
        self.waited += max(0.0, timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop without real time."""

    def __init__(self) -> None:
        self._clock = _NoWait()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.waited


def simulated(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_Loop) as runner:
        runner.run(work)


@dataclass
class Account:
    """Takes `limit` requests at once; refuses the rest after a round trip, as `create` meets it."""

    limiter: Limiter
    limit: int
    latency: float = 1.0
    round_trip: float = 0.01
    retry_after: float | None = None
    in_flight: int = 0
    most: int = 0
    done: int = 0
    refused: int = 0
    sent_at: list[float] = field(default_factory=list)
    others: int = 0
    """Places that somebody else has taken."""
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    async def request(self) -> bool:
        async with self.limiter.slot() as place:
            self.sent_at.append(asyncio.get_running_loop().time())
            self.limiter.sent(place)
            await asyncio.sleep(self.round_trip / 2)
            taken = self.in_flight + self.others < self.limit
            if taken:
                self.in_flight += 1
                self.most = max(self.most, self.in_flight)
                await asyncio.sleep(self.latency * self.chance.uniform(0.8, 1.2) - self.round_trip)
                self.in_flight -= 1
            await asyncio.sleep(self.round_trip / 2)
            if taken:
                self.done += 1
                self.limiter.succeeded(place)
            else:
                self.refused += 1
                self.limiter.refused(place, self.retry_after)
            return taken

    async def run(self, requests: int, places: int = AUTO_CEILING) -> float:
        """So many requests until each is done, like an apply: the share of the best possible time."""
        begun = asyncio.get_running_loop().time()
        room = asyncio.Semaphore(places)

        async def one() -> None:
            async with room:
                while not await self.request():
                    await asyncio.sleep(0.25)

        await asyncio.gather(*(one() for _ in range(requests)))
        return requests * self.latency / self.limit / (asyncio.get_running_loop().time() - begun)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7, 15, 23, 50])
@pytest.mark.parametrize("round_trip", [0.001, 0.1])
def test_auto_finds_the_limit_and_stays_there(limit: int, round_trip: float) -> None:
    async def work() -> None:
        account = Account(SearchingLimiter(), limit, round_trip=round_trip)
        share = await account.run(500)
        assert account.limiter.limit in (limit, limit - 1)
        assert account.refused / (account.done + account.refused) < 0.02
        assert share > 0.85

    simulated(work())
