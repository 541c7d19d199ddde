"""How many requests may be in flight (design: "Executing")."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

AUTO_START = 4
AUTO_CEILING = 64
_RECOVERY = 20
"""Successes in a row, per request of the limit, before a halved limit grows by one."""


class Limiter:
    """Bounds the requests in flight.

    The limit is halved when the provider says that it is too much, and grows back by one after a run
    of successes: towards the given number, or with `auto` beyond it while the provider agrees.
    """

    def __init__(self, concurrency: int | Literal["auto"]) -> None:
        self.ceiling = AUTO_CEILING if concurrency == "auto" else concurrency
        self.limit = AUTO_START if concurrency == "auto" else concurrency
        self._patience = 1 if concurrency == "auto" else _RECOVERY
        self._in_flight = 0
        self._successes = 0
        self._not_before = 0.0
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a place among the requests in flight, and hold it."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._in_flight < self.limit)
            self._in_flight += 1
        try:
            pause = self._not_before - asyncio.get_running_loop().time()
            if pause > 0:
                await asyncio.sleep(pause)
            yield
        finally:
            async with self._changed:
                self._in_flight -= 1
                self._changed.notify(max(1, self.limit - self._in_flight))

    def throttled(self, retry_after: float | None) -> None:
        """The provider said that it is too much: go on with half, and not before it says."""
        self.limit = max(1, self.limit // 2)
        self._successes = 0
        self._patience = _RECOVERY
        if retry_after:
            self._not_before = max(self._not_before, asyncio.get_running_loop().time() + retry_after)

    def succeeded(self) -> None:
        """A request went through."""
        self._successes += 1
        if self.limit < self.ceiling and self._successes >= self._patience * self.limit:
            self._successes = 0
            self.limit += 1
