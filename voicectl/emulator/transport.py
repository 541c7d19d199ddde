"""The emulator inside the client's own process."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import httpx

from voicectl.emulator.app import create_app
from voicectl.emulator.settings import Settings
from voicectl.emulator.store import Store


class InProcessTransport(httpx.ASGITransport):
    """An ASGI transport that owns its store and closes it. `store` and `app` are open to tests."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.asgi = create_app(store, settings)
        super().__init__(app=self.asgi)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answers. Raises UnusableDatabase if the file is damaged."""
        try:
            return await super().handle_async_request(request)
        except sqlite3.DatabaseError as error:
            raise self.store.unusable(error) from None

    async def aclose(self) -> None:
        """Closes the store."""
        self.store.close()


def in_process_transport(
    db: Path | None = None, settings: Settings | None = None, *, remedy: str = ""
) -> InProcessTransport:
    """A transport for `httpx.AsyncClient` on a database file (none: in memory). Closing the client closes it.

    Raises UnusableDatabase if the file can't be used, with `remedy` as its hint.
    """
    store = Store(db, remedy=remedy) if remedy else Store(db)
    return InProcessTransport(store, settings or Settings())
