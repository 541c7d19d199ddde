"""Two clones of one repository apply to one account: one is behind, pushes are lost, runs are killed.

Whatever happened, a fresh clone that applies puts Git's values into the account. A short run is part of the tests;
`make test-chaos` runs 200 schedules.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Project
from tests.crash.test_chaos import Edit, _impatient, edited, edits, rules, write, wrong
from tests.crash.world import World
from voicectl.emulator.server import RunningEmulator
from voicectl.emulator.settings import Fault, Settings
from voicectl.errors import StateError
from voicectl.state.merging import merge_bytes

EXAMPLES = int(os.environ.get("VOICECTL_CLONES", "10"))
Who = Literal["one", "other"]
_ = _impatient  # the fixture: the same protocol with pauses of milliseconds


@dataclass(frozen=True)
class Step:
    """A commit (with edits), or what one clone does: it pulls, applies under faults, and pushes or loses its work."""

    who: Who
    edits: tuple[Edit, ...]
    pull: bool
    apply: bool
    rules: tuple[Fault, ...]
    kill: int | None
    push: Literal["push", "keep", "lost"]


steps = st.builds(
    Step,
    st.sampled_from(("one", "other")),
    st.lists(edits, max_size=3).map(tuple),
    st.sampled_from((True, True, False)),
    st.sampled_from((True, True, True, False)),
    st.lists(rules, max_size=1).map(tuple),
    st.one_of(st.none(), st.none(), st.integers(1, 10)),
    st.sampled_from(("push", "push", "keep", "lost")),
)


@dataclass
class Repository:
    """What is pushed: the manifests, and the lockfile."""

    voices: dict[str, dict[str, Any]] = field(default_factory=dict)
    lock: bytes | None = None


@dataclass
class Clone:
    """A checkout. `base` is the lockfile that it pulled last."""

    project: Project
    base: bytes | None = None

    @property
    def lock(self) -> bytes | None:
        path = self.project.lock_path
        return path.read_bytes() if path.exists() else None

    def pull(self, git: Repository) -> None:
        """Take the manifests, and merge the lockfile; where that can't be, Git's is taken."""
        write(self.project, git.voices)
        ours = self.lock
        merged = git.lock
        if ours is not None and git.lock is not None and ours not in (self.base, git.lock):
            try:
                merged = merge_bytes(self.base, ours, git.lock, "the lockfile")
            except StateError:
                merged = git.lock
        elif git.lock is None:
            merged = ours
        if merged is not None:
            self.project.lock_path.write_bytes(merged)
        self.base = git.lock

    def push(self, git: Repository) -> None:
        self.pull(git)
        git.lock = self.base = self.lock

    def lose(self, git: Repository) -> None:
        """The runner is thrown away, and what it had not pushed with it."""
        shutil.rmtree(self.project.root / ".voicectl", ignore_errors=True)
        self.project.lock_path.unlink(missing_ok=True)
        if git.lock is not None:
            self.project.lock_path.write_bytes(git.lock)
        self.base = git.lock


def made(world: World, name: str) -> Clone:
    project = Project(world.root / name, world.project.environ)
    project.root.mkdir()
    project.config(policy={"max_deletes": 9, "max_replaces": 9}, concurrency=3)
    write(project, {})
    return Clone(project)


@given(st.lists(steps, min_size=2, max_size=7))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    print_blob=True,
)
def test_git_s_values_arrive_whatever_two_clones_did(schedule: list[Step]) -> None:
    with tempfile.TemporaryDirectory(prefix="voicectl-clones-") as directory:
        world = World(Path(directory) / "world")
        world.root.mkdir()
        with world.served() as emulator:
            git = Repository()
            clones: dict[Who, Clone] = {"one": made(world, "one"), "other": made(world, "other")}
            served: set[str] = set()
            for step in schedule:
                _take(step, clones[step.who], git, world, emulator, served)
            emulator.settings = Settings()
            fresh = made(world, "fresh")
            fresh.pull(git)
            # A value that one clone applied and never pushed, and that Git has changed since, is a conflict: Git wins.
            apply = ("apply", "--yes", "--quiet", "--on-conflict", "overwrite")
            # What another clone had recorded may have to be shown in a plan first: a second apply settles it.
            codes = [fresh.project.run(*apply).code]
            if codes[-1] == 1:
                codes.append(fresh.project.run(*apply).code)
            assert codes[-1] == 0, codes
            assert list(wrong(emulator, fresh.project, served)) == []
            blocked = {name: r["blocked"] for name, r in fresh.project.lock["voices"].items() if r["blocked"]}
            assert blocked == {}
            fresh.project.run("drift").expect(0)


def _take(step: Step, clone: Clone, git: Repository, world: World, emulator: RunningEmulator, served: set[str]) -> None:
    for edit in step.edits:
        edited(git.voices, edit)
    if step.pull:
        clone.pull(git)
    if step.apply:
        emulator.settings = replace(Settings(), rules=step.rules)
        _apply(step, clone, world, served)
        emulator.settings = Settings()
    if step.push == "push":
        clone.push(git)
    elif step.push == "lost":
        clone.lose(git)


def _apply(step: Step, clone: Clone, world: World, served: set[str]) -> None:
    assert world.killer is not None
    if step.kill is not None:
        world.killer.methods.clear()
        world.project.root.mkdir(exist_ok=True)
        world.killed_at_request(step.kill, "after", "-C", str(clone.project.root), "apply", "--yes", "--quiet")
        return
    done = clone.project.run("apply", "--yes", "--quiet")
    assert done.code in (0, 1, 3), done.err
    assert "internal error" not in done.err, done.err
    if done.code == 0:
        served |= {record["id"] for record in clone.project.lock["voices"].values()}


@pytest.mark.parametrize("push", ["lost", "keep"])
def test_a_clone_one_commit_behind_puts_the_old_title_back(push: str, tmp_path: Path) -> None:
    """Git's value arrives with the next apply of whoever has the newest commit; nothing is taken for refused."""
    world = World(tmp_path / "world")
    world.root.mkdir()
    with world.served():
        git = Repository({"a": {"title": "Old"}})
        one, other = made(world, "one"), made(world, "other")
        one.pull(git)
        one.project.apply()
        one.push(git)
        other.pull(git)
        git.voices = {"a": {"title": "New"}}
        one.pull(git)
        one.project.apply()
        if push == "lost":
            one.lose(git)
        other.project.apply()
        one.pull(git)
        done = one.project.run("apply", "--yes")
        assert done.code == 0, done.err
        model = one.project.lock["voices"]["a"]
        assert model["applied"]["title"] == "New"
        assert model["blocked"] == {}
        assert world.emulator is not None
        titles = {m["_id"]: m["title"] for m in world.emulator.store.models()}
        assert titles[model["id"]] == "New"
