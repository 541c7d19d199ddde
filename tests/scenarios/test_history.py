"""What happened to a voice, which commit and run did it, and receipts for withdrawn consents."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Hand, Project
from tests.hosting.service import git


def commit(project: Project, words: str) -> str:
    git(project.root, "add", "-A", ":!.voicectl")
    git(project.root, "commit", "-q", "-m", words)
    return git(project.root, "rev-parse", "HEAD").strip()


@pytest.fixture
def told(project: Project) -> Project:
    """A year of a catalog, in Git."""
    git(project.root, "init", "-q", "-b", "main")
    project.config(policy={"max_deletes": "100%"})
    project.voices({"a": {}, "b": {}})
    commit(project, "voices")
    project.apply()
    commit(project, "lockfile")
    project.voices({"a": {"title": "New title"}, "b": {}})
    project.sample("b.wav", "another recording")
    commit(project, "changes")
    project.apply()
    commit(project, "lockfile")
    project.voices(
        {"a2": {"title": "New title", "samples": [{"audio": "../samples/a.wav"}]}}, moved=[{"from": "a", "to": "a2"}]
    )
    project.apply()
    commit(project, "lockfile")
    return project


def events(project: Project, *arguments: str) -> list[tuple[str, str]]:
    found = project.run("history", "--format", "json", *arguments).expect(0).json["events"]
    return [(each["event"]["name"], each["event"]["action"]) for each in found]


def test_what_happened_the_latest_first(told: Project) -> None:
    assert events(told) == [
        ("a2", "moved"),
        ("b", "retired"),
        ("a", "updated"),
        ("b", "replaced"),
        ("a", "created"),
        ("b", "created"),
    ]
    assert events(told, "b") == [("b", "retired"), ("b", "replaced"), ("b", "created")]
    assert events(told, "a") == [("a2", "moved"), ("a", "updated"), ("a", "created")]


def test_each_event_names_ids_values_run_and_commit(told: Project) -> None:
    found = told.run("history", "--format", "json").expect(0).json
    updated = next(each for each in found["events"] if each["event"]["action"] == "updated")
    (step,) = updated["event"]["fields"]
    assert step == {"field": "title", "before": "A", "after": "New title"}
    assert len(updated["commit"]) == 40
    assert updated["event"]["run"]
    assert len(updated["event"]["applied_from"]) == 40
    replaced = next(each["event"] for each in found["events"] if each["event"]["action"] == "replaced")
    assert replaced["before"] != replaced["after"]
    assert replaced["generation"] == 2
    assert found["complete"]
    text = told.run("history").expect(0).out
    assert "title:" in text
    assert "New title" in text


def test_a_spreadsheet_and_a_page(told: Project) -> None:
    rows = list(csv.DictReader(io.StringIO(told.run("history", "--format", "csv").expect(0).out)))
    assert rows[0]["action"] == "moved"
    assert rows[0]["what"] == "was a"
    page = told.run("history", "--format", "markdown", "--report", "json=h.json").expect(0).out
    assert page.startswith("| at | commit |")


def test_a_shallow_clone_says_that_it_does_not_reach_back(told: Project, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=2", f"file://{told.root}", "shallow")
    clone = Project(tmp_path / "shallow", told.environ)
    assert not clone.run("history", "--format", "json").expect(0).json["complete"]
    assert "git fetch --unshallow" in clone.run("history").expect(0).out


def test_at_the_edge_of_a_shallow_clone_nobody_knows_who_brought_what(told: Project, tmp_path: Path) -> None:
    for depth, known in ((1, []), (3, [("a2", "moved")])):
        git(tmp_path, "clone", "-q", f"--depth={depth}", f"file://{told.root}", f"shallow{depth}")
        clone = Project(tmp_path / f"shallow{depth}", told.environ)
        assert events(clone)[: len(known) or 1] == known
    shallow = Project(tmp_path / "shallow1", told.environ)
    assert "nothing is known" in shallow.run("history").expect(0).out
    assert "not known here" in shallow.run("history", "--format", "csv").expect(0).err


def test_an_author_may_be_called_anything_and_a_commit_may_be_of_any_time(told: Project) -> None:
    told.voices({"a2": {"title": "Another", "samples": [{"audio": "../samples/a.wav"}]}})
    told.apply()
    git(told.root, "add", "-A", ":!.voicectl")
    raw = (
        f"tree {git(told.root, 'write-tree').strip()}\nparent {git(told.root, 'rev-parse', 'HEAD').strip()}\n"
        "author Eve\u2028\x85\x0c Roe <e@x> 0 +0000\ncommitter Eve <e@x> 99999999999999 +0000\n\nx\n"
    )
    path = told.write("../commit", raw)
    made = git(told.root, "hash-object", "-t", "commit", "--literally", "-w", str(path)).strip()
    git(told.root, "reset", "-q", made)
    first = told.run("history", "--format", "json").expect(0).json["events"][0]
    assert (first["event"]["action"], first["author"]) == ("updated", "Eve\u2028\x85\x0c Roe")


def test_a_name_that_nothing_ever_had_is_a_mistake(told: Project) -> None:
    assert "is called 'nobody'" in told.run("history", "nobody").expect(1).err


def test_lockfiles_on_a_branch_of_their_own_have_one_too(told: Project) -> None:
    before = events(told)
    tip = git(told.root, "rev-parse", "HEAD").strip()
    git(told.root, "update-ref", "refs/remotes/origin/voicectl/lockfiles", tip)
    git(told.root, "checkout", "-q", "--orphan", "without")
    git(told.root, "rm", "-q", "--cached", "voicectl.lock.json")
    git(told.root, "commit", "-q", "-m", "no lockfile here")
    assert events(told) == before


def test_without_a_history_the_way_out_is_named(project: Project) -> None:
    project.voices({"a": {}})
    assert "no checkout of a Git repository" in project.run("history").expect(1).err
    git(project.root, "init", "-q")
    done = project.run("history", "--format", "json").expect(1)
    assert done.json["error"]["code"] in ("hosting", "no_history")
    commit(project, "voices")
    assert "is in no commit of this branch" in project.run("history").expect(1).err


def test_a_broken_version_of_long_ago_is_left_out(told: Project) -> None:
    good = told.lock_path.read_text()
    told.lock_path.write_text("<<<<<<< broken\n")
    commit(told, "a merge that went wrong")
    told.lock_path.write_text(good)
    commit(told, "mended")
    assert events(told)[0] == ("a2", "moved")


def test_a_withdrawn_consent_leaves_a_receipt(project: Project, hand: Hand) -> None:
    today = datetime.now(UTC).date().isoformat()
    consent: dict[str, Any] = {"speaker": "Jane Roe", "granted_on": "2026-01-01"}
    project.voices({"a": {"consent": consent}, "b": {}})
    project.apply()
    model = project.lock["voices"]["a"]["id"]
    project.voices({"a": {"consent": {**consent, "withdrawn_on": today}}, "b": {}})
    project.apply("--max-deletes", "1")
    (receipt,) = project.run("history", "--deleted", "--format", "json").expect(0).json["deleted"]
    assert (receipt["name"], receipt["id"], receipt["reason"]) == ("a", model, "consent withdrawn")
    assert receipt["run"]
    text = project.run("history", "--deleted").expect(0).out
    assert f"a  model {model}" in text
    assert "samples/a.wav sha256:" in text
    assert "| `a` |" in project.run("history", "--deleted", "--format", "markdown").expect(0).out
    # The entry goes, and its recording stays refused under any name.
    project.voices({"b": {}, "c": {"samples": [{"audio": "../samples/a.wav"}]}})
    assert "was withdrawn" in project.run("plan").expect(3).out
    assert project.run("history", "b", "--deleted").expect(0).out == "nothing was deleted for a withdrawn consent\n"


def test_two_environments_and_what_lags(project: Project) -> None:
    project.config(
        environments={
            "production": {"voices": {"a": {"description": "Only here."}}},
            "staging": {"title_suffix": " (staging)"},
        }
    )
    project.voices({"a": {}, "b": {}, "c": {"environments": ["staging"]}})
    project.apply("-e", "production")
    project.apply("-e", "staging")
    both = ("--env", "staging", "--env", "production")
    done = project.run("diff", *both).expect(2)
    assert "c  only in staging" in done.out
    assert "1 voice differs, 2 are the same" in done.out
    project.voices({"a": {}, "b": {"tags": ["new"]}, "c": {}})
    project.sample("a.wav", "another recording")
    project.apply("-e", "staging")
    diff = project.run("diff", *both, "--format", "json").expect(2).json
    found = {each["name"]: (each["kind"], each["behind"]) for each in diff["differences"]}
    assert found == {
        "a": ("differs", "production"),
        "b": ("differs", "production"),
        "c": ("not_applied", "production"),
    }
    assert "production lags by 3" in project.run("diff", *both).expect(2).out
    project.apply("-e", "production")
    assert "are the same: 3 voices" in project.run("diff", *both, "--report", "markdown=d.md").expect(0).out
    assert (project.root / "d.md").read_text().startswith("### voicectl diff")


@pytest.mark.parametrize("arguments", [[], ["--env", "staging"], ["--env", "staging", "--env", "staging"]])
def test_a_diff_needs_two_environments(project: Project, arguments: list[str]) -> None:
    project.config(environments={"production": {}, "staging": {}})
    project.voices({"a": {}})
    assert "name two environments" in project.run("diff", *arguments).expect(1).err


def test_a_plan_shows_which_words_of_a_transcript_change(project: Project) -> None:
    git(project.root, "init", "-q", "-b", "main")
    words = "Welcome to the house of Acme, where everybody finds a voice of their own for every day of the year."
    sample = {"audio": project.sample("a.wav"), "transcript": words}
    project.voices({"a": {"samples": [sample]}})
    commit(project, "voices")
    project.apply()
    commit(project, "lockfile")
    project.voices({"a": {"samples": [{**sample, "transcript": words.replace("house", "home")}]}})
    text = project.run("plan").expect(0).out
    assert "samples/a.wav (11.0 s): another transcript" in text
    assert "the house of" in text
    assert "the home of" in text
    (change,) = project.plan()["changes"]
    (pair,) = change["samples"]
    assert (pair["was"]["transcript"], pair["was"]["file"]) == (words, "samples/a.wav")
