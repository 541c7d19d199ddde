"""Answers in the provider's shapes, and the exceptions that become them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class ApiError(Exception):
    """A refusal that the provider would word as `{status, message, reason?}`."""

    def __init__(self, status: int, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason


class Invalid(Exception):
    """A request that does not fit its schema: 422. `place` leads to the value, as ("body", "title") does."""

    def __init__(self, place: Sequence[str | int], message: str, kind: str = "value_error") -> None:
        super().__init__(message)
        self.detail = [{"loc": list(place), "msg": message, "type": kind}]


class Unparseable(Exception):
    """A body that can't be read at all: 400 in plain text."""


def dumps(value: object) -> str:
    """Compact JSON; the same text for the same value."""
    return _encode(value)


def json_response(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A response with ready-made JSON text."""
    return Response(text.encode(), status, headers, media_type="application/json")


def error_response(
    status: int, message: str, reason: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    """An error in the provider's shape."""
    body: dict[str, Any] = {"status": status, "message": message}
    if reason is not None:
        body["reason"] = reason
    return json_response(dumps(body), status, headers)


async def on_api_error(request: Request, error: Exception) -> Response:
    """The response to an ApiError."""
    assert isinstance(error, ApiError)
    return error_response(error.status, error.message, error.reason)


async def on_invalid(request: Request, error: Exception) -> Response:
    """The response to an Invalid: the provider's error shape with a `detail` list, or the bare list."""
    assert isinstance(error, Invalid)
    if request.app.state.settings.array_errors:
        return json_response(dumps(error.detail), 422)
    place = ".".join(str(step) for step in error.detail[0]["loc"])
    body = {"status": 422, "message": f"{place}: {error}", "detail": error.detail}
    return json_response(dumps(body), 422)


async def on_unparseable(request: Request, error: Exception) -> Response:
    """The response to an Unparseable."""
    return PlainTextResponse(str(error), 400)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """The response to an unknown path or a wrong method."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers) if error.headers else None
    return error_response(error.status_code, error.detail, headers=headers)
