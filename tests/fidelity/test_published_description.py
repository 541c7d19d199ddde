"""Schemathesis over the emulator with the provider's published description.

What was measured of the live service beyond the description is added to it in MEASURED. What is left over must be in
EXCEPTIONS, each with its argument.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgpack
import pytest

from tests.fidelity.conftest import needed
from voicectl.emulator.settings import Settings

schemathesis = needed("schemathesis")
failures = needed("schemathesis.core.failures")
checks = needed("schemathesis.specs.openapi.checks")

DESCRIPTION = Path(__file__).parent / "fish-audio-openapi.json"
KEY = "key-of-the-fidelity-tests"
EXAMPLES = 60
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")

_ERROR = {
    "type": "object",
    "required": ["status", "message"],
    "properties": {"status": {"type": "integer"}, "message": {"type": "string"}},
    "additionalProperties": False,
}
_COMPLAINTS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["type", "loc", "msg", "in"],
        "properties": {
            "type": {"type": "string"},
            "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
            "msg": {"type": "string"},
            "ctx": {"type": "object"},
            "in": {"enum": ["query", "body"]},
        },
        "additionalProperties": False,
    },
}
_SHAPES: dict[str, dict[str, Any]] = {
    "400": {"application/json": {"schema": _ERROR}, "text/plain": {"schema": {"type": "string"}}},
    "401": {"text/plain": {"schema": {"const": "No permission -- see authorization schemes"}}},
    "403": {"application/json": {"schema": _ERROR}},
    "404": {"application/json": {"schema": _ERROR}},
    "415": {"text/plain": {"schema": {"const": "Entity body in unsupported format"}}},
    "422": {"application/json": {"schema": _COMPLAINTS}},
}
MEASURED = {
    ("/model", "get"): "401 422",
    ("/model", "post"): "400 401 415 422",
    ("/model/{id}", "get"): "401",
    ("/model/{id}", "patch"): "400 401 403 404 415 422",
    ("/model/{id}", "delete"): "401 403 404",
    ("/v1/tts", "post"): "400 401 403 415 422",
    ("/wallet/{user_id}/api-credit", "get"): "401 403 422",
}
"""Answers that the description leaves out: seen by third parties, or the framework's own."""


class Argued(NamedTuple):
    """A kind of disagreement that is meant."""

    kind: Any
    meant: Callable[[Any, str], bool]
    why: str


def _is(path: str, *words: str) -> Callable[[Any, str], bool]:
    return lambda case, text: case.operation.path == path and any(word in text for word in words or ("",))


def _has_other_than_texts(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_other_than_texts, value.values() if isinstance(value, dict) else value))
    return value is None or isinstance(value, bool | int | float)


EXCEPTIONS = (
    Argued(
        checks.IgnoredAuth,
        lambda case, text: case.operation.label == "GET /model",
        "public models are listed without a key, as was measured; `self=true` wants one",
    ),
    Argued(
        checks.AcceptedNegativeData,
        lambda case, text: case.operation.label == "GET /model" and "Authorization" not in (case.headers or {}),
        "the same",
    ),
    Argued(
        checks.RejectedPositiveData,
        lambda case, text: (
            case.media_type in FORMS and case.body.get("visibility", "") is None and '["visibility"]' in text
        ),
        "a form has no null: what is sent is the word",
    ),
    Argued(
        checks.AcceptedNegativeData,
        lambda case, text: case.media_type in FORMS and _has_other_than_texts(case.body),
        "nor has it numbers: where a text may stand, these words may",
    ),
    Argued(
        checks.RejectedPositiveData,
        _is("/model", "at least 1 character", "texts for", "A voice file is empty"),
        "the description's types allow a blank title, an empty file, and texts that are not as many as voices",
    ),
    Argued(
        checks.RejectedPositiveData,
        _is("/model/{id}", "at least 1 character", "needs a cover image"),
        "a blank title as above; that a public model needs a cover image is in the description's words",
    ),
    Argued(
        checks.RejectedPositiveData,
        _is(
            "/v1/tts",
            "The text is empty",
            "speed from 0.5",
            "sample_rate",
            "need a msgpack body",
            "Reference not found",
        ),
        "the range of speed, references in msgpack alone and known voices are in the description's words, not its "
        "types; nothing says what an empty text or a sample rate of 1 Hz sounds like",
    ),
    Argued(
        checks.RejectedPositiveData,
        _is("/v1/tts", "Several speakers need a model of the S2 family"),
        "in the description's words",
    ),
    Argued(
        checks.AcceptedNegativeData,
        lambda case, text: case.operation.path == "/v1/tts" and (case.headers or {}).get("model") is not None,
        "an unknown `model` counts as s2.1-pro, in the description's words",
    ),
)


def _description() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    content["paths"].pop("/v1/asr")  # voicectl has no use for it, and the emulator no ears
    for (path, method), statuses in MEASURED.items():
        responses = content["paths"][path][method]["responses"]
        for status in statuses.split():
            answer = responses.setdefault(status, {"description": "measured", "content": {}})
            answer["content"] = {**answer["content"], **copy.deepcopy(_SHAPES[status])}
    return content


schemathesis.serializer("application/msgpack")(lambda context, value: msgpack.packb(value, default=str))
schema = schemathesis.openapi.from_dict(_description())
schema.config.generation.update(max_examples=EXAMPLES, deterministic=True, database="none")


@pytest.fixture(scope="module")
def url(emulator: Any) -> str:
    emulator.settings = replace(Settings(), keys=(KEY,))
    return str(emulator.url)


def existing(url: str) -> str:
    """The id of a model that is there, made where there is none left."""
    mine = {"Authorization": f"Bearer {KEY}"}
    found = httpx.get(f"{url}/model?self=true&page_size=1", headers=mine, verify=False).json()["items"]
    if not found:
        fields = {"type": "tts", "train_mode": "fast", "title": "T", "voices": "v"}
        found = [httpx.post(f"{url}/model", json=fields, headers=mine, verify=False).json()]
    return str(found[0]["_id"])


def run(case: Any, url: str) -> None:
    # Half of the ids that are made up stand for one that is there.
    if len(str((case.path_parameters or {}).get("id", "x"))) % 2 == 0:
        case.path_parameters["id"] = existing(url)
    response = case.call(base_url=url, headers={"Authorization": f"Bearer {KEY}"})
    text = response.content.decode("utf-8", "replace")[:500]
    try:
        case.validate_response(response, transport_kwargs={"base_url": url})
    except failures.FailureGroup as group:
        left = [each for each in group.exceptions if not meant(each, case, text)]
        told = [f"{type(each).__name__}: {each.message}" for each in left]
        assert not left, "\n".join([*told, case.as_curl_command(), f"{response.status_code} {text}"])


def meant(failure: Any, case: Any, text: str) -> bool:
    return any(isinstance(failure, each.kind) and each.meant(case, text) for each in EXCEPTIONS)


test_the_emulator_answers_as_described = schema.parametrize()(
    lambda case, url: run(case, url)  # a function of this module would be collected as it is, too
)
