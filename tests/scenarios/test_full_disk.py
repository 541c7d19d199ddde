"""A disk that is really full: nothing is sent that no save could follow."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import KEY, Hand, Project
from voicectl.emulator.server import RunningEmulator
from voicectl.state.file import FileStore

SIZE = 400_000


@pytest.fixture
def small(tmp_path: Path, emulator: RunningEmulator) -> Iterator[Project]:
    """A project with an applied voice on a file system of its own, which is small."""
    root = tmp_path / "small"
    root.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "voicectl-test", str(root)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small file system, and not everywhere")
    try:
        project = Project(root, {"FISH_API_URL": emulator.url, "FISH_API_KEY": KEY})
        project.config()
        project.voices({"a": {}})
        project.apply()
        yield project
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)


def fill(project: Project, leave: int) -> None:
    """Leave only so many bytes of the disk."""
    facts = os.statvfs(project.root)
    with (project.root / "filler").open("wb") as file:
        file.write(bytes(facts.f_bavail * facts.f_bsize - leave))


def tidy(project: Project) -> None:
    """Nothing of a write is left."""
    assert not list(project.root.rglob("*.tmp"))


@pytest.mark.parametrize("leave", [0, 4096], ids=["not a byte", "room for the present lockfile"])
def test_nothing_is_sent_where_the_state_has_no_room(small: Project, hand: Hand, leave: int) -> None:
    lock, before = small.lock_path.read_bytes(), hand.mutating()
    assert len(lock) < 4096
    small.voices({"a": {}, "b": {}, "c": {}})
    fill(small, leave)
    done = small.spawn("apply", "--yes").expect(1)
    assert "voicectl.lock.json can't be written: No space left on device" in done.err
    assert "free some space" in done.err
    assert hand.mutating() == before
    assert small.lock_path.read_bytes() == lock
    tidy(small)
    (small.root / "filler").unlink()
    small.apply()
    assert len(hand.models()) == 3


def test_without_the_proof_requests_go_out(small: Project, hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the disk of the test above is full for whoever only saves what changed."""
    monkeypatch.setattr(FileStore, "prove", lambda self, more=0: None)
    small.voices({"a": {}, "b": {}, "c": {}})
    fill(small, 0)
    before = hand.mutating().count(("POST", "/model"))
    small.run("apply", "--yes").expect(1)
    assert hand.mutating().count(("POST", "/model")) > before


def test_a_plan_without_changes_needs_no_room(small: Project) -> None:
    fill(small, 0)
    small.spawn("apply", "--yes").expect(0)
