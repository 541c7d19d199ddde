"""From the synchronous command line into an event loop, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from voicectl import signals

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, whose task has no result. A signal cancels it, and then KeyboardInterrupt is raised.

    On leaving, asyncio.run looks at the SIGINT handler, which makes Python format the main task, result and
    all, for an error that nobody sees (CPython, `signal._int_to_enum`): with a plan of thousands of voices
    that takes longer than many a step of making it.
    """
    results: list[T] = []

    async def keep() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def cancel(count: int) -> None:
            if count > 1:
                raise KeyboardInterrupt
            # What breaks because it is cancelled is nobody's news.
            loop.set_exception_handler(lambda loop, context: None)
            loop.call_soon_threadsafe(task.cancel)

        with signals.heard_by(cancel):
            if signals.heard():
                coroutine.close()
                return
            try:
                results.append(await coroutine)
            except KeyboardInterrupt:
                if not signals.heard():
                    raise

    # Between here and the loop's first step, and after its last, there is nothing that could be cancelled.
    with signals.heard_by(signals.later):
        try:
            asyncio.run(keep())
        except asyncio.CancelledError:
            if not signals.heard():
                raise
    if not results:
        raise KeyboardInterrupt
    return results[0]
