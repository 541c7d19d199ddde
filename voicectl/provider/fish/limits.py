"""How many requests may be in flight.

Both limiters give way at once and come back carefully: multiplicative decrease, additive increase (Chiu and
Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance", 1989). The search of `auto`
is TCP's slow start with its remembered threshold (RFC 5681, 3.1).
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

AUTO_START = 4
"""The limit of the smallest account (5), less one for the team's own traffic."""
AUTO_CEILING = 64
"""The largest documented limit (50), plus some: only a refusal shows that it is the limit, and some requests idle."""
TIERS = ((1000, 50), (100, 15), (0, 5))
"""(sum of payments in dollars, requests at once), from docs.fish.audio, "Pricing and rate limits"."""
STEP = 0.025
"""Seconds without a refusal after which the search lets in one more. A refusal takes a round trip, some 0.2 s
across an ocean: about eight requests too many are under way by then, once. Fifty at once take 1.2 s to find."""
LONGEST_STEP = 1.0
"""Beyond what was refused before, the first steps last twice as long as a refusal took, up to this: so a probe
costs one refusal."""
RECOVERY = 50
"""Successes before a lowered limit grows by one. Even if the provider refuses each growth, that affects 2 % of
requests."""
FIRST_PROBE, LAST_PROBE = 100, 200
"""Successes before `auto` tries one request more again; twice as many after each further refusal."""


@dataclass(slots=True)
class Slot:
    """A request in flight: its number, how many were in flight with it, and its start."""

    serial: int
    crowd: int
    since: float


class Limiter:
    """Bounds the requests in flight to a given number.

    A refusal halves the limit; each run of successes raises it by one again.
    """

    def __init__(self, ceiling: int, start: int | None = None) -> None:
        self.ceiling = ceiling
        self.limit = start or ceiling
        self.on_limit: Callable[[int], None] = lambda limit: None
        """Gets the limit each time it changes."""
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[Slot]] = deque()
        self._serial = 0
        self._judged = 0
        """The latest request at the time when the limit was last lowered."""
        self._successes = 0
        """Successes of requests sent since then, counted from zero after each raise."""
        self._pause: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """Wait for a place among the requests in flight, and hold it. First come, first served."""
        turn: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._let_in()
        if not turn.done():
            self._crowded()
        try:
            yield await turn
        finally:
            # A request cancelled while it waits has no place to give back. One cancelled just after it was let in has.
            if not turn.cancelled():
                self._in_flight -= 1
                self._let_in()

    def sent(self, place: Slot) -> None:
        """A request has been sent completely. (Only the search needs to know.)"""

    def succeeded(self, place: Slot) -> None:
        """A request went through."""
        if place.serial > self._judged:
            self._successes += 1
            self._quiet()

    def refused(self, place: Slot, retry_after: float | None, overloaded: bool = False) -> None:
        """The provider refused a request as one too many (429), or because it is `overloaded` itself (503).

        The limiter sends nothing for as long as the provider asks. Requests that were in flight when it last lowered
        the limit belong to the same signal: their refusals don't lower it again.
        """
        if retry_after:
            self._hold(retry_after)
        if place.serial > self._judged:
            before = self.limit
            self._lower(place, overloaded)
            self._judged = self._serial
            self._successes = 0
            if self.limit != before:
                self.on_limit(self.limit)

    def describe(self) -> str:
        """The current limit in a sentence."""
        return f"{_at_a_time(self.limit)}" + (f", for now, of {self.ceiling}" if self.limit < self.ceiling else "")

    def _crowded(self) -> None:
        """A request has to wait."""

    def _lower(self, place: Slot, overloaded: bool) -> None:
        # Others share the account's limit, so nobody knows how far below this one it lies: half is safe.
        self.limit = max(1, self.limit // 2)

    def _quiet(self) -> None:
        if self.limit < self.ceiling and self._successes >= RECOVERY:
            self._successes = 0
            self._raise()

    def _raise(self) -> None:
        self.limit += 1
        self.on_limit(self.limit)
        self._let_in()

    def _hold(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        if self._pause is not None:
            # The longest wait that was asked for: a later, shorter one does not end it.
            end = max(end, self._pause.when())
            self._pause.cancel()
        self._pause = loop.call_at(end, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._let_in()

    def _let_in(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._waiting and self._in_flight < self.limit and self._pause is None:
            turn = self._waiting.popleft()
            # It may have been cancelled while it waited.
            if not turn.done():
                self._in_flight += 1
                self._serial += 1
                turn.set_result(Slot(self._serial, self._in_flight, now))


class SearchingLimiter(Limiter):
    """Finds how many requests at once an account takes, and follows when that changes.

    It raises the limit step by step until the provider refuses a request, remembers that number, and stays one below.
    After a growing number of successes it tries one more, and goes on searching if that works. If the provider refuses
    the limit itself within a round (as many successes as the limit), it subtracts 1, 4, 16 and so on, at most a half;
    after a half it searches again.
    """

    def __init__(self, ceiling: int = AUTO_CEILING) -> None:
        super().__init__(ceiling, min(AUTO_START, ceiling))
        self._lowered_to = self.limit
        self._too_many: float = math.inf
        """The search stays below this number."""
        self._found: int | None = None
        self._cut = 1
        self._distance = FIRST_PROBE
        self._last_sent = 0
        self._first_of_step = 1
        self._careful = STEP
        self._timer: asyncio.TimerHandle | None = None

    def begin_at(self, limit: int) -> None:
        """Start the search at the account's known limit, less one for the team's own traffic."""
        self.limit = self._lowered_to = max(self.limit, min(limit - 1, self.ceiling))
        self._let_in()

    def sent(self, place: Slot) -> None:
        """The next step begins when the request of the last step has been sent."""
        self._last_sent = max(self._last_sent, place.serial)
        self._crowded()

    def describe(self) -> str:
        known = self._found is not None and self.limit <= self._found
        found = f"took no more than {self._found}" if known else "has not refused so many"
        return f"{_at_a_time(self.limit)}; the account {found}"

    def _crowded(self) -> None:
        if self._timer is None and self._last_sent >= self._first_of_step and self._may_grow():
            beyond = self._found is not None and math.isinf(self._too_many) and self.limit <= self._found + 1
            seconds = self._careful if beyond else STEP
            self._timer = asyncio.get_running_loop().call_later(seconds, self._step)

    def _may_grow(self) -> bool:
        # A limit that is not used up has not been tried, and says nothing about the next one.
        wanted = bool(self._waiting) and self._in_flight == self.limit
        return wanted and self.limit < min(self.ceiling, self._too_many - 1)

    def _step(self) -> None:
        self._timer = None
        if self._may_grow():
            self._first_of_step = self._serial + 1
            self._raise()

    def _quiet(self) -> None:
        if self._too_many <= self.limit + 1 and self._successes >= self._distance:
            self._too_many = math.inf  # the next request starts a step

    def _lower(self, place: Slot, overloaded: bool) -> None:
        # How many were in flight with it: the limit may have changed since it was sent.
        crowd = place.crowd
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        half = max(1, self.limit // 2)
        again = self._judged and crowd <= self._lowered_to and self._successes < self.limit
        self._cut = self._cut * 4 if again else 1
        wanted = crowd - self._cut
        self.limit = half if overloaded else max(half, wanted)
        # The account takes much less than before: its limit lies anywhere in between.
        fallen = again and wanted <= half and not overloaded
        self._too_many = crowd if fallen else self.limit + 1
        self._lowered_to = self.limit
        self._first_of_step = self._serial + 1
        # A provider that is overloaded (503) says nothing about this account's limit: nothing is learned from it.
        if not overloaded:
            took = asyncio.get_running_loop().time() - place.since
            self._careful = min(LONGEST_STEP, max(STEP, 2 * took))
            same = self._found is not None and abs(crowd - 1 - self._found) <= 1
            self._distance = min(LAST_PROBE, self._distance * 2) if same else FIRST_PROBE
            self._found = max(1, crowd - 1)


def documented_limit(paid: str) -> int | None:
    """How many requests at once an account with these payments takes; None if `paid` is not a number."""
    try:
        amount = Decimal(paid)
    except InvalidOperation:
        return None
    # `NaN` and `Infinity` are decimals, too.
    return next((limit for least, limit in TIERS if amount.is_finite() and amount >= least), None)


def limiter(concurrency: int | Literal["auto"]) -> Limiter:
    """The limiter for what a project's `concurrency` says."""
    return SearchingLimiter() if concurrency == "auto" else Limiter(concurrency)


def _at_a_time(limit: int) -> str:
    return "1 request at a time" if limit == 1 else f"{limit} requests at a time"
