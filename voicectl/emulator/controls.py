"""Endpoints under /_emulator, for acting behind a client's back and for reading the log from outside.

They need no key, are not in the log, and no fault meets them:

    GET    /_emulator/log            {"entries": [...]}, oldest first; ?after=N leaves out numbers up to N;
                                     `request_id` is what the answer had as x-request-id
    DELETE /_emulator/log            forgets the entries
    GET    /_emulator/models         {"items": [...]}, all models of all workspaces, oldest first
    POST   /_emulator/models/{id}    sets the fields of a JSON object on a model, unchecked by the API's rules; a
                                     `state` or `takedown_category` may be one that nobody has seen yet
    DELETE /_emulator/models/{id}    deletes a model
    POST   /_emulator/models/{id}/saves    {"key": KEY} saves the model for the workspace of this key
"""

from __future__ import annotations

from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response

from voicectl.emulator.bodies import read_packed
from voicectl.emulator.entity import micros_of, workspace_of
from voicectl.emulator.responses import ApiError, Invalid, dumps, json_response
from voicectl.emulator.settings import Visibility

_TEXTS = ("title", "description", "cover_image", "default_text", "state", "created_at", "updated_at")


async def read_log(request: Request) -> Response:
    """GET /_emulator/log."""
    try:
        after = int(request.query_params.get("after", "0"))
    except ValueError:
        raise Invalid.at("query", "after", "Input should be a valid integer") from None
    entries = [entry.as_json() for entry in request.app.state.log.entries() if entry.number > after]
    return json_response(dumps({"entries": entries}))


async def clear_log(request: Request) -> Response:
    """DELETE /_emulator/log."""
    request.app.state.log.clear()
    return Response(status_code=204)


async def all_models(request: Request) -> Response:
    """GET /_emulator/models."""
    return json_response(dumps({"items": request.app.state.store.models()}))


async def change_model(request: Request) -> Response:
    """POST /_emulator/models/{id}: 200 and the changed model. `updated_at` moves on unless it is set."""
    model_id, store = request.path_params["id"], request.app.state.store
    changes = await _mapping(request)
    for name, value in changes.items():
        _check(name, value)
    if not store.update(model_id, changes, touch="updated_at" not in changes):
        raise ApiError(404, "Model not found")
    return json_response(store.get(model_id).text)


async def remove_model(request: Request) -> Response:
    """DELETE /_emulator/models/{id}."""
    if not request.app.state.store.delete(request.path_params["id"]):
        raise ApiError(404, "Model not found")
    return Response(status_code=204)


async def save_model(request: Request) -> Response:
    """POST /_emulator/models/{id}/saves."""
    key = (await _mapping(request)).get("key")
    if not isinstance(key, str) or not key:
        raise Invalid.at("body", "key", "Input should be a key")
    if not request.app.state.store.save(request.path_params["id"], workspace_of(key)):
        raise ApiError(404, "Model not found")
    return Response(status_code=204)


async def _mapping(request: Request) -> dict[Any, Any]:
    value = await read_packed(request)
    if not isinstance(value, dict):
        raise Invalid.at("body", "", "Input should be an object")
    return value


def _check(name: str, value: Any) -> None:
    """Refuses what the store could not keep or look up. Anything else is up to the caller."""
    if name in ("_id", "author", "samples"):
        raise Invalid.at("body", name, "can't be set")
    if name in _TEXTS:
        _text(name, value)
    if name in ("tags", "languages"):
        if not isinstance(value, list):
            raise Invalid.at("body", name, "Input should be a valid list")
        for item in value:
            _text(name, item)
    if name in ("task_count", "like_count") and (isinstance(value, bool) or not isinstance(value, int)):
        raise Invalid.at("body", name, "Input should be a valid integer")
    if name == "visibility" and value not in get_args(Visibility):
        raise Invalid.at("body", name, f"Input should be one of {', '.join(get_args(Visibility))}")
    if name in ("created_at", "updated_at"):
        try:
            micros_of(value)
        except ValueError:
            raise Invalid.at("body", name, "Input should be a valid datetime") from None


def _text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise Invalid.at("body", name, "Input should be a valid string")
