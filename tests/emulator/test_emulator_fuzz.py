"""Whatever is sent, the emulator answers with a status that it means, never with a failure of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicectl.emulator.app import InProcessTransport, in_process_transport

NAMES = st.sampled_from(
    [
        "type",
        "train_mode",
        "title",
        "visibility",
        "voices",
        "texts",
        "tags",
        "description",
        "cover_image",
        "generate_sample",
        "text",
        "format",
        "reference_id",
        "references",
        "prosody",
        "sample_rate",
        "mp3_bitrate",
        "temperature",
    ]
)
PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=5)
VALUES = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(st.text(max_size=3), PLAIN, max_size=2)
GOOD = {
    "type": "tts",
    "train_mode": "fast",
    "title": "t",
    "visibility": "private",
    "voices": "v",
    "text": "t",
}
TARGETS = st.sampled_from([("POST", "/model"), ("PATCH", "/model/ID"), ("POST", "/v1/tts")])


@pytest.fixture(scope="module")
def transport() -> Iterator[InProcessTransport]:
    transport = in_process_transport()
    yield transport
    transport.store.close()


def send(transport: InProcessTransport, method: str, path: str, **parts: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        client = httpx.AsyncClient(transport=transport, base_url="http://emulator", verify=False)
        headers = {"authorization": "Bearer k", **parts.pop("headers", {})}
        if "ID" in path and not transport.store.models():
            await client.post("/model", json=GOOD, headers=headers)
        known = transport.store.models()[0]["_id"] if transport.store.models() else ""
        return await client.request(method, path.replace("ID", known), headers=headers, **parts)

    return asyncio.run(run())


@settings(max_examples=150, deadline=None)
@given(TARGETS, st.dictionaries(NAMES, VALUES, max_size=4), st.booleans())
def test_any_values(transport: InProcessTransport, target: Any, changes: dict[str, Any], packed: bool) -> None:
    content = {**GOOD, **changes}
    try:
        if packed:
            body, kind = msgpack.packb(content), "application/msgpack"
        else:
            body, kind = json.dumps(content).encode(), "application/json"
    except (ValueError, OverflowError):
        return
    answer = send(transport, *target, content=body, headers={"content-type": kind})
    assert answer.status_code in (200, 201, 400, 404, 422)


@settings(max_examples=100, deadline=None)
@given(
    TARGETS,
    st.binary(max_size=60),
    st.sampled_from(
        [
            "application/json",
            "application/msgpack",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "",
        ]
    ),
)
def test_any_bytes(transport: InProcessTransport, target: Any, body: bytes, kind: str) -> None:
    answer = send(transport, *target, content=body, headers={"content-type": kind})
    assert answer.status_code in (200, 400, 415, 422)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["page_size", "page_number", "title", "tag", "self", "author_id", "language", "sort_by"]),
        st.text(max_size=6) | st.integers(),
    )
)
def test_any_query(transport: InProcessTransport, params: dict[str, Any]) -> None:
    encoded = {name: str(value).encode("utf-8", "replace").decode() for name, value in params.items()}
    assert send(transport, "GET", "/model", params=encoded).status_code in (200, 422)
