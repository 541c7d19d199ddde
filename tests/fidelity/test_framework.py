"""Kui, the framework that the live service most likely uses, reads voicectl and complains as the emulator."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fidelity.conftest import needed
from voicectl.emulator.server import RunningEmulator
from voicectl.model.observed import Patch
from voicectl.model.voice import Cover, Metadata
from voicectl.provider.fish.client import FishClient
from voicectl.provider.fish.endpoint import Endpoint
from voicectl.provider.port import NewModel, Speech, Upload

needed("kui")
from tests.fidelity import kui_service  # noqa: E402

DESCRIPTION = Path(__file__).parent / "fish-audio-openapi.json"
TAGS = ("a", "voicectl:acme", "voicectl:acme:n:0123456789ab")
SAMPLES = [b"RIFF\r\n--1\xff\x00", b"\x00" * 70_000]


def ask(request: httpx.Request) -> httpx.Response:
    """What Kui answers to a request, as it is."""

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=kui_service.app)) as client:
            return await client.send(request)

    return asyncio.run(go())


def upload(path: Path, content: bytes, kind: str) -> Upload:
    path.write_bytes(content)
    return Upload(path, path.name, kind, "sha256:" + hashlib.sha256(content).hexdigest(), len(content))


def sent(call: Callable[[FishClient], Any]) -> list[Any]:
    """What Kui reads in the requests that the client sends for a call, byte for byte."""
    requests: list[httpx.Request] = []

    async def record(request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        requests.append(httpx.Request(request.method, request.url, headers=request.headers, content=content))
        body = {"_id": "1" * 32, "total": 0, "items": []}
        return httpx.Response(
            200, json=body, headers={} if "tts" not in request.url.path else {"content-type": "audio/x"}
        )

    async def go() -> None:
        client = FishClient(Endpoint("http://127.0.0.1", "key-of-the-tests"), transport=httpx.MockTransport(record))
        try:
            await call(client)
        finally:
            await client.close()

    asyncio.run(go())
    answers = [ask(request) for request in requests]
    assert [answer.status_code for answer in answers] == [200] * len(answers), [answer.text for answer in answers]
    return [answer.json() for answer in answers]


def new_model(folder: Path, samples: int = 2, **values: Any) -> NewModel:
    found = [upload(folder / f"{n}.wav", content, "audio/wav") for n, content in enumerate(SAMPLES[:samples])]
    metadata = Metadata(title="Erzähler 語り手", description='zwei\nZeilen "und" ü', visibility="unlist", tags=("a",))
    made = {
        "metadata": metadata,
        "tags": TAGS,
        "samples": tuple(found),
        "transcripts": ("one, two", "x\r\ny")[:samples],
    }
    return NewModel(**{**made, "enhance": False, **values})


def files(read: Any) -> list[bytes]:
    return [each["content"].encode("latin-1") for each in (read if isinstance(read, list) else [read])]


def texts(read: Any) -> list[str]:
    return read if isinstance(read, list) else [read]


def test_the_service_has_the_published_parameters() -> None:
    printed = ask(httpx.Request("GET", "http://kui/docs/json")).json()["paths"]
    published = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["paths"]
    told = {each["name"]: each["schema"] for each in printed["/model"]["get"]["parameters"]}
    assert told == {each["name"]: each["schema"] for each in published["/model"]["get"]["parameters"]}
    for path, method in (("/model", "post"), ("/model/{id}", "patch")):
        ours, theirs = (each[path][method]["requestBody"]["content"] for each in (printed, published))
        assert set(ours) == set(theirs)
        for kind in theirs:
            assert without_words(ours[kind]["schema"]) == without_words(theirs[kind]["schema"]), (path, kind)


def without_words(schema: Any) -> Any:
    """A schema without what nobody reads by, and with its lists of names in one order."""
    if isinstance(schema, dict):
        kept = {name: without_words(value) for name, value in schema.items() if name != "description"}
        return {name: sorted(value) if name in ("required", "enum") else value for name, value in kept.items()}
    return [without_words(each) for each in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("samples", [1, 2])
def test_a_creation_is_read_as_it_was_meant(tmp_path: Path, samples: int) -> None:
    cover = upload(tmp_path / "cover.png", b"\x89PNG\r\n", "image/png")
    new = new_model(tmp_path, samples, cover=cover)
    (read,) = sent(lambda client: client.create(new, lambda size: None))
    assert files(read.pop("voices")) == SAMPLES[:samples]
    assert files(read.pop("cover_image")) == [b"\x89PNG\r\n"]
    assert tuple(texts(read.pop("texts"))) == new.transcripts
    assert read == {
        "type": "tts",
        "train_mode": "fast",
        "title": new.metadata.title,
        "description": new.metadata.description,
        "visibility": "private",
        "tags": list(TAGS),
        "enhance_audio_quality": False,
        "generate_sample": False,
    }


def test_one_tag_alone_arrives_as_a_text(tmp_path: Path) -> None:
    (read,) = sent(lambda client: client.create(new_model(tmp_path, tags=("voicectl:acme",)), lambda size: None))
    assert read["tags"] == "voicectl:acme", "which the description allows"


NOTHING = {"title": None, "description": None, "cover_image": None, "visibility": None}


@pytest.mark.parametrize(
    ("patch", "read"),
    [
        (Patch(title="T", tags=("a", "b")), {"title": "T", "tags": ["a", "b"]}),
        (
            Patch(description="", visibility="public", tags=("a",)),
            {"description": "", "visibility": "public", "tags": ["a"]},
        ),
        # Kui can't tell these two apart: whether tags are left or emptied is one of the ways of the emulator.
        (Patch(title="T", tags=()), {"title": "T", "tags": []}),
        (Patch(title="T"), {"title": "T", "tags": []}),
    ],
)
def test_a_change_is_read_as_it_was_meant(patch: Patch, read: dict[str, Any]) -> None:
    (found,) = sent(lambda client: client.update("1", patch))
    assert found == {"id": "1", **NOTHING, **read}


def test_a_change_with_a_cover_is_read_as_it_was_meant(tmp_path: Path) -> None:
    cover = upload(tmp_path / "cover.png", b"\x89PNG\r\n", "image/png")
    patch = Patch(title="Neü", tags=("a", "b"), cover=Cover("c", cover.digest, cover.size, "image/png"))
    (found,) = sent(lambda client: client.update("1", patch, cover))
    assert files(found.pop("cover_image")) == [b"\x89PNG\r\n"]
    assert found == {"id": "1", "title": "Neü", "description": None, "visibility": None, "tags": ["a", "b"]}


def test_listings_are_read_as_they_were_meant() -> None:
    (found,) = sent(lambda client: client.list_models("voicectl:acme"))
    assert {name: value for name, value in found.items() if value is not None} == {
        "own": True,
        "page_size": 100,
        "page_number": 1,
        "tag": "voicectl:acme",
        "sort_by": "created_at",
    }


def test_speech_is_read_as_it_was_meant(tmp_path: Path) -> None:
    reference = (upload(tmp_path / "r.wav", SAMPLES[0], "audio/wav"), "wörds")
    speeches = (Speech("Hé", "mp3", None, model_id="1" * 32), Speech("Hé", "wav", "s1", references=(reference,)))

    async def speak(client: FishClient) -> None:
        for speech in speeches:
            await client.speak(speech, lambda piece: None)

    recorded, cloned = sent(speak)
    assert recorded == {"text": "Hé", "format": "mp3", "reference_id": "1" * 32, "references": None}
    assert cloned["references"] == [{"audio": SAMPLES[0].decode("latin-1"), "text": "wörds"}]
    assert (cloned["format"], cloned["reference_id"]) == ("wav", None)


@pytest.fixture(scope="module")
def http(emulator: RunningEmulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=emulator.url, headers={"authorization": "Bearer k"}, verify=False) as client:
        yield client


CREATION = {"type": "tts", "train_mode": "fast", "title": "T", "visibility": "private"}
WRONG: dict[str, tuple[str, str, dict[str, Any]]] = {
    "query": ("GET", "/model?page_size=101&page_number=0&sort_by=age&self=perhaps", {}),
    "no number": ("GET", "/model?page_size=x&page_size=y&title=a&title=b", {}),
    "fields": ("POST", "/model", {"json": {"type": "x", "title": 3, "visibility": "secret", "generate_sample": "?"}}),
    "lists": ("POST", "/model", {"json": {"tags": [1], "texts": ["x"] * 21}}),
    "nulls": ("POST", "/model", {"json": {**CREATION, "visibility": None, "title": None}}),
    "form": ("POST", "/model", {"data": {**CREATION, "title": ["one", "two"]}, "files": {"x": b"y"}}),
    "no object": ("PATCH", "/model/x", {"json": [1]}),
    "patch": ("PATCH", "/model/x", {"json": {"tags": None, "title": [1], "visibility": "secret"}}),
    "no type": ("PATCH", "/model/x", {}),
    "unknown type": ("POST", "/model", {"content": b"x", "headers": {"content-type": "text/plain"}}),
    "unreadable": ("POST", "/model", {"content": b"{", "headers": {"content-type": "application/json"}}),
    "speech": ("POST", "/v1/tts", {"json": {"text": 1, "format": "flac", "reference_id": [2]}}),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_emulator_complains_as_the_framework_does(http: httpx.Client, name: str) -> None:
    method, path, parts = WRONG[name]
    theirs = ask(httpx.Request(method, f"http://kui{path}", **parts))
    ours = http.request(method, path, **parts)
    assert ours.status_code == theirs.status_code
    assert ours.headers["content-type"].partition(";")[0] == theirs.headers["content-type"].partition(";")[0]
    if ours.status_code == 415:
        assert ours.text == theirs.text
    if ours.status_code == 422:
        assert complaints(ours.json()) == complaints(theirs.json())


def complaints(body: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    return {(each["in"], each["type"], ".".join(map(str, each["loc"]))) for each in body}
