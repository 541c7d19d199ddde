"""Answers fit the provider's published description."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from voicectl.emulator.settings import Fault


def check(spec: dict[str, Any], method: str, path: str, answer: Any) -> None:
    response = spec["paths"][path][method]["responses"][str(answer.status_code)]
    schema = response["content"]["application/json"]["schema"]
    registry: Any = Registry().with_resource("spec:", DRAFT202012.create_resource(spec))
    rooted = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "spec:", **_absolute(schema)}
    validator = Draft202012Validator(
        {key: value for key, value in rooted.items() if key != "$id"},
        registry=registry,
        format_checker=FormatChecker(),
    )
    validator.validate(answer.json())


def _absolute(node: Any) -> Any:
    if isinstance(node, dict):
        return {k: f"spec:{v}" if k == "$ref" else _absolute(v) for k, v in node.items()}
    return [_absolute(item) for item in node] if isinstance(node, list) else node


def test_the_check_can_fail(spec: Any, api: Any) -> None:
    answer = api.create()
    broken = type("Answer", (), {"status_code": 201, "json": lambda self: {**answer.json(), "tags": "a"}})()
    with pytest.raises(Exception, match="is not of type 'array'"):
        check(spec, "post", "/model", broken)
    listed = api.listed()
    listed["items"][0]["samples"][0].pop("task_id")
    broken = type("Answer", (), {"status_code": 200, "json": lambda self: listed})()
    with pytest.raises(Exception, match="'task_id' is a required property"):
        check(spec, "get", "/model", broken)


def test_models(spec: Any, api: Any, other: Any) -> None:
    made = api.create(voices=3, cover=True, tags=["a", "b"], generate_sample="true", description="d")
    check(spec, "post", "/model", made)
    check(spec, "get", "/model/{id}", api.http.get(f"/model/{made.json()['_id']}"))
    check(spec, "get", "/model/{id}", other.http.get(f"/model/{made.json()['_id']}"))
    check(spec, "get", "/model/{id}", api.http.get("/model/none"))
    for query in ({"self": "true"}, {}, {"self": "true", "page_number": 5}):
        check(spec, "get", "/model", api.http.get("/model", params=query))


def test_windowed_lists(spec: Any, api: Any, emulator: Any) -> None:
    api.made()
    emulator.settings = replace(emulator.settings, max_offset=0, rules=(Fault("wrong_total"),))
    check(spec, "get", "/model", api.http.get("/model", params={"self": "true"}))


def test_every_field_of_a_model_is_answered(spec: Any, api: Any) -> None:
    expected = set(spec["components"]["schemas"]["ModelEntity"]["properties"])
    assert set(api.made()) == expected | {"licensed", "takedown_category"}, "two are newer than the copy"


def test_wallet(spec: Any, api: Any) -> None:
    for query in ("", "?check_free_credit=true"):
        answer = api.http.get("/wallet/self/api-credit" + query)
        check(spec, "get", "/wallet/{user_id}/api-credit", answer)


def test_errors(spec: Any, api: Any, connect: Any, emulator: Any) -> None:
    nobody = connect(None).http
    emulator.settings = replace(emulator.settings, unauthorized_body="json")
    for method, path in (
        ("post", "/model"),
        ("patch", "/model/{id}"),
        ("delete", "/model/{id}"),
        ("post", "/v1/tts"),
    ):
        check(spec, method, path, nobody.request(method, path.replace("{id}", "x")))
    emulator.settings = replace(emulator.settings, no_credit=("key-one",))
    check(spec, "post", "/v1/tts", api.http.post("/v1/tts", json={"text": "x"}))
    emulator.settings = replace(emulator.settings, rules=(Fault("status", status=503),))
    check(spec, "post", "/model", api.create())


def test_what_the_copy_calls_the_default_can_be_set(spec: Any, api: Any, emulator: Any) -> None:
    create = spec["paths"]["/model"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    default = create["properties"]["visibility"]["default"]
    emulator.settings = replace(emulator.settings, default_visibility=default, downgrade_public="never")
    assert api.made(visibility=None, cover=True)["visibility"] == default
