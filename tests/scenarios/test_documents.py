"""What machines read: one document on standard output, as its schema says, on success and on failure."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from tests.conftest import Hand, Project
from voicectl.cli.commands import schema as schemas


def check(kind: str, value: Any) -> None:
    jsonschema.validate(value, schemas.schema(kind))


def test_plans_of_every_action_fit_their_schema(project: Project, hand: Hand) -> None:
    project.config(retain=0, policy={"max_deletes": 9, "max_replaces": 9})
    project.voices({name: {} for name in "abcdef"})
    check("plan", project.plan())
    project.apply()
    project.sample("a.wav", "new")
    hand.patch(project.lock["voices"]["b"]["id"], title="By hand")
    hand.create("orphan", tags=["voicectl:acme", "voicectl:acme:z:0123456789ab"])
    keep = {"name": "d", "keep_model": True}
    voices = {"a": {}, "b": {}, "e": {"title": "Moved", "samples": [{"audio": "../samples/f.wav"}]}, "c": {}}
    project.voices(voices, removed=[keep], moved=[])
    plan = project.plan()
    check("plan", plan)
    assert {change["action"] for change in plan["changes"]} >= {"update", "replace", "prune", "forget", "retire"}
    assert plan["summary"]["replace"] == sum(change["action"] == "replace" for change in plan["changes"])


def test_the_lockfile_fits_its_schema_and_is_sorted_and_stable(project: Project) -> None:
    project.voices({"b": {}, "a": {"tags": ["é", "z"]}})
    project.apply()
    text = project.lock_path.read_text(encoding="utf-8")
    check("lock", json.loads(text))
    assert text.endswith("}\n")
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    project.apply()
    assert project.lock_path.read_text(encoding="utf-8") == text
    project.voices({"b": {}, "a": {"tags": ["é", "z"], "title": "New"}})
    project.apply()
    project.voices({"b": {}, "a": {"tags": ["é", "z"]}})
    project.apply()
    assert timeless(project.lock_path.read_text(encoding="utf-8")) == timeless(text)


def timeless(text: str) -> str:
    """A lockfile without which run changed its records, and when."""
    stamps = ('"changed":', '"run":', '"at":')
    return "".join(line for line in text.splitlines(keepends=True) if not any(stamp in line for stamp in stamps))


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "--format", "json"],
        ["apply", "--format", "json"],
        ["list", "--format", "json"],
        ["show", "nobody", "--format", "json"],
        ["validate", "--format=json"],
        ["destroy", "--confirm", "other", "--format", "json"],
        ["plan", "--format", "json", "--nonsense"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("broken", ["manifest", "project", "nothing"])
def test_standard_output_is_one_document(project: Project, arguments: list[str], broken: str) -> None:
    project.voices({"a": {}})
    if broken == "manifest":
        project.write("voices/b.yaml", "voices: {b: {}}\n")
    if broken == "project":
        project.write("voicectl.yaml", "catalogue: x\n")
    done = project.run(*arguments)
    value = done.json
    if "error" in value and "results" not in value:
        check("error", value)
        assert done.code in (1, 3)
        assert done.err


def test_output_in_every_format(project: Project) -> None:
    import yaml

    project.voices({"narrator-2": {}, "no": {}})
    project.apply()
    ids = {name: record["id"] for name, record in project.lock["voices"].items()}
    assert project.run("output", "--format", "json").json == ids
    assert yaml.safe_load(project.run("output", "--format", "yaml").out) == ids
    lines = project.run("output", "--prefix", "V_").out.splitlines()
    assert lines == [f"V_NARRATOR_2={ids['narrator-2']}", f"V_NO={ids['no']}"]
    project.run("output", "--prefix", "1;").expect(1)


def test_offline_plans_need_neither_key_nor_network(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "b": {}})
    project.apply()
    project.voices({"a": {"title": "New"}, "b": {}})
    hand.emulator.log.clear()
    del project.environ["FISH_API_KEY"]
    plan = project.plan("--offline")
    check("plan", plan)
    assert [(c["name"], c["action"]) for c in plan["changes"]] == [("a", "update")]
    assert "offline" in project.run("plan", "--offline").out
    assert hand.requests() == []


def test_selectors_choose_and_count(project: Project, hand: Hand) -> None:
    project.voices({"a1": {"tags": ["x"]}, "a2": {}, "b": {"tags": ["x"]}})
    assert [name for name, _ in project.actions("--only", "a*")] == ["a1", "a2"]
    assert [name for name, _ in project.actions("--only", "tag:x", "--exclude", "b")] == ["a1"]
    assert project.plan("--only", "b")["summary"]["left_out"] == 2
    project.run("apply", "--yes", "--only", "b").expect(0)
    assert list(project.lock["voices"]) == ["b"]
    project.apply()
    project.settled()


def test_guards_show_the_whole_plan_and_refuse_all_of_it(project: Project, hand: Hand) -> None:
    project.voices({name: {} for name in "abcde"})
    project.apply()
    project.voices({"a": {}, "b": {}, "c": {"title": "New"}})
    hand.emulator.log.clear()
    done = project.run("apply", "--yes").expect(3)
    assert "--max-deletes 2" in done.out
    assert "1 to update, 2 to retire" in done.out
    assert not hand.mutating()
    project.run("apply", "--yes", "--exclude", "e").expect(0)
    assert "e" in project.lock["voices"]
    project.run("apply", "--yes", "--max-deletes", "1").expect(0)
    project.voices({})
    assert "voicectl destroy" in project.run("apply", "--yes").expect(3).out


def test_protection_takes_two_applies_to_lift(project: Project, hand: Hand) -> None:
    project.voices({"a": {"lifecycle": {"protect": True}}, "b": {}})
    project.apply()
    project.voices({"b": {}})
    assert "protected" in project.run("apply", "--yes").expect(3).err
    project.run("destroy", "--confirm", "acme").expect(3)
    project.voices({"a": {"lifecycle": {"protect": False}}, "b": {}})
    project.apply()
    project.voices({"b": {}})
    project.apply()
    assert "a" not in project.lock["voices"]


def test_a_wrong_key_looks_like_lost_models_and_is_refused(project: Project, hand: Hand) -> None:
    project.voices({name: {} for name in "abcd"})
    project.apply()
    project.environ["FISH_API_KEY"] = "the-key-of-another-workspace"
    hand.emulator.log.clear()
    done = project.run("apply", "--yes")
    assert done.code in (1, 3)
    assert not hand.mutating()
    project.environ["FISH_API_KEY"] = "key-of-the-tests-1234"
    for record in project.lock["voices"].values():
        hand.delete(record["id"])
    assert "none of 4 recorded models is visible" in project.run("apply", "--yes").expect(3).err
    project.run("apply", "--yes", "--recreate-missing").expect(0)
    project.settled()


def test_consent(project: Project, hand: Hand) -> None:
    project.config(policy={"require_consent": ["unlist"], "max_deletes": 9})
    project.voices({"a": {"visibility": "unlist"}, "b": {}})
    assert "it has none" in project.run("apply", "--yes").expect(3).err
    assert "voices/all.yaml:2:3: unlist voices need a consent" in project.run("validate").expect(1).err
    consent = {"speaker": "Jane Roe", "granted_on": "2020-01-01", "visibilities": ["private", "unlist"]}
    project.voices({"a": {"visibility": "unlist", "consent": {**consent, "expires_on": "2021-01-01"}}, "b": {}})
    assert "expired on 2021-01-01" in project.run("apply", "--yes").expect(3).err
    project.voices({"a": {"visibility": "unlist", "consent": consent}, "b": {}})
    project.apply()
    project.settled()
    withdrawn = {**consent, "withdrawn_on": "2021-01-01"}
    project.voices({"a": {"visibility": "unlist", "lifecycle": {"protect": True}, "consent": withdrawn}, "b": {}})
    assert ("a", "prune") in project.actions()
    project.apply()
    assert len(hand.models()) == 1
    assert "samples/a.wav" in project.run("plan").out
    project.settled()
    project.voices({"c": {"samples": [{"audio": "../samples/a.wav"}]}, "a": {"consent": withdrawn}, "b": {}})
    assert "withdrawn" in project.run("apply", "--yes").expect(3).err
