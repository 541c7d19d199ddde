"""The cache of digests: quick when it may be, never wrong."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from voicectl import files
from voicectl.manifest import hashing
from voicectl.manifest.hashing import FileCache, FileFacts


def aged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock of the cache be a minute later than that of the files."""
    now = time.time_ns() + 60_000_000_000
    monkeypatch.setattr("voicectl.manifest.hashing.time.time_ns", lambda: now)


def facts(root: Path, name: str = "a.wav") -> FileFacts:
    cache = FileCache(root)
    found = cache.facts([name])[name]
    cache.save()
    assert isinstance(found, FileFacts)
    return found


@pytest.fixture
def root(tmp_path: Path, sound: SimpleNamespace) -> Path:
    (tmp_path / "a.wav").write_bytes(sound.wav())
    return tmp_path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files that were opened to be hashed."""
    names: list[str] = []
    original = files.open_regular

    def note(path: str) -> int:
        if not path.endswith("files.json"):
            names.append(os.path.basename(path))
        return original(path)

    monkeypatch.setattr("voicectl.manifest.hashing.open_regular", note)
    return names


def test_a_warm_run_opens_no_file(root: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str]) -> None:
    aged(monkeypatch)
    first = facts(root)
    assert first.digest == "sha256:" + hashlib.sha256((root / "a.wav").read_bytes()).hexdigest()
    assert (first.finding.format, first.finding.seconds) == ("wav", 12.0)
    assert facts(root) == first
    assert opened == ["a.wav"]
    assert (root / ".voicectl/.gitignore").read_text() == "*\n"


def test_a_file_just_written_is_not_trusted(root: Path, opened: list[str]) -> None:
    facts(root)
    facts(root)
    assert opened == ["a.wav", "a.wav"]


def test_a_change_within_the_clocks_granularity_is_seen(root: Path, sound: SimpleNamespace) -> None:
    path = root / "a.wav"
    before, status = facts(root), path.stat()
    path.write_bytes(sound.wav(seed=9))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert facts(root).digest != before.digest


def test_a_restored_mtime_does_not_hide_a_change(
    root: Path, sound: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = root / "a.wav"
    aged(monkeypatch)
    before, status = facts(root), path.stat()
    path.write_bytes(sound.wav(seed=9))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert facts(root).digest != before.digest


def test_an_mtime_in_the_future_is_not_trusted(root: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str]) -> None:
    aged(monkeypatch)
    os.utime(root / "a.wav", (2e9 * 2, 2e9 * 2))
    facts(root)
    facts(root)
    assert opened == ["a.wav", "a.wav"]


def test_problems_are_not_remembered(root: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str]) -> None:
    (root / "a.wav").write_bytes(b"")
    aged(monkeypatch)
    assert facts(root).finding.problem == facts(root).finding.problem == "is empty"
    assert opened == ["a.wav", "a.wav"]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"\xff", b"null", b"[" * 100_000, b'{"version": 1}', b'{"version": 1, "files": []}',
        b'{"version": 1, "files": {"a.wav": 3}}', b'{"version": 99, "files": {}}',
        b'{"version": 1, "files": {"a.wav": [[1, 2, 3, 4], 9, "x", "y", null]}}',
    ],
)  # fmt: skip
def test_a_damaged_cache_is_ignored(root: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    aged(monkeypatch)
    whole = facts(root)
    (root / ".voicectl/cache/files.json").write_bytes(content)
    assert facts(root) == whole
    assert json.loads((root / ".voicectl/cache/files.json").read_text())["version"] == hashing.CACHE_VERSION


def test_a_damaged_entry_is_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aged(monkeypatch)
    whole = facts(root)
    path = root / ".voicectl/cache/files.json"
    cached = json.loads(path.read_text())
    cached["files"]["a.wav"][2] = "sha256:short"
    path.write_text(json.dumps(cached))
    assert facts(root) == whole


def test_a_cache_that_cannot_be_written_is_no_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aged(monkeypatch)
    (root / ".voicectl").write_text("a file is in the way")
    assert facts(root).finding.format == "wav"


def test_a_link_does_not_lead_the_cache_elsewhere(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    aged(monkeypatch)
    outside = tmp_path_factory.mktemp("outside")
    (root / ".voicectl").symlink_to(outside)
    facts(root)
    assert list(outside.iterdir()) == []


def test_an_unreadable_file_is_an_answer(root: Path) -> None:
    os.mkfifo(root / "pipe")
    os.symlink("/dev/zero", root / "zero.wav")
    found = FileCache(root).facts(["gone.wav", "pipe", "zero.wav", "a.wav"])
    assert isinstance(found["zero.wav"], OSError)
    assert isinstance(found["gone.wav"], FileNotFoundError)
    assert isinstance(found["pipe"], OSError)
    assert isinstance(found["a.wav"], FileFacts)
