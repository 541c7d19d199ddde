"""The client against the emulator over TCP: what it sends, what it accepts, how it fails."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from tests.conftest import KEY, Hand
from voicectl.emulator.server import RunningEmulator
from voicectl.model.observed import Patch
from voicectl.model.voice import Cover, Metadata
from voicectl.provider.fish.bounds import Patience
from voicectl.provider.fish.client import FishClient
from voicectl.provider.fish.endpoint import Endpoint
from voicectl.provider.port import (
    InputChanged,
    NewModel,
    NotSent,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Throttled,
    Upload,
)

T = TypeVar("T")
SPEC = Path(__file__).resolve().parents[1] / "fidelity" / "fish-audio-openapi.json"
QUICK = Patience(connect=2, read=5, first_pause=0.01, longest_pause=0.02, deadline=1)


def run(url: str, use: Callable[[FishClient], Awaitable[T]], **options: Any) -> T:
    async def main() -> T:
        client = FishClient(Endpoint(url, KEY), patience=QUICK, **options)
        try:
            return await use(client)
        finally:
            await client.close()

    return asyncio.run(main())


def upload(path: Path, data: bytes = b"RIFF....WAVE") -> Upload:
    path.write_bytes(data)
    return Upload(path, "sample-1.wav", "audio/wav", "sha256:" + hashlib.sha256(data).hexdigest(), len(data))


def new_model(tmp_path: Path, **changes: Any) -> NewModel:
    made = NewModel(
        metadata=Metadata(title="Erzähler 語り手", description="zwei\nZeilen", visibility="unlist", tags=("a",)),
        tags=("a", "voicectl:acme", "voicectl:acme:n:0123456789ab"),
        samples=(upload(tmp_path / "1.wav"), upload(tmp_path / "2.wav", b"RIFF 2")),
        transcripts=("one, two", "three"),
        enhance=False,
    )
    return replace(made, **changes)


def silent(size: int) -> None:
    """Nobody listens."""


def test_create_get_list_update_delete(emulator: RunningEmulator, tmp_path: Path) -> None:
    async def use(client: FishClient) -> None:
        made = await client.create(new_model(tmp_path), silent)
        assert made.title == "Erzähler 語り手"
        assert made.visibility == "private"
        assert set(made.tags) == {"a", "voicectl:acme", "voicectl:acme:n:0123456789ab"}
        assert await client.get(made.id) == made
        assert (await client.list_models("voicectl:acme")).models == (made,)
        assert (await client.list_models("voicectl:other")).models == ()
        assert await client.update(made.id, Patch(title="New", tags=()))
        changed = await client.get(made.id)
        assert changed is not None
        assert (changed.title, changed.tags, changed.description) == ("New", (), made.description)
        await client.delete(made.id)
        assert await client.get(made.id) is None
        await client.delete(made.id)
        assert not await client.update(made.id, Patch(title="x"))

    run(emulator.url, use)


def test_a_cover_goes_as_multipart_with_the_other_values(emulator: RunningEmulator, tmp_path: Path) -> None:
    cover = replace(upload(tmp_path / "c.png", b"\x89PNG data"), name="cover.png", media_type="image/png")
    named = Cover("c.png", cover.digest, cover.size, "image/png")

    async def use(client: FishClient) -> None:
        made = await client.create(new_model(tmp_path), silent)
        await client.update(made.id, Patch(visibility="public", cover=named, tags=("x", "y"), description=""), cover)
        changed = await client.get(made.id)
        assert changed is not None
        assert changed.cover_image.startswith("coverimage/")
        assert (changed.visibility, set(changed.tags), changed.description) == ("public", {"x", "y"}, "")

    run(emulator.url, use)


def test_progress_counts_every_byte(emulator: RunningEmulator, tmp_path: Path) -> None:
    sizes: list[int] = []
    new = new_model(tmp_path, samples=(upload(tmp_path / "big.wav", b"RIFF" + b"\0" * 500_000),), transcripts=())
    run(emulator.url, lambda client: client.create(new, sizes.append))
    assert sum(sizes) == 500_004
    assert len(sizes) > 2


@pytest.mark.parametrize(
    "data", [b"RIFF and more than before", b"XXXX....WAVE", b""], ids=["longer", "as long", "empty"]
)
def test_nothing_is_made_of_a_file_that_changed(
    emulator: RunningEmulator, hand: Hand, tmp_path: Path, data: bytes
) -> None:
    new = new_model(tmp_path)
    new.samples[0].path.write_bytes(data)
    with pytest.raises(InputChanged, match=r"1\.wav changed"):
        run(emulator.url, lambda client: client.create(new, silent))
    assert hand.models() == []


def test_nothing_is_made_of_a_large_file_that_changed_while_it_was_sent(
    emulator: RunningEmulator, hand: Hand, tmp_path: Path
) -> None:
    sample = upload(tmp_path / "big.wav", b"RIFF" + bytes(3_000_000))
    sent = 0

    def meanwhile(size: int) -> None:
        nonlocal sent
        sent += size
        if sent > 1_000_000:
            with sample.path.open("r+b") as file:
                file.seek(-1, 2)
                file.write(b"!")

    with pytest.raises(InputChanged):
        run(
            emulator.url,
            lambda client: client.create(new_model(tmp_path, samples=(sample,), transcripts=()), meanwhile),
        )
    assert hand.models() == []


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_listings_of_any_length_in_few_requests(emulator: RunningEmulator, hand: Hand, count: int) -> None:
    for number in range(count):
        hand.create(str(number), tags=["voicectl:acme"])
    hand.create("foreign", tags=["voicectl:acme2"])
    emulator.log.clear()
    listing = run(emulator.url, lambda client: client.list_models("voicectl:acme"))
    assert listing.complete
    assert {model.title for model in listing.models} == {str(number) for number in range(count)}
    assert len(emulator.log.entries()) <= count // 100 + 2


def test_a_windowed_listing_is_incomplete(emulator: RunningEmulator, hand: Hand) -> None:
    for number in range(5):
        hand.create(str(number), tags=["voicectl:acme"])
    emulator.settings = replace(emulator.settings, max_offset=3)
    assert not run(emulator.url, lambda client: client.list_models("voicectl:acme")).complete


@pytest.mark.parametrize("items", [0, 100], ids=["empty pages", "the same page again and again"])
def test_a_listing_ends_whatever_its_total_says(items: int) -> None:
    seen: list[str] = []
    page = [{"_id": f"{n:032}", "title": "t", "tags": ["voicectl:acme"]} for n in range(items)]

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, json={"total": 10**18, "items": page})

    transport = httpx.MockTransport(answer)
    listing = run("http://127.0.0.1", lambda client: client.list_models("voicectl:acme"), transport=transport)
    assert not listing.complete
    assert len(listing.models) == items
    assert len(seen) < 100


def answering(status: int, body: bytes = b"", **headers: str) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(status, content=body, headers=headers))


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (400, b'{"status": 400, "message": "bad title"}', Rejected, "bad title"),
        (422, b'[{"loc": ["title"], "msg": "too long"}]', Rejected, "title: too long"),
        (422, b'{"detail": [{"loc": ["title"], "msg": "too long"}]}', Rejected, "title: too long"),
        (413, b"plain text", Rejected, "plain text"),
        (429, b'{"status": 429, "message": "slow down"}', Throttled, "slow down"),
        (500, b"<html>oops</html>", OutcomeUnknown, "500"),
        (503, b'{"status": 503, "message": "busy"}', OutcomeUnknown, "busy"),
        (201, b"not json", OutcomeUnknown, "unreadable"),
        (201, b'{"title": "no id"}', OutcomeUnknown, "unreadable"),
        (400, f'{{"message": "key {KEY} is odd"}}'.encode(), Rejected, "key … is odd"),
    ],
)
def test_answers_to_a_creation(tmp_path: Path, status: int, body: bytes, error: type[Exception], words: str) -> None:
    transport = answering(status, body)
    with pytest.raises(error) as raised:
        run("http://127.0.0.1", lambda client: client.create(new_model(tmp_path), silent), transport=transport)
    assert words in str(raised.value)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "body", "words", "hint"),
    [
        (
            429,
            b"{}",
            "too many requests",
            "lower `concurrency` in voicectl.yaml, or wait: the account's limit is shared",
        ),
        (
            502,
            b"\n<!DOCTYPE html><h1>Bad Gateway</h1>",
            "a gateway before 127.0.0.1, not the API",
            "the proxy settings",
        ),
        (504, b"<html>", "a gateway before 127.0.0.1, not the API", "try again later"),
        (502, b'{"message": "busy"}', "127.0.0.1 failed (502): busy", "try again later"),
    ],
)
def test_too_much_and_a_gateway_are_told_apart_with_what_to_do(
    tmp_path: Path, status: int, body: bytes, words: str, hint: str
) -> None:
    transport = answering(status, body)
    with pytest.raises(ProviderError) as raised:
        run("http://127.0.0.1", lambda client: client.create(new_model(tmp_path), silent), transport=transport)
    assert words in raised.value.message
    assert hint in raised.value.hint
    assert ("gateway" in raised.value.message) == body.lstrip().startswith(b"<")


def test_get_is_repeated_and_post_is_not(tmp_path: Path) -> None:
    seen: list[str] = []

    def failing(request: httpx.Request) -> httpx.Response:
        seen.append(request.method)
        return httpx.Response(503)

    transport = httpx.MockTransport(failing)
    with pytest.raises(OutcomeUnknown):
        run("http://127.0.0.1", lambda client: client.get("x"), transport=transport)
    with pytest.raises(OutcomeUnknown):
        run("http://127.0.0.1", lambda client: client.create(new_model(tmp_path), silent), transport=transport)
    assert len(seen) > 6
    assert [method for method in seen if method != "GET"] == [seen[-1]] == ["POST"]


@pytest.mark.parametrize(
    ("header", "low", "high"), [("1", 1, 1), ("Sun, 06 Nov 1994 08:49:37 GMT", 0, 0), ("soon", None, None)]
)
def test_retry_after_in_seconds_and_as_a_date(header: str, low: float | None, high: float | None) -> None:
    from voicectl.provider.fish.errors import retry_after

    value = retry_after(httpx.Response(429, headers={"retry-after": header}))
    assert value is None if low is None else low <= (value or 0.0) <= (high or 0.0)


def test_a_missing_body_and_unknown_fields_are_fine(tmp_path: Path) -> None:
    entity = {"_id": "1" * 32, "title": "t", "surplus": 1, "author": None, "tags": None, "created_at": "odd"}
    transport = answering(200, json.dumps(entity).encode())
    model = run("http://127.0.0.1", lambda client: client.get("1"), transport=transport)
    assert model is not None
    assert (model.tags, model.created_at, model.state) == ((), None, "trained")
    assert run("http://127.0.0.1", lambda client: client.update("1", Patch(title="x")), transport=answering(204))


def test_a_refused_connection_was_not_sent(tmp_path: Path) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(NotSent):
        run(
            "http://127.0.0.1",
            lambda client: client.create(new_model(tmp_path), silent),
            transport=httpx.MockTransport(refuse),
        )


def test_requests_in_flight_stay_bounded(emulator: RunningEmulator, hand: Hand) -> None:
    model = hand.create("x")
    emulator.settings = replace(emulator.settings, latency=20)
    emulator.log.clear()

    async def use(client: FishClient) -> None:
        await asyncio.gather(*(client.get(model) for _ in range(30)))

    run(emulator.url, use, concurrency=3)
    assert max(entry.in_flight for entry in emulator.log.entries()) == 3


def test_the_key_shows_in_no_representation() -> None:
    endpoint = Endpoint("https://api.fish.audio", KEY)
    assert KEY not in repr(endpoint)
    assert KEY not in f"{endpoint}"


def test_every_request_is_as_the_provider_describes_it(tmp_path: Path) -> None:
    from email import message_from_bytes

    import jsonschema

    spec = json.loads(SPEC.read_text(encoding="utf-8"))
    seen: list[tuple[str, str, str, bytes, dict[str, list[str]]]] = []
    entity = {"_id": "1" * 32, "title": "t", "tags": [], "state": "trained", "visibility": "private"}

    def answer(request: httpx.Request) -> httpx.Response:
        query: dict[str, list[str]] = {}
        for name, value in request.url.params.multi_items():
            query.setdefault(name, []).append(value)
        seen.append((request.method, request.url.path, request.headers.get("content-type", ""), request.content, query))
        listing = {"total": 1, "items": [entity]}
        return httpx.Response(200, json=listing if request.url.path == "/model" and request.method == "GET" else entity)

    cover = replace(upload(tmp_path / "c.png", b"\x89PNG"), name="cover.png", media_type="image/png")
    patch = Patch(title="t", description="d", visibility="public", tags=("a", "b"))

    async def use(client: FishClient) -> None:
        await client.list_models("voicectl:acme")
        await client.list_models(limit=1)
        await client.get("1")
        await client.create(new_model(tmp_path, cover=cover), silent)
        await client.update("1", patch)
        await client.update("1", replace(patch, cover=Cover("c", cover.digest, cover.size, "image/png")), cover)
        await client.delete("1")
        await client.wallet()

    run("http://127.0.0.1", use, transport=httpx.MockTransport(answer))
    assert len(seen) == 8
    for method, path, kind, body, query in seen:
        template = {"/model": "/model", "/model/1": "/model/{id}"}.get(path, "/wallet/{user_id}/api-credit")
        operation = spec["paths"][template][method.lower()]
        allowed = {p["name"]: p["schema"] for p in operation.get("parameters", []) if p["in"] == "query"}
        for name, values in query.items():
            assert name in allowed, f"{method} {path} sends {name}"
            jsonschema.validate(_typed(values[0], allowed[name]), allowed[name])
        if not body:
            continue
        media = kind.split(";")[0]
        schema = operation["requestBody"]["content"][media]["schema"]
        if media == "application/json":
            value = json.loads(body)
        else:
            parts = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
            value = {}
            for part in parts.get_payload():
                name = str(part.get_param("name", header="content-disposition"))  # type: ignore[union-attr]
                text = part.get_payload(decode=True).decode("utf-8", "replace")  # type: ignore[union-attr]
                declared = schema["properties"][name]
                if "array" in json.dumps(declared):
                    value.setdefault(name, []).append(text)
                else:
                    value[name] = {"true": True, "false": False}.get(text, text)
        assert set(value) <= set(schema["properties"]), value.keys()
        jsonschema.validate(value, {**schema, "components": spec["components"]})


def _typed(text: str, schema: dict[str, Any]) -> Any:
    if schema.get("type") == "integer":
        return int(text)
    return text == "true" if schema.get("type") == "boolean" else text
