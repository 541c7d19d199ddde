"""The five calls on voice models, and the wallet."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from voicectl.emulator import entity, forms
from voicectl.emulator.bodies import ReceivedFile, read_body
from voicectl.emulator.entity import Draft
from voicectl.emulator.gate import Exchange, exchange_of
from voicectl.emulator.query import Query
from voicectl.emulator.responses import ApiError, Invalid, dumps, json_response
from voicectl.emulator.settings import Settings
from voicectl.emulator.store import PageOfModels, Store, StoredModel

_MAX_PLACE = 1 << 60
_COVER = re.compile(r'"cover_image":"(coverimage/[0-9a-f]+)"')


async def create_model(request: Request) -> Response:
    """POST /model: 201 and the model."""
    exchange, store = exchange_of(request), _store(request)
    draft = _draft(forms.read(forms.CreationForm, await read_body(request), "body"), exchange)
    await exchange.before_work(exchange.settings.creation_seconds)
    settings = exchange.settings
    failed = exchange.engine.training_fails(settings, draft.title)
    draft = replace(draft, state="failed" if failed else "trained", ready_in=settings.training_seconds)
    return json_response(_shown(store.create(draft).text, settings), 201)


async def get_model(request: Request) -> Response:
    """GET /model/{id}: everybody may see public and unlisted models. Another's private one is 403."""
    exchange = exchange_of(request)
    await exchange.before_work()
    model = _store(request).get(request.path_params["id"], exchange.settings.get_lag)
    if model is None:
        raise _gone(exchange)
    if not _visible(model, exchange):
        if exchange.settings.foreign_private_status == 404:
            raise ApiError(404, "Model not found")
        raise ApiError(403, "You have no access to this model")
    return json_response(_shown(model.text, exchange.settings))


async def update_model(request: Request) -> Response:
    """PATCH /model/{id}: 200 without a body. Ignores nulls, and fields that can't change."""
    exchange, store = exchange_of(request), _store(request)
    changes = _changes(forms.read(forms.ChangeForm, await read_body(request), "body"), exchange.settings)
    await exchange.before_work()
    model = _own_model(request)
    current = model.fields()
    wanted = changes.get("visibility", model.visibility)
    if wanted != model.visibility and current["lock_visibility"]:
        raise ApiError(403, "The visibility of this model is locked", "visibility_locked")
    if changes.get("visibility") == "public":
        if exchange.settings.downgrade_public == "refuse":
            raise ApiError(400, "Models are made public in the web app", "publish_in_web_app")
        if exchange.settings.downgrade_public == "always":
            changes["visibility"] = "private"
    if wanted == "public" and not changes.get("cover_image", current["cover_image"]):
        raise ApiError(400, "A public model needs a cover image", "cover_image_required")
    if not store.update(model.id, changes):
        raise _gone(exchange)
    return Response()


async def delete_model(request: Request) -> Response:
    """DELETE /model/{id}: 200 without a body."""
    exchange = exchange_of(request)
    await exchange.before_work()
    if not _store(request).delete(_own_model(request).id):
        raise _gone(exchange)
    return Response()


async def list_models(request: Request) -> Response:
    """GET /model. `sort_by=created_at` is newest first. The default sorts by usage and id: new models appear
    anywhere."""
    exchange = exchange_of(request)
    asked = forms.read(forms.ListingQuery, _merged_query(request), "query")
    if asked.own:
        exchange.require_key()
    query, settings = _query(asked, exchange), exchange.settings
    await exchange.before_work()
    shift = exchange.rule("shift")
    if shift and query.offset:
        query = replace(query, offset=max(0, query.offset + shift.by))
    window = exchange.rule("window_limited")
    bound = settings.max_offset if asked.own else settings.public_max_offset
    bound = window.limit if window else bound
    if bound is not None:
        query = replace(query, limit=max(0, min(query.limit, bound - query.offset)))
    page = _store(request).page(query, settings.listing_lag)
    if not asked.own and bound is not None and page.total >= bound:
        # A public listing counts no further than it shows.
        listing = _listing(replace(page, total=bound), query, bound, exact=False)
    else:
        wrong = exchange.rule("wrong_total")
        listing = _listing(page, query, bound, error=wrong.by if wrong else 0)
    return json_response(_shown(listing, settings))


async def wallet(request: Request) -> Response:
    """GET /wallet/{user_id}/api-credit, for `self` or the key's own id."""
    exchange = exchange_of(request)
    free = forms.read(forms.WalletQuery, _merged_query(request), "query").check_free_credit
    await exchange.before_work()
    if request.path_params["user_id"] not in ("self", exchange.workspace):
        raise ApiError(403, "This wallet is another's")
    amount = "100" if exchange.has_credit else "0"
    body = {
        "_id": exchange.workspace[::-1],
        "user_id": exchange.workspace,
        "credit": amount,
        "cumulative_top_up": "100",
        "created_at": "2026-01-01T00:00:00.000000Z",
        "updated_at": "2026-01-01T00:00:00.000000Z",
        "has_phone_sha256": False,
        "has_free_credit": exchange.has_credit if free else None,
    }
    return json_response(dumps(body))


def model_to_speak_with(request: Request, model_id: str) -> StoredModel:
    """The model, if the key may use it. Raises ApiError: 400 without such a model, 403 for another's."""
    model = _store(request).get(model_id)
    if model is None:
        raise ApiError(400, "Reference not found")
    if not _visible(model, exchange_of(request)):
        raise ApiError(403, "You have no access to this model")
    return model


def _visible(model: StoredModel, exchange: Exchange) -> bool:
    return model.visibility != "private" or model.workspace == exchange.workspace


def _own_model(request: Request) -> StoredModel:
    model, exchange = _store(request).get(request.path_params["id"]), exchange_of(request)
    if model is None:
        raise _gone(exchange)
    if model.workspace != exchange.workspace:
        raise ApiError(403, "This model is not yours to change")
    return model


def _gone(exchange: Exchange) -> ApiError:
    return ApiError(exchange.settings.gone_status, "Model not found")


def _store(request: Request) -> Store:
    store = request.app.state.store
    assert isinstance(store, Store)
    return store


def _draft(form: forms.CreationForm, exchange: Exchange) -> Draft:
    settings = exchange.settings
    _check_title(form.title)
    visibility = form.visibility if "visibility" in form.model_fields_set else settings.default_visibility
    voices, texts = form.voices if isinstance(form.voices, list) else [form.voices], forms.many(form.texts)
    _check_samples(voices, texts)
    if visibility == "public" and settings.downgrade_public != "never":
        visibility = "private"
    if visibility == "public" and form.cover_image is None:
        raise ApiError(400, "A public model needs a cover image", "cover_image_required")
    kept = entity.stored(forms.many(form.tags), settings)
    return Draft(
        workspace=exchange.workspace,
        title=form.title,
        description=form.description or "",
        visibility=visibility,
        tags=() if settings.drop_tags else tuple(kept),
        cover_image=_cover_path(form.cover_image),
        voices=tuple(voices),
        texts=texts,
        generate_sample=form.generate_sample,
    )


def _check_samples(voices: Sequence[ReceivedFile], texts: Sequence[str]) -> None:
    if texts and len(texts) != len(voices):
        raise ApiError(400, f"{len(texts)} texts for {len(voices)} voices", "texts_mismatch")
    if any(voice.size == 0 for voice in voices):
        raise ApiError(400, "A voice file is empty", "audio_invalid")


def _changes(form: forms.ChangeForm, settings: Settings) -> dict[str, Any]:
    _check_title(form.title)
    sent = forms.many(form.tags) if "tags" in form.model_fields_set else None
    values = {
        "title": form.title,
        "description": form.description,
        "visibility": form.visibility,
        "tags": entity.changed(sent, settings),
        "cover_image": _cover_path(form.cover_image) or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _check_title(title: str | None) -> None:
    if title is not None and not title.strip():
        raise Invalid.at("body", "title", "String should have at least 1 character")


def _cover_path(cover: ReceivedFile | None) -> str:
    return f"coverimage/{cover.digest[:32]}" if cover else ""


def _shown(text: str, settings: Settings) -> str:
    """The JSON of models for an answer: covers are paths, or addresses with a fresh signature."""
    if not settings.signed_covers:
        return text
    signed = rf'"cover_image":"https://covers.emulator.invalid/\1?X-Signature={uuid.uuid4().hex}"'
    return _COVER.sub(signed, text)


def _merged_query(request: Request) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _query(asked: forms.ListingQuery, exchange: Exchange) -> Query:
    sought = entity.sought(forms.many(asked.tag), exchange.settings)
    return Query(
        workspace=exchange.workspace if asked.own else asked.author_id or None,
        saved=asked.own and exchange.settings.self_lists_saved,
        public_only=not asked.own,
        nothing=sought is None,
        tags=tuple(sought or ()),
        any_tag=exchange.settings.match_any_tag,
        title=asked.title or "",
        languages=forms.many(asked.language),
        title_languages=forms.many(asked.title_language),
        licensed=asked.licensed,
        sort_by=asked.sort_by,
        limit=asked.page_size,
        offset=min((asked.page_number - 1) * asked.page_size, _MAX_PLACE),
    )


def _listing(page: PageOfModels, query: Query, bound: int | None, *, error: int = 0, exact: bool = True) -> str:
    reachable = page.total if bound is None else min(page.total, bound)
    head = {
        "total": max(0, page.total + error),
        "has_more": query.offset + len(page.texts) < reachable,
        "max_offset": bound,
        "accessible_upper_bound": None if bound is None else reachable,
        "window_limited": not exact or reachable < page.total,
        "total_is_exact": exact,
    }
    return f'{dumps(head)[:-1]},"items":[{",".join(page.texts)}]}}'
