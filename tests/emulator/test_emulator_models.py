"""Creating, reading, changing and deleting models, in every encoding."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import msgpack
import pytest

FIELDS: dict[str, Any] = {
    "type": "tts",
    "train_mode": "fast",
    "title": "Ünïcode 声",
    "visibility": "private",
    "description": "warm",
    "tags": ["a", "b, c"],
    "texts": ["hello"],
    "enhance_audio_quality": False,
}
CREATES: dict[str, Callable[[], dict[str, Any]]] = {
    "multipart": lambda: {
        "data": {**FIELDS, "enhance_audio_quality": "false"},
        "files": [("voices", ("v.wav", b"audio"))],
    },
    "urlencoded": lambda: {"data": {**FIELDS, "enhance_audio_quality": "false", "voices": "audio"}},
    "json": lambda: {"json": {**FIELDS, "voices": ["audio"]}},
    "json_single_voice": lambda: {"json": {**FIELDS, "voices": "audio", "texts": "hello"}},
    "msgpack": lambda: {
        "content": msgpack.packb({**FIELDS, "voices": [b"audio"]}),
        "headers": {"content-type": "application/msgpack"},
    },
}


@pytest.mark.parametrize("encoding", CREATES)
def test_every_encoding_creates_the_same_model(api: Any, encoding: str) -> None:
    answer = api.http.post("/model", **CREATES[encoding]())
    assert answer.status_code == 201, answer.text
    model = answer.json()
    assert len(model["_id"]) == 32
    assert model["title"] == FIELDS["title"]
    assert model["description"] == "warm"
    assert model["tags"] == ["a", "b, c"]
    assert model["visibility"] == "private"
    assert model["state"] == "trained"
    assert [sample["text"] for sample in model["samples"]] == ["hello"]
    assert "enhance_audio_quality" not in model
    read = api.http.get(f"/model/{model['_id']}").json()
    for sample in (*model["samples"], *read["samples"]):
        sample["audio"] = sample["audio"].partition("?")[0]
    assert read == model


def test_files_without_names_are_files(api: Any) -> None:
    body = b""
    for name, value in (
        ("type", b"tts"),
        ("train_mode", b"fast"),
        ("title", b"T"),
        ("visibility", b"private"),
    ):
        body += b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
    body += b'--x\r\nContent-Disposition: form-data; name="voices"\r\n\r\n\xff\xfe\x00audio\r\n' * 2 + b"--x--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = api.http.post("/model", content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    assert len(answer.json()["samples"]) == 2


def test_transcripts_are_made_where_none_was_sent_and_depend_on_the_audio_alone(api: Any) -> None:
    first, second = api.made(voices=2)["samples"]
    assert first["text"]
    assert first["text"] != second["text"]
    assert [sample["text"] for sample in api.made(voices=2)["samples"]] == [first["text"], second["text"]]
    assert api.made(texts=["given"])["samples"][0]["text"] == "given"


def test_creation_times_rise_strictly(api: Any) -> None:
    times = [api.made(str(i))["created_at"] for i in range(20)]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"title": None}, 422),
        ({"title": " "}, 422),
        ({"title": ["one", "two"]}, 422),
        ({"type": None}, 422),
        ({"type": "svc"}, 422),
        ({"train_mode": "full"}, 422),
        ({"visibility": "unlisted"}, 422),
        ({"enhance_audio_quality": "perhaps"}, 422),
        ({"voices": 0}, 422),
        ({"voices": 21}, 422),
        ({"voices": 2, "texts": ["one"]}, 400),
        ({"visibility": "public"}, 400),
    ],
)
def test_a_wrong_creation_is_refused_and_makes_nothing(
    api: Any, emulator: Any, fields: dict[str, Any], status: int
) -> None:
    emulator.settings = replace(emulator.settings, downgrade_public="never")
    answer = api.create(**fields)
    assert answer.status_code == status
    if status == 422:
        name = next(iter(fields))
        assert [(each["in"], each["loc"][0]) for each in answer.json()] == [("body", name)] * len(answer.json())
        assert answer.json()[0]["msg"]
    else:
        assert answer.json()["status"] == status
        assert answer.json()["message"]
    assert emulator.store.models() == []


def test_twenty_voices_are_taken(api: Any) -> None:
    assert len(api.made(voices=20)["samples"]) == 20


def test_a_422_is_the_bare_list_of_all_complaints_or_an_object_with_it(api: Any, emulator: Any) -> None:
    complaints = api.create(title=None, visibility="secret").json()
    assert [(each["type"], each["loc"], each["in"]) for each in complaints] == [
        ("literal_error", ["visibility"], "body"),
        ("missing", ["title"], "body"),
    ]
    assert complaints[0]["ctx"] == {"expected": "'private', 'unlist' or 'public'"}
    emulator.settings = replace(emulator.settings, array_errors=False)
    answer = api.create(title=None, visibility="secret").json()
    assert (answer["status"], answer["detail"]) == (422, complaints)
    assert answer["message"].startswith("visibility: ")


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/json", b"{"),
        ("application/msgpack", b"\xc1"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b"nonsense"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nT'),
    ],
)
def test_an_unparseable_body_gives_plain_text(api: Any, kind: str, content: bytes) -> None:
    answer = api.http.post("/model", content=content, headers={"content-type": kind})
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/vnd.api+json", ""])
def test_an_encoding_that_nobody_knows_is_415(api: Any, kind: str) -> None:
    path = f"/model/{api.made()['_id']}"
    for method, where in (("POST", "/model"), ("PATCH", path), ("POST", "/v1/tts")):
        answer = api.http.request(method, where, content=b"hello", headers={"content-type": kind})
        assert (answer.status_code, answer.text) == (415, "Entity body in unsupported format")
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert api.http.post("/v1/tts", content=b"text=hello", headers=form).status_code == 415


def test_the_default_visibility_is_private_and_can_be_set(api: Any, emulator: Any) -> None:
    assert api.made(visibility=None)["visibility"] == "private"
    emulator.settings = replace(emulator.settings, default_visibility="public", downgrade_public="never")
    assert api.create(visibility=None).status_code == 400
    assert api.made(visibility=None, cover=True)["visibility"] == "public"


def test_a_cover_is_known_by_its_content(api: Any) -> None:
    model = api.made(cover=True)
    assert model["cover_image"] == "coverimage/" + hashlib.sha256(b"image").hexdigest()[:32]
    path = f"/model/{model['_id']}"
    assert api.http.patch(path, files={"cover_image": b"another"}).status_code == 200
    assert api.http.get(path).json()["cover_image"] not in ("", model["cover_image"])


def test_patch_changes_what_was_sent_and_nothing_else(api: Any) -> None:
    model = api.made(tags=["a"], description="d")
    path = f"/model/{model['_id']}"
    answer = api.http.patch(path, json={"title": "New", "description": None, "voices": ["x"], "state": "failed"})
    assert (answer.status_code, answer.content) == (200, b"")
    changed = api.http.get(path).json()
    assert changed["updated_at"] > model["updated_at"]
    assert changed["title"] == "New"
    for field in ("description", "tags", "state", "created_at", "visibility"):
        assert changed[field] == model[field]


@pytest.mark.parametrize(
    ("request_parts", "expected"),
    [
        ({"json": {"tags": []}}, []),
        ({"json": {"tags": "one"}}, ["one"]),
        ({"data": {"tags": ["x", "y"]}}, ["x", "y"]),
        ({"data": {"tags": ["x", "y"]}, "files": {"cover_image": b"i"}}, ["x", "y"]),
        ({"data": {"tags": []}, "files": {"cover_image": b"i"}}, ["a"]),
        (
            {"content": msgpack.packb({"tags": ["m"]}), "headers": {"content-type": "application/msgpack"}},
            ["m"],
        ),
    ],
)
def test_tags_are_replaced_and_only_json_can_empty_them(
    api: Any, request_parts: dict[str, Any], expected: list[str]
) -> None:
    model = api.made(tags=["a"])
    assert api.http.patch(f"/model/{model['_id']}", **request_parts).status_code == 200
    assert api.http.get(f"/model/{model['_id']}").json()["tags"] == expected
    assert api.titles(tag="a") == (["Narrator"] if "a" in expected else [])


def test_public_needs_a_cover_on_patch_too(api: Any) -> None:
    path = f"/model/{api.made()['_id']}"
    assert api.http.patch(path, json={"visibility": "public"}).status_code == 400
    sent = {"data": {"visibility": "public"}, "files": {"cover_image": b"i"}}
    assert api.http.patch(path, **sent).status_code == 200
    assert api.http.get(path).json()["visibility"] == "public"


@pytest.mark.parametrize(
    "change", [{"title": ""}, {"visibility": "secret"}, {"tags": [1]}, {"tags": None}, {"title": 3}, []]
)
def test_a_wrong_patch_changes_nothing(api: Any, change: Any) -> None:
    model = api.made()
    answer = api.http.patch(f"/model/{model['_id']}", json=change)
    assert answer.status_code == 422
    assert api.http.get(f"/model/{model['_id']}").json()["updated_at"] == model["updated_at"]


def test_lone_surrogates_are_refused(api: Any) -> None:
    body = json.dumps({**FIELDS, "title": "\ud800", "voices": "v"})
    answer = api.http.post("/model", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_a_deleted_model_is_gone(api: Any) -> None:
    path = f"/model/{api.made()['_id']}"
    answer = api.http.delete(path)
    assert (answer.status_code, answer.content) == (200, b"")
    for method in ("GET", "PATCH", "DELETE"):
        answer = api.http.request(method, path, json={"title": "t"} if method == "PATCH" else None)
        assert answer.status_code == 404
        assert answer.json() == {"status": 404, "message": "Model not found"}
    assert api.listed()["total"] == 0


def test_unknown_paths_and_methods_are_answered_by_the_framework(api: Any) -> None:
    assert (api.http.get("/nowhere").status_code, api.http.get("/nowhere").text[:7]) == (404, "Nothing")
    for path, allowed in (
        ("/model", {"GET", "HEAD", "POST"}),
        ("/model/x", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("/v1/tts", {"POST"}),
    ):
        answer = api.http.put(path)
        assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, allowed)
    assert api.http.head("/model").status_code == 200


def test_a_urlencoded_list_is_repeated_fields_and_a_comma_is_no_separator(api: Any) -> None:
    pairs = [
        *((k, v) for k, v in FIELDS.items() if k not in ("tags", "texts")),
        ("voices", "v"),
        ("tags", "a,b"),
    ]
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = api.http.post("/model", content=urlencode(pairs), headers=headers)
    assert answer.json()["tags"] == ["a,b"]
