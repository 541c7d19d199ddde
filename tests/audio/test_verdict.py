"""What the decoder decides about files with unusual headers."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from tests.audio import making, sounds
from tests.audio.probing import probed
from voicectl.audio import verdict
from voicectl.audio.kinds import FileKind
from voicectl.audio.verdict import Doubt, decide
from voicectl.audio.worker import Processes

SPEECH = sounds.wav(sounds.part(sounds.speech(), 0, 3))
FORMAT, DATA = SPEECH[12:36], SPEECH[36:]
TWICE = making.riff(FORMAT, DATA, DATA)
"""Two chunks of sound: FFmpeg plays the first."""


def doubt(path: Path, content: bytes) -> Doubt:
    path.write_bytes(content)
    return Doubt(str(path), "sha256:" + hashlib.sha256(content).hexdigest(), probed(content))


def test_what_plays_is_sound_with_the_decoders_seconds(tmp_path: Path) -> None:
    given = doubt(tmp_path / "a.wav", TWICE)
    assert given.kind.unusual == "several chunks of sound"
    assert decide({"a": given}) == {"a": FileKind("wav", 3.0, rate=16_000, channels=1)}


def test_what_does_not_play_is_refused_with_the_decoders_words(tmp_path: Path) -> None:
    noise = making.riff(making.extensible(), making.chunk(b"data", bytes(9000))).replace(b"\xaa\x00\x38", b"\0\0\0")
    found = decide({"a": doubt(tmp_path / "a.wav", noise)})["a"]
    assert found.problem.startswith("can't be played") or "no sound" in found.problem
    assert found.hint == "export it again"


def test_another_codec_is_refused_by_name(tmp_path: Path) -> None:
    from tests.audio.encoding import encoded

    flac = encoded("flac", "flac", rate=16_000)
    assert flac is not None
    (tmp_path / "a.mp3").write_bytes(flac)
    given = Doubt(str(tmp_path / "a.mp3"), "sha256:" + hashlib.sha256(flac).hexdigest(), FileKind("mp3", unusual="odd"))
    assert decide({"a": given})["a"].format == "FLAC"


def test_without_the_decoder_nobody_can_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "has_decoder", lambda: False)
    monkeypatch.setattr(verdict, "Processes", None)
    given = doubt(tmp_path / "a.wav", TWICE)
    assert decide({"a": given}) == {"a": given.kind}


def test_a_file_that_changed_meanwhile_or_is_gone_stays_in_doubt(tmp_path: Path) -> None:
    changed, gone = doubt(tmp_path / "a.wav", TWICE), doubt(tmp_path / "b.wav", TWICE)
    (tmp_path / "a.wav").write_bytes(SPEECH)
    (tmp_path / "b.wav").unlink()
    assert decide({"a": changed, "b": gone}) == {"a": changed.kind, "b": gone.kind}


def deadly(given: Doubt) -> FileKind:
    """In the worker: one file kills it, one lets it hang."""
    if given.path == "kill":
        os.kill(os.getpid(), 9)
    if given.path == "hang":
        time.sleep(60)
    return verdict.hear_file(given)


def test_a_crash_or_a_hang_costs_that_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicectl.audio.worker.PATIENCE", 1.5)
    monkeypatch.setattr(verdict, "Processes", lambda call: Processes(deadly, 2))
    odd = FileKind("mp3", unusual="odd")
    found = decide({
        "a": doubt(tmp_path / "a.wav", TWICE), "kill": Doubt("kill", "", odd), "hang": Doubt("hang", "", odd),
    })  # fmt: skip
    assert found["a"].seconds == 3.0
    for name in ("kill", "hang"):
        assert found[name].problem == "makes the decoder crash, or takes it more than two minutes"
        assert found[name].hint == "export it again"
