"""A lockfile that was lost, and a lock that will not go away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Hand, Project
from voicectl.files import Scratch
from voicectl.state.file import FileStore

COVER = b"\x89PNG\r\n\x1a\n" + bytes(32)


@pytest.fixture
def rich(project: Project, hand: Hand) -> Project:
    """Replaced, removed, adopted, external, protected and moved voices."""
    project.config(policy={"max_deletes": 9, "max_replaces": 9})
    (project.root / "covers").mkdir()
    (project.root / "covers/a.png").write_bytes(COVER)
    names = ("plain", "replaced", "gone", "protected", "teller")
    voices: dict[str, Any] = {name: {"description": f"About {name}", "tags": ["x", name]} for name in names}
    voices["protected"]["lifecycle"] = {"protect": True, "retain": "30d"}
    voices["plain"] |= {"visibility": "public", "cover_image": "../covers/a.png"}
    voices["adopted"] = {"model": hand.create("Adopted"), "title": "Adopted"}
    voices["guest"] = {"model": hand.create("Guest"), "title": "Guest", "external": True}
    project.voices(voices)
    project.apply()
    voices["replaced"]["samples"] = [{"audio": project.sample("replaced.wav", "another")}]
    del voices["gone"]
    project.voices(voices)
    project.apply()
    return project


def comparable(lock: dict[str, Any]) -> dict[str, Any]:
    """A lockfile without what can't be known again."""
    for record in [*lock["voices"].values(), *lock["removed"].values()]:
        for gone in record["retired"]:
            del gone["retired_at"], gone["delete_after"], gone["inputs"]
            gone.pop("samples", None)
        record.pop("changed", None)
    return lock


def test_the_rebuilt_lockfile_is_the_lost_one_and_the_next_plan_is_empty(rich: Project, hand: Hand) -> None:
    before = rich.lock
    rich.lock_path.unlink()
    hand.emulator.log.clear()
    done = rich.run("state", "rebuild").expect(0)
    assert hand.mutating() == []
    assert comparable(rich.lock) == comparable(before)
    assert "not known: replaced: the numbers of its generations" in done.err
    assert "its retention starts again" in done.err
    rich.settled()


def test_it_is_bytes_alike_where_nothing_is_lost_and_says_so(project: Project) -> None:
    project.voices({name: {"tags": ["x"]} for name in ("a", "b")})
    project.apply()
    before = project.lock_path.read_bytes()
    assert "nothing to do" in project.run("state", "rebuild").expect(0).out
    project.lock_path.unlink()
    project.run("state", "rebuild").expect(0)
    assert comparable(project.lock) == comparable(json.loads(before)), "who changed it, and when, went with it"


def test_a_broken_one_is_replaced_only_when_asked_and_kept(rich: Project) -> None:
    rich.lock_path.write_text("<<<<<<< ours\n")
    assert "--yes" in rich.run("state", "rebuild").expect(3).err
    assert rich.lock_path.read_text() == "<<<<<<< ours\n"
    done = rich.run("state", "rebuild", "--yes").expect(0)
    (backup,) = (rich.root / ".voicectl/backups").iterdir()
    assert backup.read_text() == "<<<<<<< ours\n"
    assert backup.name in done.err
    rich.settled()


def test_what_differs_from_the_manifests_is_set_right_by_the_next_apply(rich: Project, hand: Hand) -> None:
    model = rich.lock["voices"]["plain"]["id"]
    hand.patch(model, title="By hand")
    rich.lock_path.unlink()
    rich.run("state", "rebuild").expect(0)
    assert rich.actions() == [("plain", "update")]
    rich.apply()
    assert hand.get(model)["title"] == "Plain"


def test_removals_can_be_undone_after_it(rich: Project, hand: Hand) -> None:
    gone = rich.lock["removed"]["gone"]["retired"][0]["id"]
    rich.lock_path.unlink()
    rich.run("state", "rebuild").expect(0)
    assert rich.lock["removed"]["gone"]["retired"][0]["id"] == gone
    text = (rich.root / "voices/all.yaml").read_text()
    entry = "  gone: {title: Gone, description: About gone, tags: [x, gone], samples: [{audio: ../samples/gone.wav}]}\n"
    (rich.root / "voices/all.yaml").write_text(text + entry)
    rich.apply()
    assert rich.lock["voices"]["gone"]["id"] == gone


def test_an_empty_account_rebuilds_nothing(project: Project) -> None:
    """It may be the wrong account; where it is the right one, `apply` needs no lockfile."""
    project.voices({"a": {}})
    assert "nothing was written" in project.run("state", "rebuild").expect(1).err
    assert not project.lock_path.exists()
    project.apply()


def lease(project: Project) -> FileStore:
    return FileStore(project.lock_path, project.lock_path.name, Scratch(project.root))


def test_unlock_shows_the_holder_and_asks(project: Project) -> None:
    project.voices({"a": {}})
    assert "is not locked" in project.run("state", "unlock").expect(0).out
    with lease(project).lease("voicectl apply", 0, lambda holder: None):
        project.run("apply", "--yes").expect(4)
        done = project.run("state", "unlock").expect(3)
        assert "voicectl apply" in done.err
        assert "pid" in done.err
        project.run("state", "unlock", "--yes").expect(0)
        project.apply()
    assert list((project.root / ".voicectl/backups").iterdir())
    assert "is not locked" in project.run("state", "unlock").expect(0).out


def test_a_rebuild_waits_for_no_other_run(project: Project) -> None:
    project.voices({"a": {}})
    with lease(project).lease("voicectl apply", 0, lambda holder: None):
        project.run("state", "rebuild").expect(4)


def test_no_backup_no_replacement(rich: Project, tmp_path: Path) -> None:
    before = json.dumps(rich.lock)
    rich.lock_path.write_text(before)
    (rich.root / ".voicectl/backups").write_text("in the way")
    rich.run("state", "rebuild", "--yes").expect(1)
    assert rich.lock_path.read_text() == before


def test_generations_with_one_marker_are_all_kept(project: Project, hand: Hand) -> None:
    """A model whose training failed and the one made after it have the same inputs."""
    from dataclasses import replace

    hand.emulator.settings = replace(hand.emulator.settings, training_seconds=1, fail_training=("Broken*",))
    project.config(policy={"max_deletes": 9, "max_replaces": 9})
    project.voices({"ok": {}, "bad": {"title": "Broken"}})
    project.run("apply", "--yes", "--wait", "10").expect(1)
    project.voices({"ok": {}, "bad": {"title": "Good"}})
    project.run("apply", "--yes", "--retry-failed", "--wait", "10").expect(0)
    project.voices({"ok": {}})
    project.apply()
    before = {gone["id"] for gone in project.lock["removed"]["bad"]["retired"]}
    assert len(before) == 2
    project.lock_path.unlink()
    assert "prune" not in {action for _, action in project.actions()}, "recovery deletes nothing"
    project.run("state", "rebuild").expect(0)
    assert {gone["id"] for gone in project.lock["removed"]["bad"]["retired"]} == before
    project.settled()


def test_a_replacement_that_was_still_to_come_is_not_forgotten(project: Project) -> None:
    project.voices({"a": {}})
    project.apply()
    model = project.lock["voices"]["a"]["id"]
    project.sample("a.wav", "another")
    project.lock_path.unlink()
    assert project.actions() == [("a", "replace")]
    project.run("state", "rebuild").expect(0)
    assert project.actions() == [("a", "replace")]
    project.apply()
    assert project.lock["voices"]["a"]["id"] != model
