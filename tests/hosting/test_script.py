"""The script of examples/gitops, which is enough for any CI: a bare repository, a shell, no hosting that is known."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.conftest import KEY, Hand
from tests.hosting.conftest import put_example
from tests.hosting.runner import REAL
from tests.hosting.service import git
from tests.warm import warm


@dataclass
class Machine:
    """A checkout that is used again and again, and the bare repository that it came from."""

    bare: Path
    work: Path
    environment: dict[str, str]

    def start(self, what: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["ci/voicectl.sh", what], cwd=self.work, env=self.environment, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, what: str, code: int = 0) -> str:
        """What was said, on both streams."""
        running = self.start(what)
        out, err = running.communicate(timeout=120)
        assert running.returncode == code, out + err
        return out + err

    def pushed(self) -> dict[str, str]:
        """The ids in the lockfile on main."""
        lock = json.loads(git(self.bare, "show", "main:voicectl.staging.lock.json"))
        return {name: voice["id"] for name, voice in lock["voices"].items()}

    def commits(self) -> int:
        return int(git(self.bare, "rev-list", "--count", "main"))


@pytest.fixture
def machine(tmp_path: Path, hand: Hand) -> Machine:
    bare, work = tmp_path / "bare.git", tmp_path / "work"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(bare))
    put_example(bare)
    git(tmp_path, "clone", "-q", str(bare), str(work))
    return Machine(bare, work, {
        "PATH": f"{warm().on_path()}:{REAL}:/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path), "CI": "1",
        "FISH_API_URL": hand.emulator.url, "FISH_API_KEY": KEY, "VOICECTL_ENV": "staging", "LANG": "C.UTF-8",
    })  # fmt: skip


def test_plan_apply_and_drift(machine: Machine, hand: Hand) -> None:
    assert "3 to create" in machine.run("plan")
    machine.run("apply")
    assert set(machine.pushed().values()) == {model["_id"] for model in hand.models()}
    machine.run("drift")
    assert "voicectl.staging.lock.json" not in [path.name for path in machine.work.iterdir()], (
        "this checkout is as it was"
    )
    hand.patch(machine.pushed()["narrator"], title="By hand")
    machine.run("drift", 2)
    assert "By hand" in (machine.work / "voicectl-drift.md").read_text(encoding="utf-8")
    machine.run("apply")
    machine.run("drift")
    assert "usage" in machine.run("else", 1)


def test_what_lies_about_is_neither_applied_nor_lost(machine: Machine, hand: Hand) -> None:
    changed, stray = machine.work / "voices/game.yaml", machine.work / "voices/stray.yaml"
    changed.write_text("voices: {}\n", encoding="utf-8")
    stray.write_text("voices: nonsense\n", encoding="utf-8")
    machine.run("apply")
    assert len(hand.models()) == 3
    assert changed.read_text(encoding="utf-8") == "voices: {}\n"
    assert stray.exists()


def test_the_tip_is_applied_however_old_the_checkout(machine: Machine, hand: Hand, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(machine.bare), "laptop")
    laptop = tmp_path / "laptop"
    text = (laptop / "voices/game.yaml").read_text(encoding="utf-8")
    (laptop / "voices/game.yaml").write_text(text.replace("gruff guard", "kind guard"), encoding="utf-8")
    git(laptop, "commit", "-qam", "kind")
    git(laptop, "push", "-q")
    machine.run("apply")
    assert any(model["description"].startswith("A kind guard") for model in hand.models())
    assert machine.commits() == 3


def test_an_apply_that_is_told_to_stop_ends_before_its_lockfile_is_pushed(machine: Machine, hand: Hand) -> None:
    machine.environment["PATH"] = f"{REAL}:/usr/local/bin:/usr/bin:/bin"
    hand.emulator.settings = replace(hand.emulator.settings, latency=400)
    running = machine.start("apply")
    while not any(method == "POST" for method, _ in hand.requests()):
        time.sleep(0.02)
    running.terminate()
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert hand.models()
    assert set(machine.pushed().values()) == {model["_id"] for model in hand.models()}
    hand.emulator.settings = replace(hand.emulator.settings, latency=0)
    machine.run("apply")
    assert len(hand.models()) == 3


def test_what_was_applied_and_not_pushed_is_pushed_by_the_next_run(machine: Machine) -> None:
    hook = machine.bare / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert "does not take the lockfile" in machine.run("apply", 1)
    hook.unlink()
    assert "voicectl.staging.lock.json: commit" in machine.run("apply")
    assert machine.commits() == 2


def test_a_protected_branch_and_a_branch_of_lockfiles(machine: Machine, hand: Hand) -> None:
    hook = machine.bare / "hooks/update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ]\n')
    hook.chmod(0o755)
    machine.environment["VOICECTL_LOCKFILE"] = "branch"
    machine.run("apply")
    assert "No changes" in machine.run("plan"), "plans read the lockfile from there"
    machine.run("drift")
    machine.run("apply")
    assert machine.commits() == 1
    assert len(hand.models()) == 3
    assert git(machine.bare, "rev-list", "--count", "voicectl/lockfiles").strip() == "1"


def test_a_branch_that_is_not_there_is_named(machine: Machine) -> None:
    machine.environment["BRANCH"] = "trunk"
    assert "origin has no branch trunk" in machine.run("apply", 1)
