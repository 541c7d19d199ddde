"""Saved plans: what was reviewed is what is applied, or nothing is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Hand, Project, age
from voicectl.plan.saved import MAX_BYTES


@pytest.fixture
def applied(project: Project) -> Project:
    project.config(policy={"max_deletes": 9, "max_replaces": 9})
    project.voices({name: {} for name in ("a", "b", "c", "d")})
    project.apply()
    return project


def change_all(project: Project) -> None:
    """One create, one update, one replacement, one removal; `d` stays."""
    project.sample("b.wav", "another")
    voices = {"a": {"title": "New"}, "b": {"samples": [{"audio": "../samples/b.wav"}]}, "e": {}}
    project.voices(voices | {"d": {"samples": [{"audio": "../samples/d.wav"}]}})


def save(project: Project, *arguments: str) -> Path:
    project.run("plan", "--out", "plan.json", *arguments).expect(0)
    return project.root / "plan.json"


def apply(project: Project, *arguments: str) -> Any:
    return project.run("apply", "plan.json", "--yes", *arguments)


def test_it_is_applied_as_saved_and_once(applied: Project, hand: Hand) -> None:
    change_all(applied)
    saved = json.loads(save(applied).read_text())
    now = applied.plan()
    for before, after in zip(saved["changes"], now["changes"], strict=True):
        # Both count from the moment of their plan.
        assert before.pop("undo_until") <= after.pop("undo_until") if before.get("undo_until") else True
    assert saved == now
    done = apply(applied, "--format", "json").expect(0)
    assert {(r["name"], r["action"]) for r in done.json["results"]} == {
        ("a", "update"), ("b", "replace"), ("c", "retire"), ("e", "create"),
    }  # fmt: skip
    applied.settled()
    hand.emulator.log.clear()
    again = apply(applied).expect(0)
    assert "No changes" in again.out
    assert hand.mutating() == []


def test_every_format_shows_it_anywhere(applied: Project, tmp_path: Path) -> None:
    change_all(applied)
    text = applied.run("plan", "--out", "plan.json").expect(0).out
    elsewhere = Project(tmp_path / "elsewhere")
    elsewhere.root.mkdir()
    path = str(applied.root / "plan.json")
    assert elsewhere.run("show-plan", path).expect(0).out == text
    assert elsewhere.run("show-plan", path, "--format", "json").expect(0).json == json.loads(Path(path).read_text())
    shown = elsewhere.run("show-plan", path, "--format", "markdown").expect(0).out
    assert shown == applied.run("plan", "--format", "markdown").expect(0).out
    assert elsewhere.run("-C", str(applied.root), "show-plan", "plan.json").expect(0).out == text


def edit_by_hand(project: Project, hand: Hand) -> None:
    hand.patch(project.lock["voices"]["a"]["id"], title="By hand")


def edit_another_field_by_hand(project: Project, hand: Hand) -> None:
    hand.patch(project.lock["voices"]["a"]["id"], description="By hand")


def edit_an_unchanged_voice_by_hand(project: Project, hand: Hand) -> None:
    hand.patch(project.lock["voices"]["d"]["id"], title="By hand")


def edit_what_is_replaced_by_hand(project: Project, hand: Hand) -> None:
    hand.patch(project.lock["voices"]["b"]["id"], title="By hand")


def edit_what_is_retired_by_hand(project: Project, hand: Hand) -> None:
    hand.patch(project.lock["voices"]["c"]["id"], title="By hand")


def delete_by_hand(project: Project, hand: Hand) -> None:
    hand.delete(project.lock["voices"]["b"]["id"])


def edit_the_manifest(project: Project, hand: Hand) -> None:
    path = project.root / "voices/all.yaml"
    path.write_text(path.read_text().replace("title: New", "title: Newer"))


def take_it_back_in_git(project: Project, hand: Hand) -> None:
    path = project.root / "voices/all.yaml"
    path.write_text(path.read_text().replace("title: New", "title: A"))


def bring_the_removed_back(project: Project, hand: Hand) -> None:
    path = project.root / "voices/all.yaml"
    path.write_text(path.read_text() + "  c:\n    title: C\n    samples: [{audio: ../samples/c.wav}]\n")


def edit_a_sample(project: Project, hand: Hand) -> None:
    project.sample("e.wav", "another")


def add_a_voice(project: Project, hand: Hand) -> None:
    path = project.root / "voices/all.yaml"
    project.sample("f.wav")
    path.write_text(path.read_text() + "  f:\n    title: F\n    samples: [{audio: ../samples/f.wav}]\n")


def change_the_lock(project: Project, hand: Hand) -> None:
    lock = project.lock
    lock["voices"]["a"]["applied"]["title"] = "Merged"
    project.lock_path.write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n")


@pytest.mark.parametrize(
    ("move", "who"),
    [
        (edit_by_hand, "a (account)"),
        (edit_another_field_by_hand, "a (account)"),
        (edit_an_unchanged_voice_by_hand, "d (account)"),
        (edit_what_is_replaced_by_hand, "b (account)"),
        (edit_what_is_retired_by_hand, "c (account)"),
        (delete_by_hand, "b (account)"),
        (edit_the_manifest, "a (Git)"),
        (take_it_back_in_git, "a (Git)"),
        (bring_the_removed_back, "c (Git)"),
        (edit_a_sample, "e (Git)"),
        (add_a_voice, "f (Git)"),
        (change_the_lock, "a (lockfile)"),
    ],
)
def test_it_is_stale_where_it_matters(
    applied: Project, hand: Hand, move: Callable[[Project, Hand], None], who: str
) -> None:
    change_all(applied)
    save(applied)
    move(applied, hand)
    lock = applied.lock_path.read_bytes()
    hand.emulator.log.clear()
    done = apply(applied).expect(4)
    assert who in done.err
    assert "stale" in done.err
    assert hand.mutating() == []
    assert applied.lock_path.read_bytes() == lock
    assert apply(applied, "--format", "json").expect(4).json["error"]["code"] == "plan_stale"


def test_other_voices_may_move_as_long_as_they_are_in_step(applied: Project, hand: Hand) -> None:
    """Another pull request that was merged and applied in between."""
    path = applied.root / "voices/all.yaml"
    path.write_text(path.read_text().replace("title: A\n", "title: New\n"))
    save(applied)
    mine = path.read_text()
    path.write_text(mine.replace("title: New\n", "title: A\n").replace("title: D\n", "title: Merged\n"))
    applied.apply()
    path.write_text(mine.replace("title: D\n", "title: Merged\n"))
    apply(applied).expect(0)
    applied.settled()


def test_a_retention_that_ran_out_since_is_left_to_the_next_apply(applied: Project, hand: Hand) -> None:
    change_all(applied)
    applied.apply()
    path = applied.root / "voices/all.yaml"
    path.write_text(path.read_text().replace("title: New", "title: Newer"))
    save(applied)
    (gone,) = applied.lock["removed"]["c"]["retired"]
    age(applied, hand, gone)
    apply(applied).expect(0)
    assert hand.get(gone["id"])["_id"] == gone["id"]
    assert applied.actions() == [("c", "prune")]


def test_its_own_selectors_hold(applied: Project) -> None:
    change_all(applied)
    save(applied, "--only", "a", "--only", "e")
    apply(applied, "--only", "a").expect(1)
    done = apply(applied, "--format", "json").expect(0)
    assert {r["name"] for r in done.json["results"]} == {"a", "e"}
    assert {name for name, _ in applied.actions()} == {"b", "c"}


def test_limits_are_those_of_the_command_line_not_of_the_file(applied: Project, hand: Hand) -> None:
    applied.config(policy={"max_deletes": 0})
    change_all(applied)
    applied.run("plan", "--out", "plan.json").expect(3)
    hand.emulator.log.clear()
    apply(applied).expect(3)
    assert hand.mutating() == []
    path = applied.root / "plan.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "refusals": []}))
    assert "--max-deletes" in apply(applied, "--format", "json").expect(3).json["error"]["hint"]
    assert hand.mutating() == []
    apply(applied, "--max-deletes", "1").expect(0)


def test_a_plan_that_keeps_drift_needs_the_same_flag(applied: Project, hand: Hand) -> None:
    change_all(applied)
    hand.patch(applied.lock["voices"]["d"]["id"], title="By hand")
    save(applied, "--on-drift", "keep")
    assert "--on-drift" in apply(applied).expect(4).err
    apply(applied, "--on-drift", "keep").expect(0)
    assert hand.get(applied.lock["voices"]["d"]["id"])["title"] == "By hand"


def test_drift_that_was_to_be_kept_is_not_overwritten_beside_a_change(applied: Project, hand: Hand) -> None:
    path = applied.root / "voices/all.yaml"
    path.write_text(path.read_text().replace("title: A\n", "title: A\n    description: New\n"))
    model = applied.lock["voices"]["a"]["id"]
    hand.patch(model, title="By hand")
    save(applied, "--on-drift", "keep")
    apply(applied).expect(4)
    assert hand.get(model)["title"] == "By hand"
    apply(applied, "--on-drift", "keep").expect(0)
    assert (hand.get(model)["title"], hand.get(model)["description"]) == ("By hand", "New")


def test_what_a_plan_shows_is_what_it_means(applied: Project, hand: Hand) -> None:
    """Values that somebody rewrote in the file, digests and all left as they were."""
    change_all(applied)
    content = json.loads(save(applied).read_text())
    for change in content["changes"]:
        if change["name"] == "a":
            change["title"] = "Harmless"
            change["fields"][0]["desired"] = "Harmless"
    (applied.root / "plan.json").write_text(json.dumps(content))
    assert "a (" in apply(applied).expect(4).err


def test_a_voice_that_finishes_training_meanwhile_makes_nothing_stale(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "d": {}})
    project.apply()
    lock = project.lock
    lock["voices"]["d"]["state"] = "training"
    project.lock_path.write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n")
    hand.raw(lock["voices"]["d"]["id"], state="training")
    project.voices({"a": {"title": "New"}, "d": {}})
    save(project)
    hand.raw(lock["voices"]["d"]["id"], state="trained")
    apply(project).expect(0)


def tampered(project: Project, **keys: Any) -> None:
    path = project.root / "plan.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"catalog": "other"}, "catalog other"),
        ({"environment": "staging"}, "environment staging"),
        ({"provider": {"name": "fish", "host": "evil.example", "account": None}}, "endpoint evil.example"),
        ({"provider": {"name": "emulator", "host": "emulator", "account": None}}, "provider emulator"),
        ({"offline": True}, "offline"),
        ({"format_version": "2.0"}, "newer"),
        ({"format_version": 7}, "no saved plan"),
        ({"surprise": 1}, "unknown key"),
        ({"changes": [{"name": "../../etc", "action": "create"}]}, "changes.0.name"),
        ({"changes": [{"name": "a", "action": "steal"}]}, "changes.0.action"),
        ({"changes": 5}, "changes"),
    ],
)
def test_a_tampered_plan_leads_nowhere(applied: Project, hand: Hand, keys: dict[str, Any], said: str) -> None:
    change_all(applied)
    save(applied)
    tampered(applied, **keys)
    hand.emulator.log.clear()
    done = apply(applied).expect(1)
    assert said in done.err
    assert hand.mutating() == []


def test_a_plan_of_another_account_is_refused(applied: Project) -> None:
    change_all(applied)
    provider = json.loads(save(applied).read_text())["provider"]
    tampered(applied, provider={**provider, "account": "f" * 32})
    assert "of account ffff" in apply(applied).expect(1).err


def test_a_change_put_into_a_plan_by_somebody_is_not_made(applied: Project, hand: Hand) -> None:
    """The file decides nothing: what the three sides don't want is not done, whatever the file says."""
    change_all(applied)
    content = json.loads(save(applied).read_text())
    victim = applied.lock["voices"]["d"]["id"]
    digests = content["changes"][0]["digests"] | {"recorded": None, "observed": None}
    content["changes"].append({"name": "d", "action": "prune", "id": victim, "digests": digests})
    (applied.root / "plan.json").write_text(json.dumps(content))
    apply(applied).expect(4)
    assert hand.get(victim)["_id"] == victim


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe\x00", b"[" * 100_000, b'{"format_version": "1.0"}', b"{}" * 2],
)
def test_what_is_no_plan_is_said_to_be_none(project: Project, content: bytes) -> None:
    project.voices({"a": {}})
    (project.root / "plan.json").write_bytes(content)
    for command in (("show-plan", "plan.json"), ("apply", "plan.json", "--yes")):
        done = project.run(*command).expect(1)
        assert "plan.json" in done.err
        assert "Traceback" not in done.err
        assert "internal error" not in done.err


def test_files_that_are_not_there_or_no_files(project: Project) -> None:
    project.voices({"a": {}})
    assert "does not exist" in project.run("show-plan", "gone.json").expect(1).err
    assert "not a regular file" in project.run("show-plan", "voices").expect(1).err
    os.mkfifo(project.root / "pipe")
    assert "not a regular file" in project.run("show-plan", "pipe").expect(1).err
    with (project.root / "large.json").open("wb") as file:
        file.truncate(MAX_BYTES + 2)
    assert "larger than" in project.run("show-plan", "large.json").expect(1).err
    assert "directory" in project.run("plan", "--out", "voices").expect(1).err
    assert "can't be written" in project.run("plan", "--out", "gone/plan.json").expect(1).err


def test_it_holds_neither_key_nor_audio(applied: Project) -> None:
    change_all(applied)
    text = save(applied).read_text()
    assert applied.environ["FISH_API_KEY"] not in text
    assert len(text) < 10_000


def withdraw_consent(project: Project) -> None:
    path = project.root / "voices/all.yaml"
    text = path.read_text().replace("  b:\n", "  b:\n    consent: {speaker: Jane, withdrawn_on: 2020-01-01}\n")
    path.write_text(text)


def keep_for_less_time(project: Project) -> None:
    project.config(policy={"max_deletes": 9, "max_replaces": 9}, retain="1d")


def keep_not_at_all(project: Project) -> None:
    project.config(policy={"max_deletes": 9, "max_replaces": 9}, retain=0)


def lift_nothing_but_retention_of_one(project: Project) -> None:
    path = project.root / "voices/all.yaml"
    path.write_text(path.read_text().replace("  b:\n", "  b:\n    lifecycle: {retain: 0}\n"))


def declare_a_move(project: Project) -> None:
    path = project.root / "voices/all.yaml"
    path.write_text(path.read_text() + "moved: [{from: c, to: e}]\n")


@pytest.mark.parametrize(
    "change",
    [withdraw_consent, keep_for_less_time, keep_not_at_all, lift_nothing_but_retention_of_one, declare_a_move],
)
def test_nothing_graver_than_what_was_reviewed_is_done(
    applied: Project, hand: Hand, change: Callable[[Project], None]
) -> None:
    change_all(applied)
    save(applied)
    before = {model["_id"] for model in hand.models()}
    change(applied)
    hand.emulator.log.clear()
    assert "stale" in apply(applied).expect(4).err
    assert hand.mutating() == []
    assert {model["_id"] for model in hand.models()} == before


def test_retain_0_that_was_reviewed_is_carried_out(applied: Project, hand: Hand) -> None:
    applied.config(policy={"max_deletes": 9, "max_replaces": 9}, retain=0)
    change_all(applied)
    text = applied.run("plan", "--out", "plan.json").expect(0).out
    assert "is kept until" not in text
    assert "This can't be undone." in text
    apply(applied).expect(0)
    applied.settled()
    assert len(hand.models()) == 4


def test_only_a_saved_plan_is_overwritten(applied: Project) -> None:
    change_all(applied)
    save(applied)
    save(applied)
    for path in ("voices/all.yaml", "voicectl.lock.json", "voicectl.yaml"):
        before = (applied.root / path).read_bytes()
        assert "is not a saved plan" in applied.run("plan", "--out", path).expect(1).err
        assert (applied.root / path).read_bytes() == before
