"""Endpoints under /_emulator, for acting behind a client's back and for reading the log from outside.

They need no key, are not in the log, and no fault meets them:

    GET    /_emulator/log            {"entries": [...]}, oldest first; ?after=N leaves out numbers up to N;
                                     `request_id` is what the answer had as x-request-id
    DELETE /_emulator/log            forgets the entries
    GET    /_emulator/models         {"items": [...]}, all models of all workspaces, oldest first
    POST   /_emulator/models/{id}    sets the fields of a JSON object on a model, unchecked by the API's rules
    DELETE /_emulator/models/{id}    deletes a model
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from voicectl.emulator.answers import ApiError, Invalid, dumps, json_response
from voicectl.emulator.bodies import as_text, read_mapping
from voicectl.emulator.entity import micros_of
from voicectl.emulator.settings import VISIBILITIES

_STATES = ("created", "training", "trained", "failed")


async def read_log(request: Request) -> Response:
    """GET /_emulator/log."""
    try:
        after = int(request.query_params.get("after", "0"))
    except ValueError:
        raise Invalid(("query", "after"), "Input should be a valid integer", "int_parsing") from None
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
    changes = await read_mapping(request)
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


def _check(name: str, value: Any) -> None:
    """Refuses what the store could not keep or look up; the rest is the caller's business."""
    place = ("body", name)
    if name in ("_id", "author", "samples"):
        raise Invalid(place, "can't be set")
    if name in ("title", "description", "cover_image", "default_text"):
        as_text(value, place)
    if name in ("tags", "languages"):
        if not isinstance(value, list):
            raise Invalid(place, "Input should be a valid list", "list_type")
        for item in value:
            as_text(item, place)
    if name in ("task_count", "like_count") and (isinstance(value, bool) or not isinstance(value, int)):
        raise Invalid(place, "Input should be a valid integer", "int_type")
    for field, allowed in (("state", _STATES), ("visibility", VISIBILITIES)):
        if name == field and value not in allowed:
            raise Invalid(place, f"Input should be one of {', '.join(allowed)}", "literal_error")
    if name in ("created_at", "updated_at"):
        try:
            micros_of(as_text(value, place))
        except ValueError:
            raise Invalid(place, "Input should be a valid datetime", "datetime_parsing") from None
