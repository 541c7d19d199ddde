"""Answers in the provider's shapes, and the exceptions that become them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class ApiError(Exception):
    """A refusal in the provider's form `{status, message, reason?}`."""

    def __init__(self, status: int, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason


class Invalid(Exception):
    """A request does not fit its form: 422 with all complaints, each as `{type, loc, msg, ctx?, in}`."""

    def __init__(self, complaints: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(complaints[0]["msg"])
        self.complaints = [dict(complaint) for complaint in complaints]

    @classmethod
    def at(cls, place: str, name: str, message: str) -> Invalid:
        """One complaint about one field, or about the whole without a name; `place` is "query" or "body"."""
        return cls([{"type": "value_error", "loc": [name] if name else [], "msg": message, "in": place}])


class Unparseable(Exception):
    """A body is completely unreadable: 400 in plain text."""


class UnknownType(Exception):
    """A body has an encoding that the call does not know: 415 in plain text."""


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


def plain_response(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A refusal by the provider's framework, outside of its API: the status in words."""
    return PlainTextResponse(HTTPStatus(status).description, status, headers)


async def on_api_error(request: Request, error: Exception) -> Response:
    """The response to an ApiError."""
    assert isinstance(error, ApiError)
    reason = error.reason if request.app.state.settings.error_reasons else None
    return error_response(error.status, error.message, reason)


async def on_invalid(request: Request, error: Exception) -> Response:
    """The response to an Invalid: the bare list of complaints, or the provider's error shape with it as `detail`."""
    assert isinstance(error, Invalid)
    if request.app.state.settings.array_errors:
        return json_response(_plainly(error.complaints), 422)
    place = ".".join(str(step) for step in error.complaints[0]["loc"])
    body = {"status": 422, "message": f"{place}: {error}", "detail": error.complaints}
    return json_response(_plainly(body), 422)


def _plainly(body: object) -> str:
    """As JSON in ASCII: the context of a complaint may hold anything, even texts that can't be encoded."""
    return json.dumps(body, default=str)


async def on_unparseable(request: Request, error: Exception) -> Response:
    """The response to an Unparseable."""
    return PlainTextResponse(str(error), 400)


async def on_unknown_type(request: Request, error: Exception) -> Response:
    """The response to an UnknownType."""
    return plain_response(415)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """The response to an unknown path or a wrong method."""
    assert isinstance(error, HTTPException)
    return plain_response(error.status_code, error.headers)
