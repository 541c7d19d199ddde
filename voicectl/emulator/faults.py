"""The fault engine: which ordered faults meet a request, and how they spoil its answer."""

from __future__ import annotations

import random
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from starlette.responses import Response
from starlette.types import Send

from voicectl.emulator.responses import error_response
from voicectl.emulator.settings import Fault, Settings

_HTML = (
    "<!DOCTYPE html><html><head><title>Just a moment</title></head>"
    "<body><h1>Just a moment</h1><p>The gateway is checking your connection.</p></body></html>"
)
_MESSAGES = {
    400: "Bad request",
    401: "Invalid or expired token",
    402: "Insufficient balance",
    403: "Forbidden",
    404: "Not found",
    429: "Too many concurrent requests",
}
Message = MutableMapping[str, Any]


class ConnectionDropped(Exception):
    """Ends the handling of a request, so that its connection is reset."""


@dataclass(slots=True)
class _Count:
    dice: random.Random
    matched: int = 0
    fired: int = 0


class FaultEngine:
    """Matches requests with the rules of some settings and keeps their counts.

    Ordinals count from the creation of the engine. New settings with other rules need a new engine.
    """

    def __init__(self, settings: Settings) -> None:
        self.rules = settings.rules
        self.fail_training_nth = settings.fail_training_nth
        self._counts = [_Count(random.Random(rule.seed)) for rule in settings.rules]
        self._created = 0

    def serves(self, settings: Settings) -> bool:
        """Whether these settings order the same faults, so that counting can go on."""
        return settings.rules == self.rules and settings.fail_training_nth == self.fail_training_nth

    def match(self, method: str, path: str) -> tuple[Fault, ...]:
        """The rules that fire for a request. Each call counts as one request."""
        found = []
        for rule, count in zip(self.rules, self._counts, strict=True):
            if (rule.method and method not in rule.method) or not fnmatchcase(path, rule.path):
                continue
            count.matched += 1
            if rule.nth and count.matched not in rule.nth:
                continue
            if rule.times is not None and count.fired >= rule.times:
                continue
            if rule.probability < 1 and count.dice.random() >= rule.probability:
                continue
            count.fired += 1
            found.append(rule)
        return tuple(found)

    def training_fails(self, settings: Settings, title: str) -> bool:
        """Whether the training of a new model is to fail. Each call counts as one creation."""
        self._created += 1
        if self._created in settings.fail_training_nth:
            return True
        return any(fnmatchcase(title, glob) for glob in settings.fail_training)


def replacement(rule: Fault) -> Response | None:
    """The answer that a `status` or `html` rule puts in the place of the real one; None for other kinds."""
    if rule.kind == "html":
        return Response(rule.body or _HTML, 200, media_type="text/html")
    if rule.kind != "status":
        return None
    headers = {} if rule.retry_after is None else {"retry-after": f"{rule.retry_after:g}"}
    if rule.body is not None:
        return Response(rule.body, rule.status, headers, media_type="text/plain")
    message = _MESSAGES.get(rule.status, "The emulator was told to fail")
    return error_response(rule.status, message, headers=headers)


class Reply:
    """Stands between a handler and the client: notes the status, and spoils the answer as the rules order.

    Once `dropped` is set it sends nothing more, and the caller must reset the connection; once `cut` is set, the caller
    must close it. It calls `on_last` before it sends the last piece of an answer: a client that has the whole answer
    then finds the request closed in the log."""

    def __init__(self, send: Send, rules: tuple[Fault, ...], on_last: Callable[[], None]) -> None:
        self._send = send
        self._on_last = on_last
        self._kinds = {rule.kind for rule in rules}
        self._replacement = next((r for rule in rules if rule.after and (r := replacement(rule))), None)
        self._start: Message | None = None
        self._body = bytearray()
        self.status: int | None = None
        self.dropped = False
        self.cut = False

    async def __call__(self, message: Message) -> None:
        """The ASGI `send` for handlers."""
        if self.dropped or self.cut:
            return
        if "reset_after" in self._kinds:
            self.dropped = True
        elif self._replacement is not None:
            await self._replace(message)
        elif "cut_json" in self._kinds:
            await self._collect(message, lambda body: body[: len(body) // 2])
        elif "truncate" in self._kinds and message["type"] == "http.response.body":
            await self._truncate(message)
        else:
            await self._pass(message)

    async def _pass(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
        elif not message.get("more_body"):
            self._on_last()
        await self._send(message)

    async def _truncate(self, message: Message) -> None:
        body = message.get("body", b"")
        self.cut = True
        await self._pass({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})

    async def _replace(self, message: Message) -> None:
        if message["type"] != "http.response.start":
            return
        answer = self._replacement
        assert answer is not None
        head = {"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers}
        await self._pass(head)
        await self._pass({"type": "http.response.body", "body": bytes(answer.body)})

    async def _collect(self, message: Message, change: Callable[[bytes], bytes]) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body") or self._start is None:
            return
        body = change(bytes(self._body))
        headers = [(k, v) for k, v in self._start["headers"] if k.lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await self._pass({**self._start, "headers": headers})
        await self._pass({"type": "http.response.body", "body": body})
