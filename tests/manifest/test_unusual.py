"""Samples with unusual headers: a decoder decides, or a warning says that nobody could."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.audio.making import chunk, fmt, riff
from voicectl import files
from voicectl.audio import verdict
from voicectl.audio.hearing import has_decoder
from voicectl.errors import InvalidFiles
from voicectl.manifest.hashing import FileCache, FileFacts
from voicectl.manifest.load import load_all
from voicectl.model.catalog import Catalog

ODD = riff(fmt(7, rate=8000, bits=8), chunk(b"data", b"\x7f" * 8000 * 12))
"""12 s of mu-law: a coding that players take."""
BROKEN = riff(fmt(3, rate=8000, bits=8), chunk(b"data", bytes(96_000)))
"""Floating point of 8 bits: there is no such thing."""
ONE = "voices:\n  v:\n    title: V\n    samples: [{audio: ../samples/odd.wav}]\n"
MANY = "voices:\n" + "".join(
    f"  v{number}:\n    title: V\n    samples: [{{audio: ../samples/odd{number}.wav}}]\n" for number in range(60)
)
needs_decoder = pytest.mark.skipif(not has_decoder(), reason="voicectl[audio] is not installed")


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing can decode, for now."""
    monkeypatch.setattr(verdict, "has_decoder", lambda: False)
    return monkeypatch


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock be a minute later than that of the files, so that they may be remembered."""
    now = time.time_ns() + 60_000_000_000
    monkeypatch.setattr("voicectl.manifest.hashing.time.time_ns", lambda: now)
    monkeypatch.setattr("voicectl.manifest.load.time.time_ns", lambda: now)


def facts(root: Path) -> FileFacts:
    cache = FileCache(root)
    found = cache.facts(["a.wav"])["a.wav"]
    cache.save()
    assert isinstance(found, FileFacts)
    return found


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files that were opened to be hashed."""
    names: list[str] = []
    original = files.open_regular

    def note(path: str) -> int:
        names.append(os.path.basename(path))
        return original(path)

    monkeypatch.setattr("voicectl.manifest.hashing.open_regular", note)
    return names


def test_what_nobody_could_tell_is_asked_again(tmp_path: Path, deaf: pytest.MonkeyPatch, opened: list[str]) -> None:
    (tmp_path / "a.wav").write_bytes(ODD)
    later(deaf)
    assert facts(tmp_path).finding.unusual == facts(tmp_path).finding.unusual == "its sound is mu-law"
    assert opened == ["a.wav", "a.wav"]


@needs_decoder
def test_a_verdict_of_the_decoder_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str]
) -> None:
    (tmp_path / "a.wav").write_bytes(ODD)
    later(monkeypatch)
    found = facts(tmp_path)
    monkeypatch.setattr(verdict, "has_decoder", lambda: False)  # it may go again
    assert facts(tmp_path) == found
    assert (found.finding.format, found.finding.seconds, found.finding.unusual) == ("wav", 12.0, "")
    assert (found.finding.rate, found.finding.channels) == (8000, 1)
    assert opened == ["a.wav"]


def test_without_the_decoder_it_is_a_warning(write: Callable[..., Path], deaf: pytest.MonkeyPatch) -> None:
    (warning,) = load_all(write({"samples/odd.wav": ODD, "voices/a.yaml": ONE}), None)[1].warnings
    assert str(warning.place) == "voices/a.yaml:4:23"
    assert warning.message == "samples.audio: '../samples/odd.wav' has an unusual header (its sound is mu-law)"
    assert warning.hint == "`voicectl lint` with voicectl[audio] can tell whether it plays"


@needs_decoder
def test_with_the_decoder_it_is_fine_or_refused(write: Callable[..., Path]) -> None:
    root = write({"samples/odd.wav": ODD, "voices/a.yaml": ONE})
    assert load_all(root, None)[1].warnings == ()
    (root / "samples/odd.wav").write_bytes(BROKEN)
    with pytest.raises(InvalidFiles) as caught:
        load_all(root, None)
    (problem,) = caught.value.problems
    assert "can't be played" in problem.message
    assert problem.hint == "export it again"


@needs_decoder
def test_a_snapshot_does_not_keep_the_warning(
    write: Callable[..., Path], deaf: pytest.MonkeyPatch, sound: SimpleNamespace
) -> None:
    samples = {f"samples/odd{number}.wav": sound.wav(seed=number + 1) for number in range(60)}
    root = write({**samples, "samples/odd7.wav": ODD, "voices/a.yaml": MANY})
    later(deaf)

    def catalog() -> Catalog:
        return load_all(root, None)[1]

    assert len(catalog().warnings) == 1
    assert not (root / ".voicectl/cache/catalog.json").exists()
    deaf.undo()
    later(deaf)
    assert catalog().warnings == ()
    assert (root / ".voicectl/cache/catalog.json").exists()
    assert catalog().warnings == ()
