"""A provider that is away for a while, at a twentieth of the real times: twenty seconds are one, two minutes six."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import KEY, Project, hasten
from voicectl.concurrency import Backoff
from voicectl.emulator.server import RunningEmulator
from voicectl.engine import create, training
from voicectl.provider.fish.bounds import Patience
from voicectl.provider.fish.client import FishClient

AWAY = 0.5


@pytest.fixture(autouse=True)
def _a_fortieth(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Patience(connect=1, read=3, first_pause=0.0125, longest_pause=0.5, deadline=3.0)
    monkeypatch.setitem(FishClient.__init__.__kwdefaults__ or {}, "patience", quick)
    monkeypatch.setattr(create, "FIRST_PAUSE", 0.0125)
    monkeypatch.setattr(create, "LONGEST_PAUSE", 0.5)
    monkeypatch.setattr(create, "Backoff", lambda first, longest: Backoff(first, longest, 3.0))
    monkeypatch.setattr(training, "FIRST_LOOK", 0.01)
    hasten(monkeypatch, grace=0.15, looks=(0.0, 0.05))


@dataclass
class Outage:
    """Before the emulator: from the first request of a kind on, for a time, every request gets this answer."""

    app: Any
    method: str
    status: int
    seconds: float = AWAY
    until: float | None = None
    walks: list[str] = field(default_factory=list)
    refused: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_emulator"):
            await self.app(scope, receive, send)
            return
        query = scope["query_string"].decode()
        if scope["path"] == "/model" and scope["method"] == "GET" and "tag=" not in query:
            self.walks.append(query)
        if self.until is None and scope["method"] == self.method:
            self.until = time.monotonic() + self.seconds
        if self.until is None or time.monotonic() > self.until:
            await self.app(scope, receive, send)
            return
        self.refused += 1
        while (await receive()).get("more_body"):
            pass
        body = json.dumps({"status": self.status, "message": "away"}).encode()
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": body})


@contextmanager
def served(tmp_path: Path, **how: Any) -> Iterator[tuple[Project, RunningEmulator, Outage]]:
    made: list[Outage] = []

    def wrap(app: Any) -> Outage:
        made.append(Outage(app, **how))
        return made[0]

    with RunningEmulator(wrap=wrap) as emulator:
        project = Project(tmp_path / "project", {"FISH_API_URL": emulator.url, "FISH_API_KEY": KEY})
        project.root.mkdir()
        project.config()
        yield project, emulator, made[0]


@pytest.mark.parametrize("status", [503, 429])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_a_restart_fails_no_voice(tmp_path: Path, method: str, status: int) -> None:
    with served(tmp_path, method=method, status=status) as (project, emulator, outage):
        voices: dict[str, dict[str, str]] = {f"v{i}": {"visibility": "unlist"} for i in range(8)}
        if method == "DELETE":
            outage.method = "none"
            project.config(retain=0, policy={"max_deletes": "100%"})
            project.voices(voices)
            project.apply()
            outage.method = method
            voices = {"v0": {"visibility": "unlist"}}
        project.voices(voices)
        done = project.run("apply", "--yes").expect(0)
        assert "retrying" in done.err
        assert outage.refused > 1
        assert len(emulator.store.models()) == len(voices)
        project.settled()


def test_a_provider_that_is_down_when_a_plan_begins(tmp_path: Path) -> None:
    with RunningEmulator() as emulator:
        port = int(emulator.url.rpartition(":")[2])
    project = Project(tmp_path / "project", {"FISH_API_URL": f"http://127.0.0.1:{port}", "FISH_API_KEY": KEY})
    project.root.mkdir()
    project.config()
    project.voices({"a": {}, "b": {}})
    ended = threading.Event()

    def later() -> None:
        time.sleep(AWAY)
        with RunningEmulator(port=port):
            ended.wait(60)

    thread = threading.Thread(target=later)
    thread.start()
    try:
        project.run("apply", "--yes").expect(0)
    finally:
        ended.set()
        thread.join()


def test_one_look_at_a_training_model_that_fails_is_that_voices_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path, method="none", status=503, seconds=60) as (project, emulator, outage):
        emulator.settings = replace(emulator.settings, training_seconds=2.5)
        project.voices({f"v{i}": {} for i in range(4)})
        project.run("apply", "--yes", "--wait", "0").expect(1)
        unlucky = project.lock["voices"]["v1"]["id"]
        wrapped, first, listings = outage.app, True, 0

        async def app(scope: Any, receive: Any, send: Any) -> None:
            nonlocal first, listings
            if scope["type"] == "http" and scope["path"] == "/model" and first:
                listings += 1
                # From the second listing on it lags, so that the models that train are asked for by id.
                emulator.settings = replace(emulator.settings, listing_lag=60 if listings > 1 else 0)
            if scope["type"] == "http" and scope["path"] == f"/model/{unlucky}" and first:
                first = False
                emulator.settings = replace(emulator.settings, listing_lag=0)
                await send({"type": "http.response.start", "status": 400, "headers": []})
                await send({"type": "http.response.body", "body": b'{"message": "odd"}'})
                return
            await wrapped(scope, receive, send)

        outage.app = app
        done = project.run("apply", "--yes", "--format", "json")
        assert not first
        assert done.code == 1
        assert "verifying" in done.err
        left = {each["name"]: each["message"] for each in done.json["leftovers"]}
        assert "can't be told" in left["v1"]
        assert set(left) == {"v1"}, "the others were waited for"
        assert {r["state"] for n, r in project.lock["voices"].items() if n != "v1"} == {"trained"}


def test_creations_whose_answers_were_lost_at_once_share_a_walk_of_the_account(tmp_path: Path) -> None:
    count = 16
    with served(tmp_path, method="none", status=500) as (project, emulator, outage):
        project.config(concurrency=count)
        # The first creation goes alone, until marks were seen to be kept; then the answers to all others are lost.
        project.voices({f"v{i:02}": {} for i in range(count + 1)})
        wrapped, lost, posts = outage.app, 0, 0

        async def app(scope: Any, receive: Any, send: Any) -> None:
            nonlocal lost, posts
            posts += scope["type"] == "http" and scope["method"] == "POST"
            if scope["type"] == "http" and scope["method"] == "POST" and posts > 1 and lost < count:
                lost += 1
                while (await receive()).get("more_body"):
                    pass
                await asyncio.sleep(0.2)
                await send({"type": "http.response.start", "status": 500, "headers": []})
                await send({"type": "http.response.body", "body": b"{}"})
                return
            if outage.walks and scope["type"] == "http" and b"tag=" not in scope["query_string"]:
                await asyncio.sleep(0.3)  # a large account takes a while to walk
            await wrapped(scope, receive, send)

        outage.app = app
        project.run("apply", "--yes").expect(0)
        assert len(emulator.store.models()) == count + 1
        assert lost == count
        assert 2 <= len(outage.walks) <= 8
