"""The five calls on voice models, and the wallet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from voicectl.emulator.answers import ApiError, Invalid, dumps, json_response
from voicectl.emulator.bodies import Body, as_flag, read_body
from voicectl.emulator.entity import Draft
from voicectl.emulator.gate import Exchange, exchange_of
from voicectl.emulator.query import Query
from voicectl.emulator.settings import VISIBILITIES
from voicectl.emulator.store import Model, Page, Store
from voicectl.emulator.uploads import Upload

_SORTS = ("score", "task_count", "created_at")
_MAX_VOICES = 20
_MAX_PLACE = 1 << 60


async def create_model(request: Request) -> Response:
    """POST /model: 201 and the model."""
    exchange, store = exchange_of(request), _store(request)
    draft = _draft(await read_body(request), exchange)
    await exchange.before_work()
    if not exchange.has_credit:
        raise ApiError(402, "Insufficient balance")
    settings = exchange.settings
    if settings.drop_tags:
        draft = replace(draft, tags=())
    if settings.downgrade_public != "never" and draft.visibility == "public":
        draft = replace(draft, visibility="private")
    failed = exchange.engine.training_fails(settings, draft.title)
    draft = replace(draft, state="failed" if failed else "trained", ready_in=settings.training_seconds)
    return json_response(store.create(draft).text, 201)


async def get_model(request: Request) -> Response:
    """GET /model/{id}: public and unlisted models are everybody's to see; another's private one is 403."""
    await exchange_of(request).before_work()
    return json_response(visible_model(request, request.path_params["id"]).text)


async def update_model(request: Request) -> Response:
    """PATCH /model/{id}: 200 without a body. Fields that can't be changed are ignored, as are nulls."""
    exchange, store = exchange_of(request), _store(request)
    changes = _changes(await read_body(request))
    await exchange.before_work()
    model = _own_model(request)
    current = model.fields()
    wanted = changes.get("visibility", model.visibility)
    if wanted != model.visibility and current["lock_visibility"]:
        raise ApiError(403, "The visibility of this model is locked", "visibility_locked")
    if wanted == "public" and not changes.get("cover_image", current["cover_image"]):
        raise ApiError(400, "A public model needs a cover image", "cover_image_required")
    if exchange.settings.downgrade_public == "always" and changes.get("visibility") == "public":
        changes["visibility"] = "private"
    if not store.update(model.id, changes):
        raise _not_found()
    return Response()


async def delete_model(request: Request) -> Response:
    """DELETE /model/{id}: 200 without a body, 404 if it is gone."""
    await exchange_of(request).before_work()
    if not _store(request).delete(_own_model(request).id):
        raise _not_found()
    return Response()


async def list_models(request: Request) -> Response:
    """GET /model. `sort_by=created_at` is newest first; the default, score, is by usage and then by id, so
    new models land anywhere in it."""
    exchange = exchange_of(request)
    query = _query(request)
    await exchange.before_work()
    shift = exchange.rule("shift")
    if shift and query.offset:
        query = replace(query, offset=max(0, query.offset + shift.by))
    window = exchange.rule("window_limited")
    bound = window.limit if window else exchange.settings.max_offset
    if bound is not None:
        query = replace(query, limit=max(0, min(query.limit, bound - query.offset)))
    page = _store(request).page(query)
    wrong = exchange.rule("wrong_total")
    return json_response(_listing(page, query, bound, wrong.by if wrong else 0))


async def wallet(request: Request) -> Response:
    """GET /wallet/{user_id}/api-credit, for `self` or the key's own id."""
    exchange = exchange_of(request)
    free = _flag(request, "check_free_credit")
    await exchange.before_work()
    if request.path_params["user_id"] not in ("self", exchange.workspace):
        raise ApiError(403, "This wallet is another's")
    amount = "100.000000" if exchange.has_credit else "0.000000"
    body = {
        "_id": exchange.workspace[::-1],
        "user_id": exchange.workspace,
        "credit": amount,
        "cumulative_top_up": "100.000000",
        "created_at": "2026-01-01T00:00:00.000000Z",
        "updated_at": "2026-01-01T00:00:00.000000Z",
        "has_phone_sha256": False,
        "has_free_credit": exchange.has_credit if free else None,
    }
    return json_response(dumps(body))


def visible_model(request: Request, model_id: str) -> Model:
    """The model, if the key may see it. Raises ApiError: 404 if there is none, 403 if it is another's."""
    model = _store(request).get(model_id)
    if model is None:
        raise _not_found()
    if model.visibility == "private" and model.workspace != exchange_of(request).workspace:
        raise ApiError(403, "You have no access to this model")
    return model


def _own_model(request: Request) -> Model:
    model = _store(request).get(request.path_params["id"])
    if model is None:
        raise _not_found()
    if model.workspace != exchange_of(request).workspace:
        raise ApiError(403, "This model is not yours to change")
    return model


def _not_found() -> ApiError:
    return ApiError(404, "Model not found")


def _store(request: Request) -> Store:
    store = request.app.state.store
    assert isinstance(store, Store)
    return store


def _draft(body: Body, exchange: Exchange) -> Draft:
    _constant(body, "type", "tts")
    _constant(body, "train_mode", "fast")
    visibility = _visibility(body) or exchange.settings.default_visibility
    voices, covers = body.uploads("voices"), body.uploads("cover_image")
    texts = body.texts("texts") or []
    body.flag("enhance_audio_quality", True)
    draft = Draft(
        workspace=exchange.workspace,
        title=_title(body, required=True) or "",
        description=body.text("description") or "",
        visibility=visibility,
        tags=tuple(body.texts("tags") or ()),
        cover_image=_cover_path(covers),
        voices=tuple(voices),
        texts=tuple(texts),
        generate_sample=body.flag("generate_sample", False),
    )
    _check_samples(voices, texts)
    if visibility == "public" and not covers:
        raise ApiError(400, "A public model needs a cover image", "cover_image_required")
    return draft


def _check_samples(voices: Sequence[Upload], texts: Sequence[str]) -> None:
    if not 1 <= len(voices) <= _MAX_VOICES:
        problem = "Field required" if not voices else f"List should have at most {_MAX_VOICES} items"
        raise Invalid(("body", "voices"), problem, "missing" if not voices else "too_long")
    if texts and len(texts) != len(voices):
        raise ApiError(400, f"{len(texts)} texts for {len(voices)} voices", "texts_mismatch")
    if any(voice.size == 0 for voice in voices):
        raise ApiError(400, "A voice file is empty", "audio_invalid")


def _changes(body: Body) -> dict[str, Any]:
    covers = body.uploads("cover_image")
    sent = {
        "title": _title(body, required=False),
        "description": body.text("description"),
        "visibility": _visibility(body),
        "tags": body.texts("tags"),
    }
    changes: dict[str, Any] = {name: value for name, value in sent.items() if value is not None}
    if covers:
        changes["cover_image"] = _cover_path(covers)
    return changes


def _title(body: Body, required: bool) -> str | None:
    title = body.text("title")
    if title is None and required:
        raise Invalid(("body", "title"), "Field required", "missing")
    if title is not None and not title.strip():
        raise Invalid(("body", "title"), "String should have at least 1 character", "string_too_short")
    return title


def _visibility(body: Body) -> str | None:
    value = body.text("visibility")
    if value is not None and value not in VISIBILITIES:
        message = f"Input should be one of {', '.join(VISIBILITIES)}"
        raise Invalid(("body", "visibility"), message, "literal_error")
    return value


def _constant(body: Body, name: str, expected: str) -> None:
    value = body.text(name)
    if value is None:
        raise Invalid(("body", name), "Field required", "missing")
    if value != expected:
        raise Invalid(("body", name), f"Input should be {expected!r}", "literal_error")


def _cover_path(covers: Sequence[Upload]) -> str:
    return f"coverimage/{covers[-1].digest[:32]}" if covers else ""


def _query(request: Request) -> Query:
    size = _whole(request, "page_size", 10, 100)
    number = _whole(request, "page_number", 1, None)
    own = _flag(request, "self")
    sort_by = request.query_params.get("sort_by", "score")
    if sort_by not in _SORTS:
        raise Invalid(("query", "sort_by"), f"Input should be one of {', '.join(_SORTS)}", "literal_error")
    exchange, parameters = exchange_of(request), request.query_params
    return Query(
        workspace=exchange.workspace if own else parameters.get("author_id") or None,
        public_only=not own,
        tags=tuple(dict.fromkeys(parameters.getlist("tag"))),
        any_tag=exchange.settings.match_any_tag,
        title=parameters.get("title", ""),
        languages=tuple(parameters.getlist("language")),
        sort_by=sort_by,
        limit=size,
        offset=min((number - 1) * size, _MAX_PLACE),
    )


def _listing(page: Page, query: Query, bound: int | None, error: int) -> str:
    reachable = page.total if bound is None else min(page.total, bound)
    head = {
        "total": max(0, page.total + error),
        "has_more": query.offset + len(page.texts) < reachable,
        "max_offset": bound,
        "accessible_upper_bound": None if bound is None else reachable,
        "window_limited": reachable < page.total,
        "total_is_exact": True,
    }
    return f'{dumps(head)[:-1]},"items":[{",".join(page.texts)}]}}'


def _whole(request: Request, name: str, default: int, high: int | None) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        raise Invalid(("query", name), "Input should be a valid integer", "int_parsing") from None
    if value < 1 or (high is not None and value > high):
        limit = "greater than or equal to 1" if value < 1 else f"less than or equal to {high}"
        raise Invalid(("query", name), f"Input should be {limit}", "out_of_range")
    return value


def _flag(request: Request, name: str) -> bool:
    return as_flag(request.query_params.get(name, "false"), ("query", name))
