"""Writing files: whole or not at all, nothing left behind, and no link in `.voicectl/` leads anywhere."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Project
from voicectl import files
from voicectl.files import Rewriting, Scratch, prove_room, replace_file, write_file

LINKS = (
    ".voicectl",
    ".voicectl/.gitignore",
    ".voicectl/cache",
    ".voicectl/emulator.db",
    ".voicectl/emulator.db-wal",
    ".voicectl/tmp",
    ".voicectl/voicectl.lock.json.lease",
    ".voicectl/voicectl.lock.json.holder",
)


@pytest.mark.parametrize("dangling", [True, False], ids=["dangling", "to something"])
@pytest.mark.parametrize("link", LINKS)
def test_nothing_is_written_through_a_link(local: Project, tmp_path: Path, link: str, dangling: bool) -> None:
    local.voices({"a": {}})
    outside = tmp_path / "outside"
    outside.mkdir()
    target = outside / "target"
    is_directory = link in (".voicectl", ".voicectl/cache", ".voicectl/tmp")
    if not dangling and is_directory:
        target.mkdir()
    elif not dangling:
        target.write_text("precious")
    path = local.root / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)
    for command in (("validate",), ("plan",), ("apply", "--yes")):
        done = local.run(*command)
        assert "internal error" not in done.err
        assert done.code == (0 if command == ("validate",) else 1)
    assert "is a link; delete it" in done.err
    assert [p.name for p in outside.rglob("*")] == ([] if dangling else ["target"])
    assert dangling or is_directory or target.read_text() == "precious"


KILLED = """
import os, signal, sys
from pathlib import Path
from voicectl import files
path = Path(sys.argv[1])
files.Scratch(path.parent).make("tmp", "x") if sys.argv[2:] else None
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
files.replace_file(path, b"never", scratch=files.Scratch(path.parent) if sys.argv[2:] else None)
"""


def below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize("scratch", [True, False], ids=["in the scratch directory", "beside"])
def test_what_a_killed_write_left_the_next_one_clears_away(tmp_path: Path, scratch: bool) -> None:
    target = tmp_path / "a.json"
    target.write_bytes(b"old")
    command = [sys.executable, "-c", KILLED, str(target), *(["scratch"] if scratch else [])]
    for _ in range(2):
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    left = [name for name in below(tmp_path) if name.endswith(".tmp")]
    assert len(left) == 1, "the second one cleared away what the first one left"
    assert left[0].startswith(".voicectl/tmp/" if scratch else ".voicectl-")
    assert target.read_bytes() == b"old"
    replace_file(target, b"new", scratch=Scratch(tmp_path) if scratch else None)
    assert below(tmp_path) == ([".voicectl/.gitignore"] if scratch else []) + ["a.json"]
    assert target.read_bytes() == b"new"


def test_a_write_that_is_going_on_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    with files._temporary(target, None) as (file, temporary):
        file.write(b"mine")
        file.flush()
        replace_file(target, b"of another")
        assert temporary.read_bytes() == b"mine"


def test_another_file_system_gets_its_temporary_files_beside(tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    target = other / f"voicectl-test-{os.getpid()}"
    try:
        replace_file(target, b"there", scratch=Scratch(tmp_path))
        assert target.read_bytes() == b"there"
    finally:
        target.unlink(missing_ok=True)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_gets_what_the_umask_leaves(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        replace_file(tmp_path / "a", b"x")
        write_file(tmp_path / "b", b"x")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "ab"] == [mode, mode]


def test_every_file_of_a_project_follows_the_umask(project: Project) -> None:
    project.voices({f"v{i}": {} for i in range(60)})
    before = os.umask(0o077)
    try:
        project.run("plan", "--out", "plan.json", "--report", "json=report.json").expect(0)
        project.apply("--report", "json=applied.json")
        project.run("init", "other").expect(0)
    finally:
        os.umask(before)
    made = ["plan.json", "report.json", "applied.json", "voicectl.lock.json", ".voicectl/lockfiles", "other/README.md"]
    made += [name for name in below(project.root) if name.startswith((".voicectl/cache", "other/"))]
    there = [project.root / name for name in made if (project.root / name).exists()]
    assert len(there) > 7
    assert {path.stat().st_mode & 0o777 for path in there} == {0o600}
    assert not [name for name in below(project.root) if name.endswith(".tmp")]


def test_a_file_that_is_there_keeps_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o640)
    replace_file(tmp_path / "a", b"new")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_several_files_are_written_all_or_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "file").write_bytes(b"no directory")
    with pytest.raises(FileExistsError) as caught:
        Rewriting(tmp_path).write({"a": b"new", "b": b"new", "file/c": b"new"})
    assert caught.value.filename == "file/c"
    assert (tmp_path / "a").read_bytes() == b"old"
    assert not (tmp_path / "b").exists()


def test_init_leaves_nothing_half_written(local: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced, write = [], files.replace_file

    def full(path: Path, *rest: object, **options: object) -> None:
        replaced.append(path)
        if "samples" in path.parts:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "replace_file", full)
    assert "No space left" in local.run("init", "made").expect(1).err
    assert len(replaced) > 1
    assert [name for name in below(local.root / "made") if not name.startswith(".voicectl/")] == []


def test_a_report_goes_to_standard_output_too(local: Project) -> None:
    local.voices({"a": {}})
    done = local.spawn("plan", "--quiet", "--report", "json=/dev/stdout").expect(0)
    assert '"format_version"' in done.out
    assert Path("/dev/stdout").is_symlink()


def test_room_is_proven_by_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = 0

    def count(size: int) -> bytes:
        nonlocal written
        written += size
        return bytes(size)

    monkeypatch.setattr(os, "urandom", count)
    prove_room(tmp_path / "a", 3_000_000)
    assert written >= 3_000_000
    assert below(tmp_path) == []


def test_each_run_has_a_directory_of_its_own_and_sweeps_those_of_killed_ones(tmp_path: Path) -> None:
    old, current = Scratch(tmp_path).own("x"), Scratch(tmp_path).own("x")
    (old / "file").write_text("left")
    long_ago = old.stat().st_mtime - 25 * 3600
    os.utime(old, (long_ago, long_ago))
    new = Scratch(tmp_path).own("x")
    assert new != current
    assert sorted(new.parent.iterdir()) == sorted((new, current))
