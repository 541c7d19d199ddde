"""From the synchronous command line into an event loop, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, whose task has no result.

    On leaving, asyncio.run looks at the SIGINT handler, which makes Python format the main task, result and
    all, for an error that nobody sees (CPython, `signal._int_to_enum`): with a plan of thousands of voices
    that takes longer than many a step of making it.
    """
    results: list[T] = []

    async def keep() -> None:
        results.append(await coroutine)

    asyncio.run(keep())
    return results[0]
