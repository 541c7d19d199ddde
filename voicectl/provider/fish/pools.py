"""Several small connection pools in place of a large one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from voicectl.provider.fish.http import httpx

POOL_SIZE = 16
"""Requests in flight for each pool. httpx's pool looks through all its connections and requests whenever one
comes or goes: with 200 in flight that costs ten times the processor time of pools of this size."""


class Pools:
    """As many httpx clients as the requests in flight need, all with the same options."""

    def __init__(self, **options: Any) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=POOL_SIZE)
        self._options = {**options, "limits": limits}
        self._clients = [httpx.AsyncClient(**self._options)]
        self._in_flight = [0]

    @contextmanager
    def client(self) -> Iterator[httpx.AsyncClient]:
        """A client for one request: the first that has room, so that connections are used again."""
        index = next((i for i, number in enumerate(self._in_flight) if number < POOL_SIZE), len(self._clients))
        if index == len(self._clients):
            self._clients.append(httpx.AsyncClient(**self._options))
            self._in_flight.append(0)
        self._in_flight[index] += 1
        try:
            yield self._clients[index]
        finally:
            self._in_flight[index] -= 1

    async def aclose(self) -> None:
        """Let go of all connections."""
        for client in self._clients:
            await client.aclose()
