"""Every request is told once it is over, whatever became of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from voicectl.provider.fish.errors import Answers
from voicectl.provider.fish.http import httpx
from voicectl.provider.port import Request

OnRequest = Callable[[Request], None]
"""Hears of each request when it is over."""


@dataclass(slots=True)
class Exchange:
    """A request under way; `response` once there is one."""

    response: httpx.Response | None = None


@contextmanager
def told(hear: OnRequest, answers: Answers, method: str, path: str, *, again: bool = False) -> Iterator[Exchange]:
    """Measures what happens within, and tells it as one request; an exception within means that it failed."""
    exchange, start, troubled = Exchange(), time.perf_counter(), True
    try:
        yield exchange
        troubled = again
    finally:
        seconds, response = time.perf_counter() - start, exchange.response
        status, name = (None, "") if response is None else (response.status_code, answers.request_id(response))
        hear(Request(method, path, status, seconds, name, troubled))
