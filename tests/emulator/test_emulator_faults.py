"""Every fault over real TCP, and in process."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from voicectl.emulator.app import in_process_transport
from voicectl.emulator.settings import KINDS, Fault, Settings

CREATION = {"type": "tts", "train_mode": "fast", "voices": "v", "visibility": "private"}


def order(emulator: Any, *rules: Fault) -> None:
    emulator.settings = replace(emulator.settings, rules=rules)


def count(emulator: Any) -> int:
    return len(emulator.store.models())


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_status_with_and_without_retry_after(api: Any, emulator: Any, status: int) -> None:
    order(
        emulator,
        Fault("status", status=status, retry_after=2, times=1),
        Fault("status", status=status, times=2),
    )
    first, second, third = (api.create() for _ in range(3))
    assert (first.status_code, first.headers["retry-after"]) == (status, "2")
    assert (second.status_code, "retry-after" in second.headers) == (status, False)
    assert first.json()["status"] == status
    assert third.status_code == 201
    assert count(emulator) == 1


def test_a_status_can_come_after_the_work(api: Any, emulator: Any) -> None:
    order(emulator, Fault("status", status=502, after=True, body="Bad Gateway", times=1))
    answer = api.create()
    assert (answer.status_code, answer.text) == (502, "Bad Gateway")
    assert count(emulator) == 1


def test_html_before_or_after_the_work(api: Any, emulator: Any) -> None:
    for after in (False, True):
        order(emulator, Fault("html", after=after))
        answer = api.create()
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert answer.text.startswith("<!DOCTYPE html>")
        assert count(emulator) == after


@pytest.mark.parametrize(("kind", "made"), [("reset_before", 0), ("reset_after", 1)])
def test_a_reset_leaves_no_answer(api: Any, emulator: Any, kind: str, made: int) -> None:
    order(emulator, Fault(kind, times=1))
    with pytest.raises(httpx.ReadError):
        api.create()
    assert count(emulator) == made
    assert api.create().status_code == 201
    assert [entry.status for entry in emulator.log.entries()] == [None, 201]
    assert emulator.log.entries()[0].faults == (kind,)


def test_a_reset_while_uploading(api: Any, emulator: Any) -> None:
    order(emulator, Fault("reset_upload", times=1))
    with pytest.raises(httpx.TransportError):
        api.http.post("/model", files={"voices": b"x" * 5_000_000})
    assert count(emulator) == 0


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "reset_upload"])
def test_resets_meet_every_call(api: Any, emulator: Any, kind: str) -> None:
    path = f"/model/{api.made()['_id']}"
    order(emulator, Fault(kind))
    for method, where in (
        ("GET", path),
        ("GET", "/model"),
        ("PATCH", path),
        ("GET", "/wallet/self/api-credit"),
    ):
        with pytest.raises(httpx.TransportError):
            api.http.request(method, where, json={"title": "t"} if method == "PATCH" else None)
    with pytest.raises(httpx.TransportError):
        api.http.post("/v1/tts", json={"text": "hello"})
    with pytest.raises(httpx.TransportError):
        api.http.delete(path)
    assert count(emulator) == (0 if kind == "reset_after" else 1)


def test_truncated_bodies(api: Any, emulator: Any) -> None:
    order(emulator, Fault("truncate", times=2))
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without sending complete"):
        api.create()
    with pytest.raises(httpx.RemoteProtocolError):
        api.http.post("/v1/tts", json={"text": "hello", "format": "wav"})
    assert count(emulator) == 1
    order(emulator, Fault("cut_json"))
    answer = api.create()
    assert answer.status_code == 201
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert count(emulator) == 2


def test_delay_before_lets_the_work_happen_after_the_client_has_left(api: Any, emulator: Any) -> None:
    order(emulator, Fault("delay", ms=250, times=1))
    with pytest.raises(httpx.ReadTimeout):
        api.http.post(
            "/model",
            timeout=0.05,
            json={**CREATION, "title": "late"},
        )
    assert count(emulator) == 0
    deadline = time.monotonic() + 3
    while not count(emulator) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [model["title"] for model in emulator.store.models()] == ["late"]


def test_delay_after_does_the_work_first(api: Any, emulator: Any) -> None:
    order(emulator, Fault("delay", ms=300, after=True, times=1))
    with pytest.raises(httpx.ReadTimeout):
        api.http.post(
            "/model",
            timeout=0.1,
            json={**CREATION, "title": "slow"},
        )
    assert count(emulator) == 1


def test_listing_faults(api: Any, emulator: Any) -> None:
    for i in range(6):
        api.made(str(i))
    order(emulator, Fault("window_limited", limit=2))
    page = api.listed()
    assert (len(page["items"]), page["window_limited"], page["total"]) == (2, True, 6)
    assert page["accessible_upper_bound"] == 2
    order(emulator, Fault("wrong_total", by=3))
    page = api.listed()
    assert (page["total"], len(page["items"]), page["total_is_exact"]) == (9, 6, True)
    for by, second in ((-1, ["4", "3"]), (1, ["2", "1"])):
        order(emulator, Fault("shift", by=by))
        assert api.titles(page_size=2, page_number=1) == ["5", "4"]
        assert api.titles(page_size=2, page_number=2) == second


def test_rules_aim_by_method_path_ordinal_and_times(api: Any, emulator: Any) -> None:
    path = f"/model/{api.made()['_id']}"
    order(emulator, Fault("status", method=("get", "PATCH"), path="/model/*", nth=(2, 3), status=503, times=1))
    statuses = [
        api.http.request(m, p).status_code
        for m, p in (("GET", "/model"), ("GET", path), ("DELETE", "/model/x"), ("PATCH", path), ("GET", path))
    ]
    assert statuses == [200, 200, 404, 503, 200]


def test_probability_repeats_with_its_seed(api: Any, emulator: Any) -> None:
    def draw(seed: int) -> list[int]:
        order(emulator)
        api.http.get("/model")
        order(emulator, Fault("status", probability=0.5, seed=seed))
        return [api.http.get("/model").status_code for _ in range(40)]

    first = draw(1)
    assert 5 < first.count(500) < 35
    assert draw(1) == first
    assert draw(2) != first


def test_counting_goes_on_when_other_settings_change(api: Any, emulator: Any) -> None:
    order(emulator, Fault("status", nth=(2,)))
    assert api.http.get("/model").status_code == 200
    emulator.settings = replace(emulator.settings, latency=1)
    assert api.http.get("/model").status_code == 500


def test_training_takes_its_time(api: Any, emulator: Any) -> None:
    emulator.settings = Settings(training_seconds=1.5, fail_training=("bad *",))
    good, bad = api.made("good"), api.made("bad one")
    assert (good["state"], bad["state"]) == ("training", "training")
    assert {item["state"] for item in api.listed()["items"]} == {"training"}
    time.sleep(1.6)
    states = [api.http.get(f"/model/{model['_id']}").json()["state"] for model in (good, bad)]
    assert states == ["trained", "failed"]


def test_a_patch_does_not_end_training(api: Any, emulator: Any) -> None:
    emulator.settings = Settings(training_seconds=60)
    path = f"/model/{api.made()['_id']}"
    api.http.patch(path, json={"title": "x"})
    assert api.http.get(path).json()["state"] == "training"


def test_training_fails_by_ordinal(api: Any, emulator: Any) -> None:
    emulator.settings = Settings(fail_training_nth=(2,))
    assert [api.made()["state"] for _ in range(3)] == ["trained", "failed", "trained"]


def test_tags_are_dropped_on_creation_only(api: Any, emulator: Any) -> None:
    emulator.settings = Settings(drop_tags=True)
    model = api.made(tags=["a"])
    assert model["tags"] == []
    api.http.patch(f"/model/{model['_id']}", json={"tags": ["b"]})
    assert api.titles(tag="b") == ["Narrator"]


def test_public_is_downgraded(api: Any, emulator: Any) -> None:
    ways: tuple[tuple[Any, int, str], ...] = (
        ("create", 200, "public"),
        ("always", 200, "private"),
        ("refuse", 400, "private"),
    )
    for mode, status, patched in ways:
        emulator.settings = Settings(downgrade_public=mode)
        model = api.made(visibility="public", cover=True)
        assert model["visibility"] == "private"
        path = f"/model/{model['_id']}"
        assert api.http.patch(path, json={"visibility": "public"}).status_code == status
        assert api.http.get(path).json()["visibility"] == patched
    emulator.settings = Settings(downgrade_public="never")
    assert api.made(visibility="public", cover=True)["visibility"] == "public"


IN_PROCESS = {
    "reset_upload": httpx.ReadError,
    "reset_before": httpx.ReadError,
    "reset_after": httpx.ReadError,
    "truncate": httpx.RemoteProtocolError,
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_works_in_process(kind: str) -> None:
    async def run() -> None:
        transport = in_process_transport(None, Settings(rules=(Fault(kind, times=1),)))
        headers = {"authorization": "Bearer k"}
        async with httpx.AsyncClient(transport=transport, base_url="http://emulator", headers=headers) as client:
            if kind in IN_PROCESS:
                with pytest.raises(IN_PROCESS[kind]):
                    await client.get("/model")
            else:
                await client.get("/model")
            assert (await client.get("/model")).json()["total"] == 0
            assert [entry.faults for entry in transport.asgi.state.log.entries()] == [(kind,), ()]

    asyncio.run(run())
