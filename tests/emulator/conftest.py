"""Fixtures of the emulator's tests: one emulator per test, and a small client for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from voicectl.emulator.server import RunningEmulator

SPEC = Path(__file__).resolve().parents[1] / "fidelity" / "fish-audio-openapi.json"


class Api:
    """A bare client with one key; answers are returned as they are."""

    def __init__(self, url: str, key: str | None) -> None:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        # Plain HTTP: without `verify=False` each client would read all certificates of the system.
        self.http = httpx.Client(base_url=url, headers=headers, timeout=10, verify=False)

    def create(self, title: str = "Narrator", voices: int = 1, cover: bool = False, **fields: Any) -> httpx.Response:
        data = {"type": "tts", "train_mode": "fast", "title": title, "visibility": "private", **fields}
        files: list[tuple[str, Any]] = [("voices", (f"{i}.wav", b"RIFF%d" % i)) for i in range(voices)]
        if cover:
            files.append(("cover_image", ("c.png", b"image")))
        return self.http.post("/model", data={k: v for k, v in data.items() if v is not None}, files=files)

    def made(self, title: str = "Narrator", **fields: Any) -> dict[str, Any]:
        answer = self.create(title, **fields)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def titles(self, /, **params: Any) -> list[str]:
        return [item["title"] for item in self.listed(**params)["items"]]

    def listed(self, /, **params: Any) -> dict[str, Any]:
        query = {"self": "true", "sort_by": "created_at", "page_size": 100, **params}
        answer = self.http.get("/model", params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with RunningEmulator() as running:
        yield running


@pytest.fixture
def connect(emulator: RunningEmulator) -> Iterator[Callable[[str | None], Api]]:
    opened: list[Api] = []

    def open_with(key: str | None) -> Api:
        opened.append(Api(emulator.url, key))
        return opened[-1]

    yield open_with
    for api in opened:
        api.http.close()


@pytest.fixture
def api(connect: Callable[[str | None], Api]) -> Api:
    return connect("key-one")


@pytest.fixture
def other(connect: Callable[[str | None], Api]) -> Api:
    return connect("key-two")


@pytest.fixture(scope="session")
def spec() -> dict[str, Any]:
    return dict(json.loads(SPEC.read_text()))
