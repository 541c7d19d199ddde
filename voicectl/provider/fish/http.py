"""httpx as this client uses it: without its command line, and with several small connection pools.

httpx imports its optional command line, and that imports rich and pygments, for nothing. A None in `sys.modules` makes
an import fail (Python documentation, "The module cache"), which httpx expects where these packages are not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_present = "httpx" in sys.modules or "httpx._main" in sys.modules
if not _present:
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
import httpx as httpx  # noqa: E402

if not _present:
    del sys.modules["httpx._main"]

POOL_SIZE = 16
"""Requests in flight for each pool. httpx searches all connections and requests of a pool whenever one comes or goes:
one pool with 200 in flight takes ten times the processor time of several pools of this size."""


class Pools:
    """As many httpx clients as the requests in flight need, all with the same options."""

    def __init__(self, **options: Any) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=POOL_SIZE)
        self._options = {**options, "limits": limits}
        self._clients = [httpx.AsyncClient(**self._options)]
        self._in_flight = [0]

    @contextmanager
    def client(self) -> Iterator[httpx.AsyncClient]:
        """A client for one request: the first that has room, so that requests reuse connections."""
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
