"""The lockfile's way into a branch: races, conflicts, refusals. Real repositories, no hosting."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.hosting.service import git
from voicectl.concurrency import Backoff
from voicectl.hosting import publish
from voicectl.hosting.git import Repository
from voicectl.hosting.port import HostingError
from voicectl.hosting.publish import Target, Way
from voicectl.model.lock import Applied, Lock, ProviderIdentity, Record
from voicectl.state.codec import decode, encode
from voicectl.state.merging import NotMergeable

NAME = "voices/voicectl.lock.json"


def record(letter: str, title: str = "Title") -> Record:
    return Record("created", letter * 32, inputs=f"sha256:{letter * 64}", applied=Applied(title=title))


def lock(**voices: Record) -> Lock:
    return Lock("acme", None, ProviderIdentity("fish", "api.fish.audio", "a" * 32), voices)


class Place:
    """A bare repository and a clone, in which lockfiles are saved and pushed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.bare = directory / "bare.git"
        git(directory, "init", "-q", "--bare", "-b", "main", str(self.bare))
        start = self.clone("start")
        (start / "voices").mkdir()
        (start / "voices/voicectl.yaml").write_text("catalog: acme\n", encoding="utf-8")
        (start / NAME).write_bytes(encode(lock(a=record("1"))))
        git(start, "add", "-A")
        git(start, "commit", "-q", "-m", "start")
        git(start, "push", "-q", "origin", "HEAD:main")

    def clone(self, name: str, *options: str) -> Path:
        path = self.directory / name
        git(self.directory, "clone", "-q", *options, f"file://{self.bare}", str(path))
        return path

    def target(self, clone: Path, way: Way = "push", branch: str = "main") -> Target:
        return Target(NAME, clone / NAME, way, branch, "acme")

    def at(self, branch: str = "main") -> Lock:
        return decode(git(self.bare, "show", f"{branch}:{NAME}").encode(), NAME)

    def push(self, clone: Path, saved: Lock, way: Way = "push", branch: str = "main") -> publish.Published | None:
        (clone / NAME).write_bytes(encode(saved))
        return publish.publish(repository(clone), self.target(clone, way, branch), "HEAD", sleep=lambda _: None)


def repository(clone: Path) -> Repository:
    return Repository(clone / "voices", author=("ci", "ci@example.com"))


def made(published: publish.Published | None) -> bool:
    return published is not None and published.made


class Slow(Repository):
    """Somebody else is quicker: `meanwhile` happens between this one's look and its push, each time it is given."""

    meanwhile: list[Callable[[], object]]

    def commit_file(self, path: str, data: bytes, message: str, *, parent: str | None) -> str:
        commit = super().commit_file(path, data, message, parent=parent)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return commit


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("options", [(), ("--depth=1",)], ids=["whole", "shallow"])
def test_lost_races_are_merged_and_run_again(place: Place, options: tuple[str, ...]) -> None:
    mine, others = place.clone("mine", *options), [place.clone(f"other-{n}", *options) for n in range(3)]
    (mine / NAME).write_bytes(encode(lock(a=record("1", "Mine"), m=record("2"))))
    slow = Slow(mine / "voices", author=("ci", "ci@example.com"))
    slow.meanwhile = [
        partial(place.push, clone, lock(a=record("1"), **{f"o{n}": record(str(n + 3))}))
        for n, clone in enumerate(others)
    ]
    published = publish.publish(slow, place.target(mine), "HEAD", sleep=lambda _: None)
    assert published is not None
    assert published.merged
    assert set(place.at().voices) == {"a", "m", "o0", "o1", "o2"}
    assert place.at().voices["a"].applied.title == "Mine"
    assert git(place.bare, "rev-list", "--count", "main").strip() == "5"
    assert git(mine, "status", "--porcelain").split() == ["M", NAME], "the work tree is as the apply left it"


def test_a_branch_that_always_changes_is_given_up_in_the_end(place: Place) -> None:
    mine, other = place.clone("mine"), place.clone("other")
    (mine / NAME).write_bytes(encode(lock(a=record("1", "Mine"))))
    slow = Slow(mine / "voices", author=("ci", "ci@example.com"))
    slow.meanwhile = [partial(place.push, other, lock(a=record("1"), b=record("2", str(n)))) for n in range(200)]
    pauses: list[float] = []
    backoff = Backoff(first=4.0, longest=15.0, patience=60.0, clock=lambda: sum(pauses))
    with pytest.raises(HostingError, match="kept changing while we pushed"):
        publish.publish(slow, place.target(mine), "HEAD", sleep=pauses.append, backoff=backoff)
    assert sum(pauses) == pytest.approx(60.0)
    assert all(pause <= 15 for pause in pauses)


def test_one_name_with_two_models_is_not_merged(place: Place) -> None:
    mine, other = place.clone("mine"), place.clone("other")
    place.push(other, lock(a=record("1"), n=record("2")))
    before = git(place.bare, "rev-parse", "main")
    with pytest.raises(NotMergeable, match="n is 3333"):
        place.push(mine, lock(a=record("1"), n=record("3")))
    assert git(place.bare, "rev-parse", "main") == before


def test_a_removal_is_not_undone_by_a_merge(place: Place) -> None:
    mine, other = place.clone("mine"), place.clone("other")
    place.push(other, lock(a=record("1", "Other"), n=record("2")))
    place.push(mine, lock())
    assert set(place.at().voices) == {"n"}


def test_a_refusal_that_is_no_race_is_told_after_some_tries(place: Place) -> None:
    hook = place.bare / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho protected branch hook declined >&2\nexit 1\n")
    hook.chmod(0o755)
    mine = place.clone("mine")
    with pytest.raises(HostingError, match="protected branch hook declined") as told:
        place.push(mine, lock(a=record("1", "Mine")))
    assert "use the way branch" in told.value.hint


def test_nothing_new_makes_no_commit(place: Place) -> None:
    mine = place.clone("mine")
    assert not made(place.push(mine, lock(a=record("1"))))
    # Line ends are Git's business on this machine, not a change.
    (mine / NAME).write_bytes((mine / NAME).read_bytes().replace(b"\n", b"\r\n"))
    assert not made(publish.publish(repository(mine), place.target(mine), "HEAD"))
    (mine / NAME).unlink()
    assert publish.publish(repository(mine), place.target(mine), "HEAD") is None
    assert git(place.bare, "rev-list", "--count", "main").strip() == "1"


def test_what_is_no_lockfile_is_not_pushed(place: Place) -> None:
    from voicectl.errors import StateError

    mine = place.clone("mine")
    (mine / NAME).write_text("<<<<<<< HEAD\n", encoding="utf-8")
    with pytest.raises(StateError, match="merge-conflict marks"):
        publish.publish(repository(mine), place.target(mine), "HEAD")


def test_a_commit_holds_the_lockfile_and_nothing_else_of_the_work_tree(place: Place) -> None:
    mine = place.clone("mine")
    (mine / "voices/voicectl.yaml").write_text("catalog: other\n", encoding="utf-8")
    (mine / "stray.txt").write_text("x", encoding="utf-8")
    (mine / ".gitattributes").write_text("*.json filter=evil\n", encoding="utf-8")
    git(mine, "config", "filter.evil.clean", "touch ran; cat")
    git(mine, "add", "stray.txt")
    (mine / "ran").unlink(missing_ok=True)  # by Git's own look at the index just now
    place.push(mine, lock(a=record("1", "Mine")))
    assert git(place.bare, "diff", "--name-only", "main~1", "main").split() == [NAME]
    assert not (mine / "ran").exists()


def test_a_branch_of_its_own_is_read_and_written_by_many(place: Place) -> None:
    """The way `branch`: the first commit has no parent, the others follow each other, other catalogs' files stay."""
    first, second = place.clone("first"), place.clone("second", "--depth=1")
    place.push(first, lock(a=record("1", "One")), "branch", "locks")
    other = replace(place.target(first, "branch", "locks"), path="else/voicectl.lock.json")
    publish.publish(repository(first), other, "HEAD")
    assert git(place.bare, "ls-tree", "-r", "--name-only", "locks").split() == ["else/voicectl.lock.json", NAME]
    target = place.target(second, "branch", "locks")
    taken = publish.take(repository(second), target)
    assert taken == git(place.bare, "rev-parse", "locks").strip()
    assert decode((second / NAME).read_bytes(), NAME).voices["a"].applied.title == "One"
    (second / NAME).write_bytes(encode(lock(a=record("1", "Two"))))
    publish.publish(repository(second), target, str(taken))
    assert place.at("locks").voices["a"].applied.title == "Two"
    assert git(place.bare, "rev-list", "--count", "locks").strip() == "3"


def test_the_lockfiles_of_a_branch_are_checked_before_they_are_taken(place: Place) -> None:
    from voicectl.errors import StateError

    mine = place.clone("mine")
    git(mine, "checkout", "-q", "-b", "locks")
    (mine / NAME).write_text(json.dumps({"format_version": 99}), encoding="utf-8")
    git(mine, "commit", "-q", "-a", "-m", "x")
    git(mine, "push", "-q", "origin", "locks")
    git(mine, "checkout", "-q", "main")
    with pytest.raises(StateError, match="newer than this voicectl"):
        publish.take(repository(mine), place.target(mine, "branch", "locks"))
    assert "a" in decode((mine / NAME).read_bytes(), NAME).voices


@pytest.mark.parametrize("way", ["push", "branch"])
def test_pushed_once_more_nothing_of_others_is_lost(place: Place, way: Way) -> None:
    """As a pipeline does that pushes in its script, and again when it ends."""
    branch = "main" if way == "push" else "ours"
    mine, other = place.clone("mine"), place.clone("other")
    place.push(other, lock(a=record("1"), o=record("2")), way, branch)
    first = place.push(mine, lock(a=record("1"), m=record("3")), way, branch)
    assert first is not None
    assert first.merged
    assert set(place.at(branch).voices) == {"a", "m", "o"}
    again = publish.publish(repository(mine), place.target(mine, way, branch), first.commit, sleep=lambda _: None)
    assert not made(again)
    assert set(place.at(branch).voices) == {"a", "m", "o"}


def test_what_a_run_could_not_push_is_kept_by_the_next_look(place: Place) -> None:
    """The way `branch` in a checkout that is used again: the lockfile here holds more than the branch."""
    mine = place.clone("mine")
    target = place.target(mine, "branch", "locks")
    place.push(mine, lock(a=record("1")), "branch", "locks")
    taken = publish.take(repository(mine), target)
    (mine / NAME).write_bytes(encode(lock(a=record("1"), unpushed=record("2"))))
    place.push(place.clone("other"), lock(a=record("1", "Other")), "branch", "locks")
    publish.take(repository(mine), target, taken)
    have = decode((mine / NAME).read_bytes(), NAME)
    assert set(have.voices) == {"a", "unpushed"}
    assert have.voices["a"].applied.title == "Other"


def test_a_remote_that_does_not_answer_is_asked_again(place: Place) -> None:
    mine = place.clone("mine")
    (mine / NAME).write_bytes(encode(lock(a=record("1", "Mine"))))
    moved = place.bare.rename(place.bare.with_name("gone.git"))
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            moved.rename(place.bare)

    published = publish.publish(repository(mine), place.target(mine), "HEAD", sleep=sleep)
    assert published is not None
    assert published.made
    place.bare.rename(moved)
    with pytest.raises(HostingError, match="ls-remote failed"):
        publish.publish(repository(mine), place.target(mine), "HEAD", sleep=pauses.append)
