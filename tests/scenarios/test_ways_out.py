"""Failures that say what to do: whoever does it literally arrives."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.conftest import Hand, Project


def garbage(path: Path) -> None:
    path.write_bytes(b"\xaa" * 9000)


def directory(path: Path) -> None:
    path.mkdir()


def damaged(path: Path) -> None:
    """The first page is right, the others are not."""
    keep = path.with_name("kept.db")
    with sqlite3.connect(keep) as db:
        db.execute("SELECT 1")
    data = bytearray(keep.read_bytes())
    data[4096:] = b"\xaa" * (len(data) - 4096)
    keep.unlink()
    path.write_bytes(data)


@pytest.mark.parametrize("broken", [garbage, directory, damaged])
def test_a_broken_emulator_is_deleted_and_made_again(local: Project, broken: Callable[[Path], None]) -> None:
    local.voices({"a": {}, "b": {}})
    local.apply()
    path = local.root / ".voicectl/emulator.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if broken is damaged:
        path.rename(path.with_name("kept.db"))
    for each in path.parent.glob("emulator.db*"):
        each.unlink()
    broken(path)
    done = local.run("plan").expect(1)
    assert "can't be used as the emulator's database" in done.err
    assert "internal error" not in done.err
    assert "delete .voicectl/emulator.db and the files whose names begin like it" in done.err
    assert "voicectl apply --recreate-missing" in done.err
    for each in path.parent.glob("emulator.db*"):
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    local.run("apply", "--yes", "--recreate-missing").expect(0)
    local.settled()


def test_a_failed_training_names_the_command_that_makes_the_model_again(project: Project, hand: Hand) -> None:
    hand.emulator.settings = replace(hand.emulator.settings, training_seconds=0, fail_training=("*",))
    project.voices({"a": {}})
    done = project.run("apply", "--yes").expect(1)
    assert "`voicectl apply --retry-failed` makes those models again" in done.err
    assert "again to go on" not in done.err
    hand.emulator.settings = replace(hand.emulator.settings, fail_training=())
    failed = project.lock["voices"]["a"]["id"]
    project.run("apply", "--yes").expect(0)
    assert project.lock["voices"]["a"]["id"] == failed, "apply again leaves it alone, as it said"
    project.run("apply", "--yes", "--retry-failed").expect(0)
    project.settled()


def test_so_does_an_apply_that_only_waits_for_it(project: Project, hand: Hand) -> None:
    hand.emulator.settings = replace(hand.emulator.settings, training_seconds=1, fail_training=("*",))
    project.voices({"a": {}})
    project.run("apply", "--yes", "--wait", "0").expect(1)
    done = project.run("apply", "--yes", "--wait", "10").expect(1)
    assert "look at its samples, then run `voicectl apply --retry-failed`" in done.out
    assert "`voicectl apply --retry-failed` makes those models again" in done.err


def test_voices_only_the_account_shows_count_in_the_size_of_the_catalog(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    project.apply()
    for name in ("lost", "gone"):
        hand.create(name, tags=["voicectl:acme", f"voicectl:acme:{name}:0123456789ab"])
    (refusal,) = project.plan()["refusals"]
    assert refusal["message"].startswith("2 of 3 voices would be retired or deleted; the limit is 1")
    flag, number = refusal["hint"].split()[-2:]
    project.run("apply", "--yes", flag, number).expect(0)


def test_doctor_counts_the_whole_account_and_what_validate_warns_of(project: Project, hand: Hand) -> None:
    rule = {"message": "too long", "level": "warn", "schema": {"properties": {"title": {"maxLength": 3}}}}
    lint = {"sample_rate": "off"}  # the tests' own recordings are as small as can be
    project.config(policy={"rules": [rule], "lint": lint})
    project.voices(
        {"a": {"title": "Long title"}, "b": {"title": "B", "samples": [{"audio": project.sample("b.wav", seconds=5)}]}}
    )
    project.apply()
    hand.create("Not ours")
    hand.create("Another catalog's", tags=["voicectl:other", "voicectl:other:x:0123456789ab"])
    warnings = project.run("validate", "--format", "json").json["problems"]
    assert len(warnings) == 2
    hand.emulator.log.clear()
    done = project.run("doctor").expect(0)
    assert "voices: 2, warnings: 2\n" in done.out
    assert "models: 4, of this catalog: 2\n" in done.out
    assert hand.mutating() == []
    project.config(policy={"rules": [{**rule, "level": "deny"}], "lint": lint})
    assert "voices: 2, errors: 1, warnings: 1\n" in project.run("doctor").expect(1).out


def test_a_cover_added_in_the_account_is_a_note_and_no_drift(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "b": {"lifecycle": {"ignore": ["cover_image"]}}})
    project.apply()
    for record in project.lock["voices"].values():
        hand.raw(record["id"], cover_image="coverimage/by-hand")
    report = project.run("drift", "--format", "json").expect(0).json
    a, b = report["voices"]
    assert (a["status"], a["fields"], b["notes"]) == ("in_step", [], [])
    (note,) = a["notes"]
    assert "a cover image that was added in the account" in note
    assert note in project.run("drift").expect(0).out.replace("\n", " ")
    project.settled()


def test_an_orphan_is_not_adopted_but_recorded_as_retired(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "b": {}})
    project.apply()
    project.voices({"a": {}})
    project.apply()
    lock = project.lock
    retired = lock["removed"].pop("b")["retired"][0]["id"]
    project.lock_path.write_text(json.dumps(lock))
    done = project.run("plan").expect(0)
    assert f"record {retired} as retired" in done.out
    assert "it carries our marks, but neither manifests nor lockfile know it" in done.out
    assert "1 to record as retired" in done.out
    assert "adopt" not in done.out
    assert "no manifest and no lockfile knows it; the next apply retires it" in project.run("drift").expect(2).out
    project.apply()
    project.settled()


def test_a_second_model_with_the_marks_of_a_voice_is_explained(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "b": {"model": hand.create("B")}})
    project.run("apply", "--yes", "--only", "a").expect(0)
    hand.create("Twin", tags=hand.get(project.lock["voices"]["a"]["id"])["tags"])
    done = project.run("plan").expect(0)
    assert "another model carries the same marks, and the older of the two stays" in done.out
    assert "git revert" not in done.out, "no commit speaks of it"
    assert "Plan: 1 to adopt, 1 to retire, 0 unchanged." in done.out
    assert "it carries our marks, but the lockfile does not know it" in project.run("drift").expect(2).out


@pytest.mark.parametrize("command", [("drift",), ("drift", "--nonsense")])
@pytest.mark.parametrize("how", ["--format", "--format="])
def test_a_failure_comes_in_the_format_asked_for(project: Project, command: tuple[str, ...], how: str) -> None:
    project.write("voicectl.yaml", "catalog: NO\n")

    def out(fmt: str) -> str:
        words = (how, fmt) if how == "--format" else (how + fmt,)
        done = project.run(*command, *words).expect(1)
        assert "error: " in done.err
        return done.out

    assert ET.fromstring(out("junit")).find("testsuite/testcase/error") is not None
    assert out("markdown").startswith("### voicectl drift: failed\n")
    (run,) = json.loads(out("sarif"))["runs"]
    (invocation,) = run["invocations"]
    assert (invocation["executionSuccessful"], run["results"]) == (False, [])
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["level"] == "error"
    assert notification["message"]["text"]
    if command == ("drift",):
        place = notification["locations"][0]["physicalLocation"]
        assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("voicectl.yaml", 1)
    assert out("text") == ""


def test_sarif_names_files_from_the_top_of_the_checkout(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    project.apply()
    hand.patch(project.lock["voices"]["a"]["id"], title="By hand")

    def uri(*words: str) -> str:
        (run,) = json.loads(project.run(*words, "drift", "--format", "sarif").expect(2).out)["runs"]
        (place,) = run["results"][0]["locations"]
        return str(place["physicalLocation"]["artifactLocation"]["uri"])

    inside = Project(project.root / "voices", project.environ)
    (project.root.parent / ".git").mkdir()
    assert uri() == "project/voices/all.yaml"
    outer, project.root = project.root, inside.root
    assert uri() == "project/voices/all.yaml"
    assert uri("-C", "..") == "project/voices/all.yaml"
    project.root = outer.parent
    assert uri("-C", "project") == "project/voices/all.yaml"
    (outer.parent / ".git").rmdir()
    assert uri("-C", "project") == "voices/all.yaml"


def test_sarif_says_what_made_it_and_names_its_rules(project: Project) -> None:
    project.voices({"a": {}})
    project.apply()
    (run,) = json.loads(project.run("drift", "--format", "sarif").expect(0).out)["runs"]
    driver = run["tool"]["driver"]
    assert driver["informationUri"].startswith("https://")
    rules = driver["rules"]
    for key in ("id", "name"):
        assert len({rule[key].lower() for rule in rules}) == len(rules)
    assert len({rule["fullDescription"]["text"] for rule in rules}) == len(rules)
    assert all(rule["name"].lower() != rule["id"].lower().replace("_", "") for rule in rules)
    assert run["invocations"] == [{"executionSuccessful": True}]


@pytest.mark.parametrize("left", ["no file", "no directory"])
def test_destroy_needs_no_manifest(project: Project, hand: Hand, left: str) -> None:
    project.voices({"a": {}, "b": {}})
    project.apply()
    project.voices({"a": {}})
    project.apply()
    (project.root / "voices/all.yaml").unlink()
    if left == "no directory":
        (project.root / "voices").rmdir()
    done = project.run("plan").expect(1)
    assert "no file matches" in done.err
    assert "`voicectl destroy` ends a catalog and deletes its models" in done.err
    project.run("destroy", "--confirm", "acme").expect(0)
    assert hand.models() == []


def test_destroy_still_minds_what_else_is_wrong(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    project.apply()
    project.write("voices/all.yaml", "voices: [\n")
    project.run("destroy", "--confirm", "acme").expect(1)
    assert len(hand.models()) == 1


LONG = 5 * 1024 * 1024


def _long(lock: dict[str, Any], key: str) -> None:
    """Five megabytes where the lockfile says something."""
    text = "x " * (LONG // 2)
    if key in ("catalog", "environment"):
        lock[key] = text
    elif key in lock["provider"]:
        lock["provider"][key] = text
    elif key == "unknown key":
        lock[text] = 1
    elif key == "name of a voice":
        lock["voices"][text] = lock["voices"]["a"]
    elif key == "format_version":
        lock[key] = 10**4000
    else:
        lock["voices"]["a"][key] = text


@pytest.mark.parametrize(
    "key",
    [
        "catalog",
        "environment",
        "name",
        "host",
        "account",
        "unknown key",
        "name of a voice",
        "format_version",
        "id",
        "state",
    ],
)
def test_a_message_does_not_pour_out_a_lockfile(project: Project, key: str) -> None:
    project.voices({"a": {}})
    project.apply()
    lock = project.lock
    _long(lock, key)
    project.lock_path.write_text(json.dumps(lock))
    for command in (
        "plan",
        "drift",
        "output",
        "list",
        "show a",
        "pull",
        "doctor",
        "state rebuild --yes",
        "import --all",
    ):
        done = project.run(*command.split())
        assert len(done.err) < 3000, command
        assert done.code in (0, 1, 3), command


def test_merge_conflict_marks_lead_to_a_merged_lockfile(project: Project, hand: Hand) -> None:
    def git(*words: str, code: int = 0) -> None:
        done = subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words],
            cwd=project.root,
            capture_output=True,
        )
        assert done.returncode == code, done.stderr

    project.voices({"a": {}})
    project.apply()
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "first")
    git("checkout", "-qb", "other")
    for branch, name in (("other", "b"), ("main", "c")):
        git("checkout", "-q", branch)
        project.voices({name: {}}, f"voices/{name}.yaml")
        project.apply()
        git("add", "-A")
        git("commit", "-qm", name)
        if branch == "other":
            kept = {model["_id"]: dict(model) for model in hand.models()}
    ids = {**project.lock["voices"]}
    git("merge", "-q", "other", code=1)
    done = project.run("plan").expect(1)
    hint = re.search(r"this merges both sides: `(.*?)` \(`voicectl help state`", done.err)
    assert hint is not None, done.err
    ours = f"{sys.executable} -m voicectl"
    script = hint[1].replace("voicectl state merge", f"{ours} state merge")
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(["sh", "-ec", script], cwd=project.root, check=True, env=environ)
    assert set(project.lock["voices"]) == {"a", "b", "c"}
    assert project.lock["voices"]["c"]["id"] == ids["c"]["id"]
    assert project.lock["voices"]["b"]["id"] in kept
    left = {path.name for path in project.root.iterdir()} & {"base", "ours", "theirs"}
    assert not left
    assert not list(project.root.glob("*.lock.json.*"))
    project.apply()
    project.settled()


@pytest.mark.parametrize("key", ["catalog", "account", "format_version", "unknown key"])
def test_nor_does_one_about_a_saved_plan(project: Project, key: str) -> None:
    project.voices({"a": {}})
    project.apply()
    project.run("plan", "--out", "plan.json").expect(0)
    plan = json.loads((project.root / "plan.json").read_text(encoding="utf-8"))
    holder = plan["provider"] if key == "account" else plan
    holder["x " * (LONG // 2) if key == "unknown key" else key] = "x " * (LONG // 2)
    project.write("plan.json", json.dumps(plan))
    assert len(project.run("apply", "plan.json", "--yes").expect(1).err) < 1500


@pytest.mark.parametrize(
    "text", ["a: *{}\n", "a: !{} b\n", "voices: {{{}: {{}}}}\n", "voices: {{a: {{title: [{}]}}}}\n"]
)
def test_nor_does_one_about_a_manifest(project: Project, text: str) -> None:
    project.write("voices/all.yaml", text.format("x" * 900_000))
    assert len(project.run("validate").expect(1).err) < 3000
