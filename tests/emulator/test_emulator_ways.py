"""Each way that the live provider may have, both sides of its setting, over TCP."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.emulator.conftest import Api
from voicectl.emulator.entity import workspace_of
from voicectl.emulator.settings import Settings
from voicectl.errors import UsageError

PAGE = (Path(__file__).resolve().parents[2] / "voicectl/pages/emulator.md").read_text(encoding="utf-8")


def order(emulator: Any, **settings: Any) -> None:
    emulator.settings = replace(Settings(), **settings)


def seen(api: Api, model: dict[str, Any]) -> dict[str, Any]:
    answer = api.http.get(f"/model/{model['_id']}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def patch(api: Api, model: dict[str, Any], **values: Any) -> None:
    answer = api.http.patch(f"/model/{model['_id']}", json=values)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("status", [404, 403, 400])
def test_an_id_that_is_gone(api: Any, emulator: Any, status: int) -> None:
    assert Settings().gone_status == 404
    order(emulator, gone_status=status)
    path = f"/model/{api.made()['_id']}"
    api.http.delete(path)
    for method, where in (("GET", path), ("PATCH", path), ("DELETE", path), ("GET", "/model/never-was")):
        answer = api.http.request(method, where, json={"title": "t"} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()) == (status, {"status": status, "message": "Model not found"})


@pytest.mark.parametrize("status", [403, 404])
def test_a_foreign_model_that_became_private(api: Any, other: Any, emulator: Any, status: int) -> None:
    assert Settings().foreign_private_status == 403
    order(emulator, foreign_private_status=status)
    model = other.made(visibility="unlist")
    assert api.http.get(f"/model/{model['_id']}").status_code == 200
    patch(other, model, visibility="private")
    assert api.http.get(f"/model/{model['_id']}").status_code == status
    assert seen(other, model)["visibility"] == "private"


@pytest.mark.parametrize(
    ("way", "found"),
    [
        ({}, {"a": 2, "voicectl:acme": 1, "a voicectl:acme": 1}),
        ({"match_any_tag": True}, {"a": 2, "voicectl:acme": 1, "a voicectl:acme": 2}),
        ({"tag_filter": "no_colons"}, {"a": 2, "voicectl:acme": 0, "a voicectl:acme": 0}),
        (
            {"tag_filter": "no_colons", "match_any_tag": True},
            {"a": 2, "voicectl:acme": 0, "a voicectl:acme": 2},
        ),
        ({"tag_filter": "nothing"}, {"a": 0, "voicectl:acme": 0, "a voicectl:acme": 0}),
    ],
)
def test_what_the_tag_filter_finds(api: Any, emulator: Any, way: dict[str, Any], found: dict[str, int]) -> None:
    order(emulator, **way)
    api.made("plain", tags=["a"])
    api.made("marked", tags=["a", "voicectl:acme"])
    assert {tags: len(api.titles(tag=tags.split())) for tags in found} == found
    assert len(api.titles()) == 2


@pytest.mark.parametrize(("way", "left"), [("keep", ["a"]), ("empty", [])])
def test_a_patch_without_tags(api: Any, emulator: Any, way: str, left: list[str]) -> None:
    assert Settings().patch_without_tags == "keep"
    order(emulator, patch_without_tags=way)
    model = api.made(tags=["a"])
    patch(api, model, title="New")
    assert (seen(api, model)["title"], seen(api, model)["tags"]) == ("New", left)
    patch(api, model, tags=["b"])
    assert seen(api, model)["tags"] == ["b"]


@pytest.mark.parametrize(("way", "left"), [("empty", []), ("keep", ["a"])])
def test_a_patch_with_an_empty_list(api: Any, emulator: Any, way: str, left: list[str]) -> None:
    assert Settings().patch_empty_tags == "empty"
    order(emulator, patch_empty_tags=way)
    model = api.made(tags=["a"])
    patch(api, model, tags=[])
    assert seen(api, model)["tags"] == left


SENT = [" Ａbc:Def ", "ÄB", "third"]


@pytest.mark.parametrize(
    ("way", "kept"),
    [
        ({}, SENT),
        ({"tag_length": 4}, [" Ａbc", "ÄB", "thir"]),
        ({"tag_count": 1}, SENT[:1]),
        ({"lower_tags": True}, [" ａbc:def ", "äb", "third"]),
        ({"clean_tags": "strip"}, ["Ａbc:Def", "ÄB", "third"]),
        ({"clean_tags": "nfkc"}, ["Abc:Def", "ÄB", "third"]),
        ({"colon_tags": "drop"}, ["ÄB", "third"]),
        ({"colon_tags": "drop", "tag_count": 1, "tag_length": 1}, ["Ä"]),
    ],
)
def test_what_becomes_of_tags(api: Any, emulator: Any, way: dict[str, Any], kept: list[str]) -> None:
    order(emulator, **way)
    created = api.made(tags=SENT)
    assert created["tags"] == seen(api, created)["tags"] == kept
    changed = api.made()
    patch(api, changed, tags=SENT)
    assert seen(api, changed)["tags"] == kept
    assert len(api.titles(tag=kept[0])) == 2


def test_a_colon_can_be_refused(api: Any, emulator: Any) -> None:
    model = api.made(tags=["a:b"])
    order(emulator, colon_tags="refuse")
    for answer in (api.create(tags=["a:b"]), api.http.patch(f"/model/{model['_id']}", json={"tags": ["x", "a:b"]})):
        assert (answer.status_code, answer.json()[0]["loc"]) == (422, ["tags"])
    assert len(api.titles()) == 1
    assert api.made(tags=["a"])["tags"] == ["a"]


def test_a_slow_creation_ends_without_its_client(api: Any, emulator: Any) -> None:
    order(emulator, creation_seconds=0.4)
    with pytest.raises(httpx.ReadTimeout):
        api.http.post("/model", data={"type": "tts"} | CREATION, files={"voices": b"v"}, timeout=0.1)
    assert api.titles() == []
    assert api.http.get("/model?self=true").elapsed.total_seconds() < 0.4, "only creations take so long"
    deadline = time.monotonic() + 10
    while not api.titles() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert api.titles() == ["late"]
    order(emulator)
    assert api.made("soon", voices=1)["title"] == "soon"


CREATION = {"train_mode": "fast", "title": "late", "visibility": "private"}


@pytest.fixture
def clock(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The store's time: what lags is set by it, and no test waits."""
    now = [time.time()]
    monkeypatch.setattr(emulator.store, "_clock", lambda: now[0])
    return now


def test_listings_lag(api: Any, emulator: Any, clock: list[float]) -> None:
    order(emulator, listing_lag=10)
    first, second = api.made("first", tags=["a"]), api.made("second", tags=["a"])
    assert (api.listed()["items"], api.listed()["total"]) == ([], 0)
    assert seen(api, first)["title"] == "first", "GET has a lag of its own"
    clock[0] += 11
    assert api.titles(tag="a") == ["second", "first"]
    patch(api, first, title="renamed", tags=["b"])
    api.http.delete(f"/model/{second['_id']}")
    assert api.titles(tag="a") == ["second", "first"]
    assert api.titles(tag="b") == []
    assert seen(api, first)["title"] == "renamed"
    assert [model["title"] for model in emulator.store.models()] == ["renamed"], "what is shown changes nothing"
    clock[0] += 11
    assert (api.titles(tag="b"), api.titles(tag="a"), api.listed()["total"]) == (["renamed"], [], 1)
    api.made("third")
    assert api.listed()["total"] == 1
    order(emulator)
    assert (api.titles(), api.listed()["total"]) == (["third", "renamed"], 2), "no count of the past is remembered"


def test_one_model_lags(api: Any, emulator: Any, clock: list[float]) -> None:
    order(emulator, get_lag=10)
    model = api.made("first")
    path = f"/model/{model['_id']}"
    assert api.http.get(path).status_code == 404
    assert api.titles() == ["first"], "a listing has a lag of its own"
    clock[0] += 11
    patch(api, model, title="second")
    clock[0] += 5
    patch(api, model, title="third")
    assert seen(api, model)["title"] == "first"
    clock[0] += 6
    assert seen(api, model)["title"] == "second"
    api.http.delete(path)
    clock[0] += 6
    assert seen(api, model)["title"] == "third", "deleted, but not for who looks"
    clock[0] += 6
    assert api.http.get(path).status_code == 404


def test_a_lag_is_of_the_account_whoever_made_the_change(api: Any, emulator: Any, clock: list[float]) -> None:
    model = api.made("made")
    clock[0] += 11
    order(emulator, listing_lag=10, get_lag=10)
    api.http.post(f"/_emulator/models/{model['_id']}", json={"title": "behind its back"})
    assert (api.titles(), seen(api, model)["title"]) == (["made"], "made")
    clock[0] += 11
    assert (api.titles(), seen(api, model)["title"]) == (["behind its back"], "behind its back")


@pytest.mark.parametrize(("way", "listed"), [(False, ["own"]), (True, ["own", "theirs"])])
def test_saved_models_under_self(api: Any, other: Any, connect: Any, emulator: Any, way: bool, listed: Any) -> None:
    assert Settings().self_lists_saved is False
    order(emulator, self_lists_saved=way)
    models = [other.made(title, visibility="unlist", tags=["t"]) for title in ("theirs", "unsaved")]
    api.made("own", tags=["t"])
    outside = connect(None).http
    assert outside.post(f"/_emulator/models/{models[0]['_id']}/saves", json={"key": "key-one"}).status_code == 204
    assert api.titles() == api.titles(tag="t") == listed
    assert api.listed()["total"] == len(listed)
    assert other.titles() == ["unsaved", "theirs"]
    patch(other, models[0], visibility="private")
    assert api.titles() == ["own"]
    assert outside.post("/_emulator/models/none/saves", json={"key": "key-one"}).status_code == 404
    assert outside.post(f"/_emulator/models/{models[1]['_id']}/saves", json={"key": ""}).status_code == 422
    assert emulator.store.save(models[1]["_id"], workspace_of("key-one"))
    assert ("unsaved" in api.titles()) is way


def test_covers_are_paths_or_signed_at_every_look(api: Any, emulator: Any) -> None:
    model = api.made(cover=True)
    assert seen(api, model)["cover_image"] == model["cover_image"] != ""
    order(emulator, signed_covers=True)
    looks = [seen(api, model)["cover_image"] for _ in range(2)] + [api.listed()["items"][0]["cover_image"]]
    assert len(set(looks)) == 3
    assert {look.partition("?")[0].partition(".invalid/")[2] for look in looks} == {model["cover_image"]}
    assert api.made()["cover_image"] == ""


def test_states_and_takedowns_that_nobody_has_seen(api: Any, connect: Any) -> None:
    model = api.made()
    assert (model["takedown_category"], model["licensed"]) == (None, False)
    for values in (
        {"state": 'pau"sed', "takedown_category": "policy"},
        {"state": "trained", "takedown_category": "dmca", "dmca_taken_down": True},
    ):
        connect(None).http.post(f"/_emulator/models/{model['_id']}", json=values).raise_for_status()
        assert {name: seen(api, model)[name] for name in values} == values
        assert {name: api.listed()["items"][0][name] for name in values} == values


@pytest.mark.parametrize(("way", "keys"), [(False, {"status", "message"}), (True, {"status", "message", "reason"})])
def test_reasons_are_told_where_they_are_asked_for(api: Any, emulator: Any, way: bool, keys: set[str]) -> None:
    order(emulator, error_reasons=way)
    assert set(api.http.post("/v1/tts", json={"text": " "}).json()) == keys


def test_every_setting_is_in_the_pages_table_with_its_default() -> None:
    rows = [line.split("|")[1:4] for line in PAGE.splitlines() if line.startswith("| `")]
    told = {name: row[1] for row in rows for name in row[0].replace("`", " ").replace(",", " ").split()}
    for each in fields(Settings):
        if each.name != "rules":
            assert each.name in told, f"{each.name} is not in the table"
            if isinstance(each.default, str | bool | int) and each.default is not None:
                assert str(each.default).lower() in told[each.name].lower(), each.name


FINDINGS = {
    "format_version": "1.0",
    "assumptions": [{"name": "tags are kept as sent", "holds": "no", "detail": "cut to 20"}],
    "settings": {"tag_length": 20, "gone_status": 403, "keys": ["k"]},
}


def test_findings_of_a_live_provider_are_settings(tmp_path: Path) -> None:
    path = tmp_path / "live.json"
    path.write_text(json.dumps(FINDINGS))
    assert Settings.from_findings(path) == Settings(tag_length=20, gone_status=403, keys=("k",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not valid JSON"),
        ("[]", "`format_version` is not 1.x"),
        ('{"format_version": "2.0", "settings": {}}', "`format_version` is not 1.x"),
        ('{"format_version": "1.0"}', "`settings` is missing"),
        (
            '{"format_version": "1.0", "settings": {"tag_lenght": 2, "mood": 1}}',
            "settings: tag_lenght: unknown key; did you mean 'tag_length'?; mood: unknown key",
        ),
        (
            '{"format_version": "1.0", "settings": {"tag_length": "2"}}',
            "settings: tag_length: '2': Input should be a valid integer",
        ),
        ('{"format_version": "1.0", "settings": []}', "settings: must be a mapping"),
    ],
)
def test_findings_that_are_none_are_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "live.json"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        Settings.from_findings(path)
    assert caught.value.message.startswith(str(path))
    assert words in caught.value.message
    assert caught.value.hint
    with pytest.raises(UsageError, match="No such file"):
        Settings.from_findings(tmp_path / "none.json")


def test_the_command_is_like_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "live.json"
    path.write_text(json.dumps(FINDINGS))
    command = [sys.executable, "-m", "voicectl", "emulator", "--port", "0", "--like", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            api = Api(process.stdout.readline().strip(), "k")
            assert api.made(tags=["x" * 30])["tags"] == ["x" * 20]
            assert api.http.get("/model/none").status_code == 403
            api.http.close()
        finally:
            process.terminate()
    both = subprocess.run([*command, "--faults", str(path)], capture_output=True, text=True, check=False)
    assert (both.returncode, "exclude each other" in both.stderr) == (1, True)
