"""A server, or a proxy before it, wants the run to end never or out of memory: it sends without end."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.attacks import hostile_server
from tests.attacks.hostile_server import bomb, document, endless, head, serving, trickle
from tests.conftest import KEY, Project
from voicectl.hosting import rest
from voicectl.hosting.port import HostingError
from voicectl.model.observed import Patch
from voicectl.provider.fish import bounds
from voicectl.provider.fish.bounds import Patience
from voicectl.provider.fish.client import FishClient
from voicectl.provider.fish.endpoint import Endpoint
from voicectl.provider.port import OutcomeUnknown, ProviderError, Rejected, Speech

QUICK = Patience(connect=2, read=5, first_pause=0.01, longest_pause=0.02, deadline=0.5, whole=1.0, whole_post=1.0)
LONGEST = 30.0
"""Seconds: far more than any bound here, and far less than for ever."""
ID = "a" * 32


def ask(url: str, use: Callable[[FishClient], Awaitable[Any]], patience: Patience = QUICK) -> Any:
    async def main() -> Any:
        client = FishClient(Endpoint(url, KEY), patience=patience)
        try:
            async with asyncio.timeout(LONGEST):
                return await use(client)
        finally:
            await client.close()

    return asyncio.run(main())


BODIES: dict[str, Callable[[], Iterable[bytes]]] = {
    "a body without end": endless,
    "a bomb": bomb,
    "a bomb in a bomb": lambda: bomb(times=2),
    "an encoding that nobody asked for": lambda: [head(content_encoding="br") + b"x" * 1000],
    "damaged gzip": lambda: [head(content_encoding="gzip") + b"x" * 1000],
}


@pytest.mark.parametrize("body", BODIES)
def test_a_listing_is_not_taken_into_memory(body: str) -> None:
    with serving(lambda method, path: BODIES[body]()) as url:
        script = [sys.executable, "-m", "tests.attacks.peak", url]
        done = subprocess.run(script, capture_output=True, text=True, timeout=LONGEST, check=True)
    words, megabytes = done.stdout.splitlines()
    assert "answered 200 with something unreadable" in words
    assert int(megabytes) < 100


@pytest.mark.parametrize("body", ["a body without end", "a bomb"])
def test_an_error_is_told_by_its_status(body: str) -> None:
    make = endless if body == "a body without end" else bomb
    with serving(lambda method, path: make(400)) as url, pytest.raises(Rejected, match=r"refused the request \(400\)$"):
        ask(url, lambda client: client.list_models())


@pytest.mark.parametrize("body", ["a body without end", "a bomb"])
def test_what_was_done_counts_as_done_whatever_follows(body: str) -> None:
    make = endless if body == "a body without end" else bomb
    with serving(lambda method, path: make()) as url:
        assert ask(url, lambda client: client.update(ID, Patch(title="T"))) is True
        ask(url, lambda client: client.delete(ID))


SLOW: dict[str, bytes] = {
    "the body": head() + b'{"items": [',
    "the head": b"HTTP/1.1 200 OK\r\nx-slow: ",
}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "speech"])
@pytest.mark.parametrize("part", SLOW)
def test_a_byte_now_and_then_is_no_answer(monkeypatch: pytest.MonkeyPatch, part: str, method: str) -> None:
    uses: dict[str, Callable[[FishClient], Awaitable[Any]]] = {
        "GET": lambda client: client.list_models(),
        "PATCH": lambda client: client.update(ID, Patch(title="T")),
        "DELETE": lambda client: client.delete(ID),
        "speech": lambda client: client.speak(Speech("Hi", "pcm", model_id=ID), lambda piece: None),
    }
    monkeypatch.setattr(bounds, "_SPEECH_SECONDS", 0.6)
    first = SLOW[part] if method != "speech" or part == "the head" else head(kind="audio/pcm")
    words = r"did not finish answering \w+ within 1 s"
    with serving(lambda method, path: trickle(first)) as url, pytest.raises(OutcomeUnknown, match=words):
        ask(url, uses[method], replace(QUICK, whole=0.6, whole_post=0.6))


def pages_without_end(total: int | None) -> hostile_server.Answer:
    number = iter(range(10**9))

    def answer(method: str, path: str) -> Iterator[bytes]:
        items = [{"_id": f"{next(number):032x}", "title": "T", "tags": []} for _ in range(100)]
        return document({"items": items, "has_more": True} | ({} if total is None else {"total": total}))

    return answer


@pytest.mark.parametrize("total", [None, 10**12])
def test_a_listing_has_an_end(monkeypatch: pytest.MonkeyPatch, total: int | None) -> None:
    monkeypatch.setattr(bounds, "MAX_PAGES", 40)
    with serving(pages_without_end(total)) as url, pytest.raises(ProviderError, match="does not end after"):
        ask(url, lambda client: client.list_models())


def test_a_listing_ends_by_its_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_LISTING", 500_000)
    with serving(pages_without_end(None)) as url, pytest.raises(ProviderError, match="does not end after"):
        ask(url, lambda client: client.list_models())


def test_a_listing_ends_by_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LISTING_SECONDS", 1.0)
    with serving(pages_without_end(None)) as url, pytest.raises(ProviderError, match="takes longer than 1 s"):
        ask(url, lambda client: client.list_models())


@pytest.mark.parametrize("make", [endless, bomb])
def test_speech_has_an_end(monkeypatch: pytest.MonkeyPatch, make: Callable[..., Iterable[bytes]]) -> None:
    monkeypatch.setattr(bounds, "_SPEECH_BYTES", 1_000_000)
    written: list[int] = []
    with serving(lambda method, path: make(kind="audio/pcm")) as url, pytest.raises(OutcomeUnknown, match="unreadable"):
        ask(
            url,
            lambda client: client.speak(Speech("Hi", "pcm", model_id=ID), lambda piece: written.append(len(piece))),
        )
    assert sum(written) <= bounds.speech_bytes("Hi")


@pytest.mark.parametrize("body", [*BODIES, *SLOW])
def test_the_service_that_hosts_the_repository(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    monkeypatch.setattr(rest, "LONGEST_ANSWER", 0.4)

    def answer(method: str, path: str) -> Iterable[bytes]:
        return BODIES[body]() if body in BODIES else trickle(SLOW[body])

    began = time.monotonic()
    clock = itertools.count(0.0, 50.0)  # two minutes are over after a few looks at it
    with serving(answer) as url:
        headers = {"Authorization": "Bearer x"}
        service = rest.Rest(url, headers, hint="", sleep=lambda seconds: None, clock=lambda: next(clock))
        with pytest.raises(HostingError):
            service.read("repos/x")
        with pytest.raises(HostingError):
            next(service.pages("repos/x", {}))
    assert time.monotonic() - began < LONGEST


def test_a_plan_says_what_the_server_does(project: Project) -> None:
    project.voices({"a": {}})
    with serving(lambda method, path: endless(kind="text/html")) as url:
        project.environ["FISH_API_URL"] = url
        done = project.spawn("plan", timeout=150)
    assert "answered 200 with something unreadable (text/html, more than 16,777,216 bytes)" in done.err
    assert done.code in (1, 4)


def test_a_listing_of_many_pages_is_read(tmp_path: Path) -> None:
    """The control: 3,000 models are no attack."""

    def answer(method: str, path: str) -> Iterator[bytes]:
        page = int(path.partition("page_number=")[2].partition("&")[0])
        items = [{"_id": f"{page * 100 + n:032x}", "title": "T"} for n in range(100)] if page <= 30 else []
        return document({"items": items, "total": 3000})

    with serving(answer) as url:
        listing = ask(url, lambda client: client.list_models())
    assert len(listing.models) == 3000
    assert listing.complete
