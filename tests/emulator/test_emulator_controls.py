"""The request log, and acting behind the client's back, in Python and over HTTP."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from voicectl.emulator.entity import workspace_of
from voicectl.emulator.requestlog import RequestLog
from voicectl.emulator.settings import Fault


def test_each_request_is_logged_with_what_tests_count(api: Any, connect: Any, emulator: Any) -> None:
    before = time.time()
    api.listed(tag="a")
    api.made()
    connect(None).http.delete("/model/x")
    listed, made, refused = emulator.log.entries()
    assert (listed.method, listed.path, listed.status) == ("GET", "/model", 200)
    assert "tag=a" in listed.query
    assert before <= listed.started <= made.started <= time.time()
    assert 0 <= listed.duration < 5
    assert listed.in_flight == 1
    assert listed.workspace == workspace_of("key-one")
    assert (refused.status, refused.workspace) == (401, None)
    assert "key-one" not in repr(emulator.log.entries())
    assert [entry.status for entry in emulator.log.mutating()] == [201, 401]
    emulator.log.clear()
    assert emulator.log.entries() == []


def test_the_log_over_http(api: Any, connect: Any) -> None:
    outside = connect(None).http
    api.made()
    api.listed()
    entries = outside.get("/_emulator/log").json()["entries"]
    assert [(e["number"], e["method"], e["status"]) for e in entries] == [(1, "POST", 201), (2, "GET", 200)]
    assert len(outside.get("/_emulator/log?after=1").json()["entries"]) == 1
    assert outside.delete("/_emulator/log").status_code == 204
    assert outside.get("/_emulator/log").json() == {"entries": []}
    assert outside.get("/_emulator/log?after=x").status_code == 422


def test_the_log_forgets_the_oldest() -> None:
    log = RequestLog(size=2)
    for path in "abc":
        log.close(log.open("GET", path, "", None), 200)
    assert [(entry.number, entry.path) for entry in log.entries()] == [(2, "b"), (3, "c")]
    assert log.in_flight == 0


def test_controls_need_no_key_and_meet_no_fault(api: Any, connect: Any, emulator: Any) -> None:
    api.made()
    emulator.log.clear()
    emulator.settings = replace(emulator.settings, keys=("none",), rules=(Fault("status"),), latency=5000)
    answer = connect(None).http.get("/_emulator/models")
    assert [model["title"] for model in answer.json()["items"]] == ["Narrator"]
    assert emulator.log.entries() == []


def test_a_model_changed_behind_the_clients_back(api: Any, connect: Any) -> None:
    model = api.made(tags=["a"])
    outside, path = connect(None).http, f"/model/{model['_id']}"
    raw = {
        "state": "failed",
        "dmca_taken_down": True,
        "title": "Edited",
        "tags": ["b"],
        "created_at": "2020-01-01T00:00:00Z",
        "pvc_release_state": "retiring",
        "visibility": "public",
    }
    assert outside.post(f"/_emulator{path.replace('model', 'models')}", json=raw).status_code == 200
    seen = api.http.get(path).json()
    assert {name: seen[name] for name in raw} == raw
    assert seen["updated_at"] > model["updated_at"]
    assert (api.titles(tag="a"), api.titles(tag="b")) == ([], ["Edited"])
    api.made("newer")
    assert api.titles() == ["newer", "Edited"]


def test_locked_visibility_refuses_a_change_of_visibility_only(api: Any, emulator: Any) -> None:
    model = api.made()
    path = f"/model/{model['_id']}"
    emulator.store.update(model["_id"], {"lock_visibility": True})
    emulator.settings = replace(emulator.settings, error_reasons=True)
    refused = api.http.patch(path, json={"title": "x", "visibility": "unlist"})
    assert (refused.status_code, refused.json()["reason"]) == (403, "visibility_locked")
    assert api.http.get(path).json()["title"] == "Narrator"
    assert api.http.patch(path, json={"title": "x", "visibility": "private"}).status_code == 200


def test_a_model_deleted_behind_the_clients_back(api: Any, connect: Any) -> None:
    model_id = api.made()["_id"]
    outside = connect(None).http
    assert outside.delete(f"/_emulator/models/{model_id}").status_code == 204
    assert outside.delete(f"/_emulator/models/{model_id}").status_code == 404
    assert outside.post(f"/_emulator/models/{model_id}", json={}).status_code == 404
    assert api.http.get(f"/model/{model_id}").status_code == 404


@pytest.mark.parametrize(
    "raw",
    [
        {"state": 3},
        {"_id": "x"},
        {"author": {}},
        {"tags": "a"},
        {"title": None},
        {"task_count": "1"},
        {"created_at": "yesterday"},
        {"visibility": "secret"},
        [],
    ],
)
def test_what_could_not_be_kept_is_refused(api: Any, connect: Any, raw: Any) -> None:
    model = api.made()
    answer = connect(None).http.post(f"/_emulator/models/{model['_id']}", json=raw)
    assert answer.status_code == 422
    assert api.http.get(f"/model/{model['_id']}").json()["updated_at"] == model["updated_at"]
