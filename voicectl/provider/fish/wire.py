"""The provider's JSON, read leniently: it ignores unknown fields, and missing ones have defaults."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from voicectl.model import names
from voicectl.model.lock import EARLIEST, LATEST
from voicectl.model.observed import Model, ModelState
from voicectl.model.voice import VISIBILITIES
from voicectl.provider.fish.limits import documented_limit
from voicectl.provider.port import Wallet

_ID = re.compile(names.ANY_MODEL_ID)
_STATES: tuple[ModelState, ...] = ("created", "training", "trained", "failed")


class UnreadableAnswer(ValueError):
    """The answer is not what the call returns."""


def model(data: Any) -> Model:
    """One model. Raises UnreadableAnswer if it has no id."""
    if not isinstance(data, dict):
        raise UnreadableAnswer("not an object")
    model_id = data.get("_id") or data.get("id")
    if not isinstance(model_id, str) or not _ID.fullmatch(model_id):
        raise UnreadableAnswer("a model without a proper id")
    visibility, state = data.get("visibility"), data.get("state", "trained")
    author = data.get("author")
    return Model(
        id=model_id,
        title=_text(data.get("title")),
        description=_text(data.get("description")),
        visibility=visibility if visibility in VISIBILITIES else "private",
        tags=_texts(data.get("tags")),
        cover_image=_cover(data.get("cover_image")),
        # An unknown state counts as not ready: voicectl must not show a half-made model to anybody.
        state=state if state in _STATES else "training",
        created_at=_time(data.get("created_at")),
        updated_at=_time(data.get("updated_at")),
        author=_text(author.get("_id")) if isinstance(author, dict) else "",
        lock_visibility=data.get("lock_visibility") is True,
        taken_down=data.get("dmca_taken_down") is True or bool(_text(data.get("takedown_category"))),
        release_state=_text(data.get("pvc_release_state")) or None,
    )


def page(data: Any) -> tuple[list[Model], int | None, bool | None, bool]:
    """One page of a listing: its models, the exact total if known, has_more, and whether it is windowed."""
    if not isinstance(data, dict) or not isinstance(data.get("items"), list):
        raise UnreadableAnswer("not a listing")
    models = [model(item) for item in data["items"]]
    total = data.get("total")
    exact = isinstance(total, int) and data.get("total_is_exact") is not False
    more = data.get("has_more")
    windowed, bound = data.get("window_limited"), data.get("accessible_upper_bound")
    if not isinstance(windowed, bool):
        # The bound counts only without `window_limited`: an empty account's listing has the bound 0 with `false`.
        windowed = isinstance(bound, int) and isinstance(total, int) and bound < total
    return models, total if exact else None, more if isinstance(more, bool) else None, windowed


def wallet(data: Any) -> Wallet:
    """The wallet; missing values are empty."""
    if not isinstance(data, dict):
        raise UnreadableAnswer("not an object")
    paid = _number(data.get("cumulative_top_up"))
    return Wallet(_number(data.get("credit")), _text(data.get("user_id")), paid, documented_limit(paid))


def error_message(body: str) -> str:
    """The provider's own words in an error body of any shape; empty for an HTML page."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        text = body.strip()
        return "" if text.startswith("<") else text
    if isinstance(data, dict):
        data = data.get("message") or data.get("detail") or data.get("error") or ""
    if isinstance(data, list):
        data = "; ".join(_complaint(item) for item in data[:5])
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)


def _complaint(item: Any) -> str:
    """One entry of a 422 body: `{loc: […], msg: …}`."""
    if not isinstance(item, dict):
        return str(item)
    place = ".".join(str(part) for part in item["loc"]) if isinstance(item.get("loc"), list) else ""
    words = _text(item.get("msg") or item.get("message"))
    return f"{place}: {words}" if place else words


def _text(value: Any) -> str:
    """A text. Lone surrogates, which JSON allows but UTF-8 does not, become question marks."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _number(value: Any) -> str:
    """A decimal, documented as a text, but possibly a number."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else _text(value)


def _cover(value: Any) -> str:
    """The path of a cover's address: the host and the signature may differ in each answer."""
    parts = urlsplit(_text(value))
    return parts.path.lstrip("/") if parts.scheme or parts.netloc else parts.path


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (_text(value),)
    return tuple(_text(item) for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    parsed = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return parsed if EARLIEST <= parsed <= LATEST else None
