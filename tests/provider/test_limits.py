"""The limiters against an account with a limit of its own, on a clock that only moves when all wait."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.conftest import KEY
from voicectl.emulator.server import RunningEmulator
from voicectl.emulator.settings import Fault, Settings
from voicectl.provider.fish.bounds import Patience
from voicectl.provider.fish.client import FishClient
from voicectl.provider.fish.endpoint import Endpoint
from voicectl.provider.fish.http import POOL_SIZE, Pools
from voicectl.provider.fish.limits import AUTO_CEILING, AUTO_START, RECOVERY, Limiter, SearchingLimiter, Slot, limiter
from voicectl.provider.port import OutcomeUnknown, Throttled


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
@pytest.mark.parametrize("round_trip", [0.001, 0.02])
def test_auto_finds_the_limit_and_stays_near_it(limit: int, round_trip: float) -> None:
    async def work() -> None:
        account = Account(SearchingLimiter(), limit, round_trip=round_trip)
        share = await account.run(500)
        assert 0.9 * limit <= account.limiter.limit <= limit
        assert account.refused / (account.done + account.refused) < 0.02
        assert share > 0.85

    simulated(work())


@pytest.mark.parametrize(("before", "after"), [(50, 15), (50, 5), (23, 7), (5, 15), (5, 50), (15, 50)])
def test_auto_follows_a_limit_that_changes(before: int, after: int) -> None:
    async def work() -> None:
        account = Account(SearchingLimiter(), before)
        run = asyncio.create_task(account.run(1500))
        while account.done < 500:
            await asyncio.sleep(0.01)
        account.limit = after
        while account.done < 1200:
            await asyncio.sleep(0.01)
        assert 0.85 * after <= account.limiter.limit <= after
        await run
        assert account.refused / (account.done + account.refused) < 0.02

    simulated(work())


def test_auto_gives_way_to_others_and_takes_their_places_when_they_leave() -> None:
    async def work() -> None:
        account = Account(SearchingLimiter(), 15, others=10)
        run = asyncio.create_task(account.run(600))
        while account.done < 100:
            await asyncio.sleep(0.01)
        assert account.limiter.limit in (4, 5)
        account.others = 0
        await run
        assert account.limiter.limit in (14, 15)

    simulated(work())


def test_auto_does_not_grow_beyond_what_is_wanted() -> None:
    async def work() -> None:
        account = Account(SearchingLimiter(), 50)
        for _ in range(100):
            await account.request()
        assert account.limiter.limit == AUTO_START

    simulated(work())


async def places(limits: Limiter, number: int) -> tuple[asyncio.Event, list[Slot], asyncio.Task[None]]:
    """So many requests in flight until the event is set."""
    end = asyncio.Event()
    held: list[Slot] = []

    async def one() -> None:
        async with limits.slot() as place:
            held.append(place)
            await end.wait()

    async def all_of_them() -> None:
        await asyncio.gather(*(one() for _ in range(number)))

    task = asyncio.create_task(all_of_them())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return end, held, task


@pytest.mark.parametrize("overloaded", [False, True])
def test_a_fixed_limit_is_halved_once_for_a_burst_and_recovers_slowly(overloaded: bool) -> None:
    async def work() -> None:
        limits = limiter(4)
        end, held, task = await places(limits, 4)
        for place in held:
            limits.refused(place, None, overloaded)
        assert limits.limit == 2
        assert limits.describe() == "2 requests at a time, for now, of 4"
        end.set()
        await task
        account = Account(limits, 50, latency=0.1)
        await account.run(RECOVERY)
        assert limits.limit == 3
        await account.run(RECOVERY)
        assert limits.limit == 4
        await account.run(2 * RECOVERY)
        assert limits.limit == 4
        assert account.most == 4
        assert limits.describe() == "4 requests at a time"

    simulated(work())


def test_successes_of_requests_from_before_the_halving_do_not_count() -> None:
    async def work() -> None:
        limits = limiter(100)
        end, held, task = await places(limits, 100)
        limits.refused(held[0], None)
        for place in held[1:]:
            limits.succeeded(place)
        assert limits.limit == 50
        end.set()
        await task

    simulated(work())


def test_auto_halves_for_a_provider_that_is_overloaded_and_holds_that() -> None:
    async def work() -> None:
        limits = SearchingLimiter()
        account = Account(limits, 200)
        run = asyncio.create_task(account.run(2000))
        while limits.limit < 40:
            await asyncio.sleep(0.01)
        limit = limits.limit
        limits.refused(Slot(limits._serial, limit, 0.0), None, overloaded=True)
        assert limits.limit == limit // 2
        await asyncio.sleep(2)
        assert limits.limit == limit // 2
        await run
        assert limits.limit > limit // 2

    simulated(work())


def test_nothing_is_sent_for_as_long_as_the_provider_asks() -> None:
    async def work() -> None:
        account = Account(limiter(4), 3, retry_after=7.0)
        await account.run(6)
        first_refusal = account.round_trip
        assert account.refused == 1
        assert all(at < first_refusal or at >= first_refusal + 7 for at in account.sent_at)

    simulated(work())


def test_thousands_wait_in_order_and_the_cancelled_leave() -> None:
    async def work() -> None:
        limits = Limiter(3)
        order: list[int] = []

        async def one(number: int) -> None:
            async with limits.slot():
                order.append(number)
                await asyncio.sleep(0.001)

        tasks = [asyncio.create_task(one(number)) for number in range(5000)]
        await asyncio.sleep(0)
        for number in (1, 3, 4, 4999):
            tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert [n for n in order if n != 1] == [n for n in range(5000) if n not in (1, 3, 4, 4999)]
        assert limits._in_flight == 0

    simulated(work())


def test_a_place_is_given_back_when_its_holder_is_cancelled_as_it_gets_it() -> None:
    async def work() -> None:
        limits = Limiter(1)

        async def one() -> None:
            async with limits.slot():
                await asyncio.sleep(1)

        first, second, third = (asyncio.create_task(one()) for _ in range(3))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)  # the place is the second's now, which has not woken up
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        await third
        assert limits._in_flight == 0

    simulated(work())


def test_auto_says_what_it_found() -> None:
    async def work() -> None:
        account = Account(SearchingLimiter(), 15)
        assert account.limiter.describe() == "4 requests at a time; the account has not refused so many"
        await account.run(60)
        assert account.limiter.describe() == "15 requests at a time; the account took no more than 15"

    simulated(work())


@pytest.mark.parametrize("limit", [5, 15])
def test_auto_over_tcp_is_hardly_ever_refused(emulator: RunningEmulator, limit: int) -> None:
    emulator.settings = Settings(latency=100, concurrency_limit=limit)
    requests = 25 * limit

    async def main() -> None:
        client = FishClient(Endpoint(emulator.url, KEY), concurrency="auto", patience=Patience(first_pause=0.05))
        try:
            await asyncio.gather(*(client.get(f"{number:032x}") for number in range(requests)))
        finally:
            await client.close()

    asyncio.run(main())
    statuses = [entry.status for entry in emulator.log.entries()]
    assert statuses.count(404) == requests
    # Wide bounds: client and emulator share this process, so that answers may lie about for a while.
    assert statuses.count(429) <= 0.06 * requests
    assert max(entry.in_flight for entry in emulator.log.entries()) >= 0.6 * limit


@pytest.mark.parametrize(("status", "raised"), [(429, Throttled), (503, OutcomeUnknown)])
def test_the_client_gives_way_to_429_and_503(emulator: RunningEmulator, status: int, raised: type[Exception]) -> None:
    emulator.settings = Settings(rules=(Fault("status", status=status),))

    async def main() -> None:
        client = FishClient(Endpoint(emulator.url, KEY), concurrency=8, patience=Patience(deadline=0))
        try:
            with pytest.raises(raised):
                await client.get("0" * 32)
        finally:
            await client.close()
        assert client.limiter.limit == 4

    asyncio.run(main())


def test_more_requests_than_a_pool_holds_use_several(emulator: RunningEmulator) -> None:
    emulator.settings = Settings(latency=50)

    async def main() -> None:
        pools = Pools(base_url=emulator.url, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False)

        async def one() -> int:
            with pools.client() as client:
                return (await client.get("/model")).status_code

        for _ in range(2):
            assert set(await asyncio.gather(*(one() for _ in range(2 * POOL_SIZE + 1)))) == {200}
            assert len(pools._clients) == 3
        await pools.aclose()

    asyncio.run(main())
