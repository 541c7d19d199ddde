"""Several things at once, and one thing again: gathering, sharing, and the pauses between attempts."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds for which anything is tried again. A restart of the provider takes about twenty."""


async def together(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in order. When one fails, the others are cancelled and awaited, and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    except BaseExceptionGroup as failures:
        # The first failure is the reason; the others are mostly what became of being cancelled.
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


@dataclass(slots=True)
class Backoff:
    """The pauses between the attempts at one thing. Time ends them, never their number.

    Full jitter: each pause is anything up to a ceiling, which doubles from `first` to `longest` (AWS Architecture
    Blog, "Exponential Backoff And Jitter"). All times in seconds.

    `patience` counts from the first `begin`, or from the first pause without one. The time between the end of a pause
    and the next `begin` does not count: a request that waits for its turn has not been tried yet.
    """

    first: float = 0.5
    longest: float = 20.0
    patience: float = PATIENCE
    clock: Callable[[], float] = time.monotonic
    _end: float | None = None
    _paused_until: float | None = None
    _pauses: int = 0

    def begin(self) -> None:
        """An attempt begins now."""
        now = self.clock()
        if self._end is None:
            self._end = now + self.patience
        elif self._paused_until is not None:
            self._end += max(0.0, now - self._paused_until)
        self._paused_until = None

    def pause(self, asked: float | None = None) -> float | None:
        """How long to wait before the next attempt, at least as long as the other side `asked`; None means give up.

        The last attempt comes when patience ends.
        """
        if self._end is None:
            self.begin()
        assert self._end is not None
        now = self.clock()
        left = self._end - now
        # A wait beyond the end of patience could only end in giving up later.
        if left <= 0 or (asked or 0.0) > left:
            return None
        # Bounded, since polls go on for as long as they like: the power would outgrow a float.
        ceiling = min(self.longest, self.first * 2 ** min(self._pauses, 64))
        self._pauses += 1
        pause = max(min(random.uniform(0, ceiling), left), asked or 0.0)
        self._paused_until = now + pause
        return pause


class Shared(Generic[T]):
    """A call that many share: its result serves everybody who asked before it began. Whoever asks later gets the next
    one."""

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self._call = call
        self._running: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """The result of a call that begins after this moment. Raises what it raises."""
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running))
            self._next.add_done_callback(_heard)
        # One of those who wait may be cancelled; the others still want the result.
        return await asyncio.shield(self._next)

    async def _after(self, before: asyncio.Task[T] | None) -> T:
        if before is not None:
            # `wait` does not raise: that the call before failed is no reason for this one to.
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        return await self._call()


def _heard(task: asyncio.Task[Any]) -> None:
    """Take note of a failure that nobody awaits any more, so that asyncio does not complain."""
    if not task.cancelled():
        task.exception()
