"""The provider's API as a Starlette application."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from voicectl.emulator import controls, models, responses, speech
from voicectl.emulator.gate import CONTROL_PREFIX, Gate, NoKey, on_no_key
from voicectl.emulator.requestlog import RequestLog
from voicectl.emulator.settings import Settings
from voicectl.emulator.store import Store

Handler = Callable[[Request], Awaitable[Response]]
_CALLS: dict[str, dict[str, Handler]] = {
    "/model": {"GET": models.list_models, "POST": models.create_model},
    "/model/{id}": {"GET": models.get_model, "PATCH": models.update_model, "DELETE": models.delete_model},
    "/v1/tts": {"POST": speech.text_to_speech},
    "/wallet/{user_id}/api-credit": {"GET": models.wallet},
    CONTROL_PREFIX + "/log": {"GET": controls.read_log, "DELETE": controls.clear_log},
    CONTROL_PREFIX + "/models": {"GET": controls.all_models},
    CONTROL_PREFIX + "/models/{id}": {"POST": controls.change_model, "DELETE": controls.remove_model},
    CONTROL_PREFIX + "/models/{id}/saves": {"POST": controls.save_model},
}


def _route(path: str, handlers: dict[str, Handler]) -> Route:
    """One route for all methods of a path, so that the answer to a wrong method lists all allowed ones."""

    async def handle(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, handle, methods=list(handlers))


def create_app(store: Store, settings: Settings | None = None) -> Starlette:
    """The emulator over a store, which the caller closes.

    Python code reaches it by `app.state.store`, `.settings` (replaceable at any time) and `.log` (a RequestLog).
    """
    app = Starlette(
        routes=[_route(path, handlers) for path, handlers in _CALLS.items()],
        exception_handlers={
            responses.ApiError: responses.on_api_error,
            responses.Invalid: responses.on_invalid,
            responses.Unparseable: responses.on_unparseable,
            responses.UnknownType: responses.on_unknown_type,
            NoKey: on_no_key,
            HTTPException: responses.on_http_exception,
        },
    )
    app.state.store = store
    app.state.settings = settings or Settings()
    app.state.log = RequestLog()
    app.user_middleware.append(Middleware(Gate, state=app.state))
    return app


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
