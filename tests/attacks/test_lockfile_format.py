"""What a lockfile of another revision, or one that somebody laid out by hand, can do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Hand, Project


def edit(project: Project, **values: Any) -> None:
    lock = project.lock | values
    project.lock_path.write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n")


def test_keys_of_a_newer_revision_are_kept_and_move_along(project: Project, hand: Hand) -> None:
    project.config(policy={"max_deletes": 9, "max_replaces": 9})
    project.voices({"a": {}, "b": {}, "c": {}})
    project.apply()
    lock = project.lock
    lock["revision"] = 7
    lock["later"] = {"deep": [1, 2]}
    for name in "abc":
        lock["voices"][name]["later"] = name
    lock["voices"]["a"]["applied"]["later"] = True
    lock["voices"]["a"]["samples"][0]["later"] = 1.5
    edit(project, **lock)
    before = project.lock_path.read_bytes()
    # Nothing else changes: not a byte does.
    project.settled()
    project.apply()
    assert project.lock_path.read_bytes() == before
    # A rename, an update, a removal: the keys go where their records go.
    project.voices(
        {"x": {"samples": [{"audio": "../samples/a.wav"}]}, "b": {"title": "New"}}, moved=[{"from": "a", "to": "x"}]
    )
    project.apply()
    lock = project.lock
    assert (lock["revision"], lock["later"]) == (7, {"deep": [1, 2]})
    assert lock["voices"]["x"]["later"] == "a"
    assert lock["voices"]["x"]["applied"]["later"] is True
    assert lock["voices"]["x"]["samples"][0]["later"] == 1.5
    assert lock["voices"]["b"]["later"] == "b"


@pytest.mark.parametrize("revision", [None, 1, 2])
def test_an_unknown_key_hides_in_a_revision_that_has_none(project: Project, hand: Hand, revision: int | None) -> None:
    project.voices({"a": {}})
    project.apply()
    lock = project.lock
    lock["voices"]["a"]["surprise"] = 1
    lock.pop("revision", None)
    project.lock_path.write_text(json.dumps(lock | ({} if revision is None else {"revision": revision}), indent=2))
    hand.emulator.log.clear()
    assert "voices.a.surprise: unknown key" in project.run("apply", "--yes").expect(1).err
    assert hand.requests() == []


def test_a_wrong_value_hides_in_a_newer_revision(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    project.apply()
    lock = project.lock
    lock["voices"]["a"] |= {"surprise": 1, "id": "../../etc"}
    edit(project, **lock, revision=7) if "revision" not in lock else edit(project, **(lock | {"revision": 7}))
    hand.emulator.log.clear()
    assert "voices.a.id: voicectl can't have written this id" in project.run("apply", "--yes").expect(1).err
    assert hand.requests() == []


def test_who_changed_a_record_is_said_only_where_it_changes(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "b": {}})
    project.apply()
    first = {name: record["changed"] for name, record in project.lock["voices"].items()}
    assert first["a"]["run"] == first["b"]["run"] != ""
    project.voices({"a": {"title": "New"}, "b": {}})
    project.apply()
    second = {name: record["changed"] for name, record in project.lock["voices"].items()}
    assert second["b"] == first["b"]
    assert second["a"]["run"] != first["a"]["run"]
    before = project.lock_path.read_bytes()
    project.apply()
    assert project.lock_path.read_bytes() == before
