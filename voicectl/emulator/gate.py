"""Every request passes here: the log, the check of the key, the concurrency limit and the faults.

The gate makes an `Exchange` for each request and passes it to the handlers in the ASGI scope. A handler reads its
request, awaits `Exchange.before_work`, and only then does the work. So a client that gives up in between can't tell
whether the work was done, and a delayed request arrives late, as with a real provider.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from voicectl.emulator.entity import workspace_of
from voicectl.emulator.faults import ConnectionDropped, FaultEngine, Message, Reply, replacement
from voicectl.emulator.requestlog import RequestLog
from voicectl.emulator.responses import error_response, plain_response
from voicectl.emulator.settings import Fault, Settings

CONTROL_PREFIX = "/_emulator"
HANG_UP = "voicectl.emulator.hang_up"
_EXCHANGE = "voicectl.emulator.exchange"


class AppState(Protocol):
    """What the gate needs of the application's state."""

    settings: Settings
    log: RequestLog


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request: the settings at its arrival, its workspace, and the faults ordered for it.

    `workspace` is empty without an accepted key.
    """

    settings: Settings
    engine: FaultEngine
    workspace: str
    has_credit: bool
    rules: tuple[Fault, ...]

    def rule(self, kind: str) -> Fault | None:
        """The first rule of this kind that met the request."""
        return next((rule for rule in self.rules if rule.kind == kind), None)

    def require_key(self) -> None:
        """Raises NoKey if the request has no accepted key."""
        if not self.workspace:
            raise NoKey

    async def before_work(self, seconds: float = 0.0) -> None:
        """Handlers await it after they have read the request and before they change or look up anything.

        `seconds` is the duration of the work itself.
        """
        await _wait(self.settings.latency + seconds * 1000 + _delay(self.rules, after=False))
        if self.rule("reset_before"):
            raise ConnectionDropped


class NoKey(Exception):
    """A request needs a workspace, but has no accepted key: 401."""


def exchange_of(request: Request) -> Exchange:
    """The exchange that the gate made for a request."""
    found = request.scope[_EXCHANGE]
    assert isinstance(found, Exchange)
    return found


class Gate:
    """ASGI middleware for all but the control endpoints."""

    def __init__(self, app: ASGIApp, state: AppState) -> None:
        self._app = app
        self._state = state
        self._engine = FaultEngine(state.settings)
        self._in_flight: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await self._app(scope, receive, send)
            return
        settings, log = self._state.settings, self._state.log
        if not self._engine.serves(settings):
            self._engine = FaultEngine(settings)
        key = _bearer_key(scope)
        accepted = key is not None and (not settings.keys or key in settings.keys)
        workspace = workspace_of(key) if key and accepted else ""
        rules = self._engine.match(scope["method"], scope["path"])
        query = scope["query_string"].decode("latin-1")
        entry = log.open(scope["method"], scope["path"], query, workspace or None)
        entry.faults = tuple(rule.kind for rule in rules)
        self._in_flight[workspace] += 1

        def end() -> None:
            if entry.duration is None:
                self._in_flight[workspace] -= 1
                log.close(entry, reply.status)

        exchange = Exchange(settings, self._engine, workspace, key not in settings.no_credit, rules)
        reply = Reply(_named(send, entry.request_id), rules, end)
        try:
            await self._serve(exchange, scope, receive, reply, end)
        finally:
            end()

    async def _serve(
        self, exchange: Exchange, scope: Scope, receive: Receive, reply: Reply, end: Callable[[], None]
    ) -> None:
        try:
            if exchange.rule("reset_upload"):
                raise ConnectionDropped
            if not await self._refused(exchange, scope, receive, reply):
                scope[_EXCHANGE] = exchange
                await self._app(scope, receive, _delayed(reply, exchange.rules))
        except ConnectionDropped:
            reply.dropped = True
        except ClientDisconnect:
            return
        if reply.dropped or reply.cut:
            end()
            await _hang_up(scope, receive, gently=reply.cut)

    async def _refused(self, exchange: Exchange, scope: Scope, receive: Receive, reply: Reply) -> bool:
        settings = exchange.settings
        answer = next((r for rule in exchange.rules if not rule.after and (r := replacement(rule))), None)
        if answer is not None:
            await exchange.before_work()
        elif not exchange.workspace and not _is_listing(scope):
            answer = unauthorized(settings)
        elif exchange.workspace and self._in_flight[exchange.workspace] > (settings.concurrency_limit or float("inf")):
            headers = {} if settings.retry_after is None else {"retry-after": f"{settings.retry_after:g}"}
            answer = error_response(429, "Too many concurrent requests", headers=headers)
        if answer is None:
            return False
        await answer(scope, receive, reply)
        return True


def unauthorized(settings: Settings) -> Response:
    """The answer to a missing or unknown key."""
    if settings.unauthorized_body == "text":
        return plain_response(401)
    return error_response(401, HTTPStatus(401).description)


async def on_no_key(request: Request, error: Exception) -> Response:
    """The response to a NoKey."""
    return unauthorized(exchange_of(request).settings)


def _is_listing(scope: Scope) -> bool:
    """Anybody may list public models. The handler decides whether a listing asks for those."""
    return bool(scope["path"] == "/model" and scope["method"] in ("GET", "HEAD"))


def _named(send: Send, request_id: str) -> Send:
    """Adds the date and the id of the log's entry to every answer, spoiled or not."""
    name = (b"x-request-id", request_id.encode())

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            date = (b"date", formatdate(usegmt=True).encode())
            message = {**message, "headers": [*message.get("headers", ()), name, date]}
        await send(message)

    return named


def _bearer_key(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, key = value.decode("latin-1").strip().partition(" ")
            return key.strip() or None if scheme.lower() == "bearer" else None
    return None


def _delay(rules: tuple[Fault, ...], after: bool) -> float:
    return sum(rule.ms for rule in rules if rule.kind == "delay" and rule.after == after)


def _delayed(reply: Reply, rules: tuple[Fault, ...]) -> Send:
    pause = _delay(rules, after=True)
    if not pause:
        return reply

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            await _wait(pause)
        await reply(message)

    return send


async def _wait(milliseconds: float) -> None:
    if milliseconds:
        await asyncio.sleep(milliseconds / 1000)


async def _hang_up(scope: Scope, receive: Receive, gently: bool) -> None:
    """Ends the connection without a complete answer. In process, without a connection, raises the client's own
    error."""
    hang_up = (scope.get("state") or {}).get(HANG_UP)
    if hang_up is not None:
        hang_up(gently)
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    import httpx

    if gently:
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")
    raise httpx.ReadError("connection reset by the emulator")
