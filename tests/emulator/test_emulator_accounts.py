"""Keys, workspaces, visibility, credit and the concurrency limit."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic abc", "abc"])
def test_without_a_key_only_public_models_are_listed(connect: Any, api: Any, emulator: Any, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    api.made("private")
    calls = (("GET", "/model?self=true"), ("POST", "/model"), ("GET", "/model/x"), ("POST", "/v1/tts"))
    for method, path in calls:
        answer = connect(None).http.request(method, path, headers=headers)
        assert (answer.status_code, answer.text) == (401, "No permission -- see authorization schemes")
        assert answer.headers["content-type"].startswith("text/plain")
    assert connect(None).http.get("/model", headers=headers).json()["items"] == []
    emulator.settings = replace(emulator.settings, unauthorized_body="json")
    for method, path in calls:
        answer = connect(None).http.request(method, path, headers=headers)
        assert answer.json() == {"status": 401, "message": "No permission -- see authorization schemes"}


def test_accepted_keys_can_be_listed(api: Any, other: Any, emulator: Any) -> None:
    emulator.settings = replace(emulator.settings, keys=("key-one",))
    assert api.http.get("/model?self=true").status_code == 200
    assert other.http.get("/model?self=true").status_code == 401
    assert other.http.get("/model").status_code == 200, "a wrong key is no worse than none"


def test_a_key_has_one_author_id_for_ever(api: Any, other: Any, connect: Any) -> None:
    mine = api.made()["author"]["_id"]
    assert len(mine) == 32
    assert connect("key-one").made()["author"]["_id"] == mine
    assert other.made()["author"]["_id"] != mine


def test_another_key_sees_by_visibility_and_changes_nothing(api: Any, other: Any, emulator: Any) -> None:
    emulator.settings = replace(emulator.settings, downgrade_public="never")
    ids = {v: api.made(v, visibility=v, cover=True)["_id"] for v in ("public", "unlist", "private")}
    assert [other.http.get(f"/model/{i}").status_code for i in ids.values()] == [200, 200, 403]
    assert other.titles(self="false") == ["public"]
    assert other.titles(self="true") == []
    assert api.titles(self="false") == ["public"]
    for model_id in ids.values():
        for answer in (
            other.http.patch(f"/model/{model_id}", json={"title": "mine"}),
            other.http.delete(f"/model/{model_id}"),
        ):
            assert answer.status_code == 403
            assert answer.json()["status"] == 403
    assert sorted(api.titles()) == ["private", "public", "unlist"]


def test_author_id_selects_public_models_and_self_overrides_it(api: Any, other: Any, emulator: Any) -> None:
    emulator.settings = replace(emulator.settings, downgrade_public="never")
    author = api.made("public", visibility="public", cover=True)["author"]["_id"]
    api.made("private")
    other.made("theirs")
    assert other.titles(self="false", author_id=author) == ["public"]
    assert other.titles(self="true", author_id=author) == ["theirs"]


def test_no_credit_is_402_on_speech_only_and_one_model_is_free(api: Any, emulator: Any) -> None:
    wallet = api.http.get("/wallet/self/api-credit").json()
    assert (wallet["credit"], wallet["cumulative_top_up"]) == ("100", "100")
    emulator.settings = replace(emulator.settings, no_credit=("key-one",))
    assert api.http.delete(f"/model/{api.made()['_id']}").status_code == 200
    assert api.http.get("/model").status_code == 200
    for model, status in (("", 402), ("drama-3-preview", 402), ("unheard-of", 402), ("s2.1-pro-free", 200)):
        answer = api.http.post("/v1/tts", json={"text": "hello"}, headers={"model": model})
        assert (answer.status_code, model) == (status, model)
    assert api.http.get("/wallet/self/api-credit").json()["credit"] == "0"


def test_the_wallet_is_ones_own(api: Any, other: Any) -> None:
    mine = api.http.get("/wallet/self/api-credit").json()["user_id"]
    assert api.http.get(f"/wallet/{mine}/api-credit").status_code == 200
    assert other.http.get(f"/wallet/{mine}/api-credit").status_code == 403


def test_more_requests_at_once_than_the_limit_are_429_per_key(api: Any, other: Any, emulator: Any) -> None:
    emulator.settings = replace(emulator.settings, latency=150, concurrency_limit=2, retry_after=1.5)
    with ThreadPoolExecutor(5) as pool:
        mine = [pool.submit(api.http.get, "/model") for _ in range(4)]
        theirs = pool.submit(other.http.get, "/model")
        answers = [future.result() for future in mine]
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 200, 429, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["status"] == 429
    assert refused.headers["retry-after"] == "1.5"
    assert theirs.result().status_code == 200
    assert max(entry.in_flight for entry in emulator.log.entries()) >= 3
    for _ in range(5):
        assert api.http.get("/model").status_code == 200


def test_latency_is_waited_without_holding_others_up(api: Any, emulator: Any) -> None:
    emulator.settings = replace(emulator.settings, latency=100)
    began = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: api.http.get("/model"), range(8)))
    assert time.perf_counter() - began >= 0.1
    assert max(entry.in_flight for entry in emulator.log.entries()) > 1
