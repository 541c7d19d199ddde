"""`ci check-lockfile`: what voicectl wrote, what Git merged, and what somebody edited."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from tests.conftest import Project
from tests.hosting.service import git
from voicectl.state.codec import decode
from voicectl.state.edits import edits


@pytest.fixture
def repository(project: Project) -> Project:
    project.voices({"a": {}, "b": {}})
    git(project.root, "init", "-q", "-b", "main")
    project.write(".gitattributes", "*.lock.json merge=voicectl\n")
    git(project.root, "config", "merge.voicectl.driver", f"{sys.executable} -m voicectl state merge %O %A %B")
    for key, value in (("user.name", "Jane Roe"), ("user.email", "jane@example.com")):
        git(project.root, "config", key, value)
    git(project.root, "add", "-A")
    git(project.root, "commit", "-qm", "voices")
    return project


def stage(project: Project) -> None:
    git(project.root, "add", "-A")


def edit(project: Project, old: str, new: str) -> None:
    text = project.lock_path.read_text(encoding="utf-8")
    assert old in text
    project.lock_path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_an_apply_wrote_may_be_committed(repository: Project) -> None:
    repository.apply()
    stage(repository)
    repository.run("ci", "check-lockfile", "--staged").expect(0)
    git(repository.root, "commit", "-qm", "lockfile")
    repository.run("ci", "check-lockfile", "--staged").expect(0)


@pytest.mark.parametrize("how", ["a value", "the layout", "gone"])
def test_what_a_person_changed_may_not(repository: Project, how: str) -> None:
    repository.apply()
    stage(repository)
    git(repository.root, "commit", "-qm", "lockfile")
    if how == "a value":
        edit(repository, '"protect": false', '"protect": true')
    elif how == "the layout":
        repository.lock_path.write_text(json.dumps(repository.lock), encoding="utf-8")
    else:
        repository.lock_path.unlink()
    stage(repository)
    done = repository.run("ci", "check-lockfile", "--staged").expect(1)
    assert "voicectl.lock.json:1:1: the lockfile was changed by hand" in done.err
    assert "git checkout HEAD -- voicectl.lock.json" in done.err
    git(repository.root, "checkout", "-q", "HEAD", "--", "voicectl.lock.json")
    repository.run("ci", "check-lockfile", "--staged").expect(0)


def test_an_edit_that_is_not_staged_is_not_looked_at(repository: Project) -> None:
    repository.apply()
    stage(repository)
    edit(repository, '"protect": false', '"protect": true')
    repository.run("ci", "check-lockfile", "--staged").expect(0)


def test_a_merge_that_git_made_with_our_driver_may_be_committed(repository: Project) -> None:
    repository.apply()
    stage(repository)
    git(repository.root, "commit", "-qm", "lockfile")
    git(repository.root, "checkout", "-q", "-b", "other")
    repository.voices({"c": {}}, file="voices/c.yaml")
    repository.apply()
    stage(repository)
    git(repository.root, "commit", "-qm", "c")
    git(repository.root, "checkout", "-q", "main")
    repository.voices({"d": {}}, file="voices/d.yaml")
    repository.apply()
    stage(repository)
    git(repository.root, "commit", "-qm", "d")
    # Another checkout of the same repository: nothing there remembers what was written here.
    shutil.rmtree(repository.root / ".voicectl")
    git(repository.root, "merge", "-q", "--no-commit", "--no-ff", "other")
    repository.run("ci", "check-lockfile", "--staged").expect(0)
    edit(repository, '"protect": false', '"protect": true')
    stage(repository)
    repository.run("ci", "check-lockfile", "--staged").expect(1)


def test_every_environment_is_looked_at(repository: Project) -> None:
    repository.config(environments={"one": {}, "two": {}})
    for name in ("one", "two"):
        repository.apply("--env", name)
    stage(repository)
    repository.run("ci", "check-lockfile", "--staged").expect(0)
    path = repository.root / "voicectl.two.lock.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"protect": false', '"protect": true'), encoding="utf-8")
    stage(repository)
    assert "voicectl.two.lock.json" in repository.run("ci", "check-lockfile", "--staged").expect(1).err
    repository.run("ci", "check-lockfile", "--staged", "--env", "one").expect(0)


def test_a_branch_is_measured_from_where_it_left(repository: Project) -> None:
    repository.apply()
    stage(repository)
    git(repository.root, "commit", "-qm", "lockfile")
    git(repository.root, "checkout", "-q", "-b", "branch")
    repository.write("notes.txt", "x")
    stage(repository)
    git(repository.root, "commit", "-qm", "notes")
    git(repository.root, "checkout", "-q", "main")
    repository.voices({"c": {}}, file="voices/c.yaml")
    repository.apply()
    stage(repository)
    git(repository.root, "commit", "-qm", "c on main")
    git(repository.root, "checkout", "-q", "branch")
    done = repository.run("ci", "check-lockfile", "--base", "main").expect(0)
    assert done.out == "the lockfile is as voicectl left it\n"
    edit(repository, repository.lock["voices"]["a"]["id"], "e" * 32)
    stage(repository)
    git(repository.root, "commit", "-qm", "sly")
    done = repository.run("ci", "check-lockfile", "--base", "main", "--strict", "--format", "markdown").expect(3)
    assert f"becomes {'e' * 32}" in done.out
    assert "voicectl.lock.json:1:1: warning: this pull request changes the lockfile" in done.err
    assert "where does this pull request start?" in repository.run("ci", "check-lockfile").expect(1).err


def test_each_kind_of_edit_has_a_sentence(project: Project) -> None:
    project.voices({"a": {}, "b": {}, "c": {}})
    project.config(policy={"max_deletes": "100%"})
    project.apply()
    before = decode(project.lock_path.read_bytes(), "x")
    project.voices({"a": {"title": "Other"}, "b": {"samples": [{"audio": project.sample("new.wav")}]}, "d": {}})
    project.apply()
    after = decode(project.lock_path.read_bytes(), "x")
    said = edits(before, after)
    assert said[0] == "a: applied changed"
    assert said[1] == f"b: {before.voices['b'].id} becomes {after.voices['b'].id}"
    assert said[2] == f"c: the record of {before.voices['c'].id} is gone"
    assert said[3] == f"d: {after.voices['d'].id} is recorded"
    assert said[4] == "c: what is left of a removed voice changed"
    assert edits(before, None) == ("it is gone; it records 3 models",)
    assert edits(None, None) == ()
    assert edits(None, before) == ("it is new; it records 3 models",)
