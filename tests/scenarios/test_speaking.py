"""Hearing a voice: with its model, and with its samples before any model exists."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Hand, Project
from voicectl.emulator.settings import Fault

STARTS = {"mp3": (b"\xff\xfb", b"ID3"), "wav": (b"RIFF",), "opus": (b"OggS",), "pcm": (b"",)}


@pytest.fixture
def voiced(project: Project) -> Project:
    project.voices({"a": {"samples": [{"audio": project.sample("a.wav"), "transcript": "The words."}]}})
    return project


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize("command", ["say", "audition"])
def test_every_format(voiced: Project, hand: Hand, command: str, kind: str) -> None:
    if command == "say":
        voiced.apply()
    hand.emulator.log.clear()
    done = voiced.run(command, "a", "Good morning.", "-o", f"out.{kind}").expect(0)
    path = voiced.root / f"out.{kind}"
    assert path.read_bytes().startswith(STARTS[kind])
    assert "bytes)" in done.err
    assert done.out == ""
    assert hand.requests() == [("POST", "/v1/tts")]
    if kind != "pcm" and shutil.which("ffprobe"):
        subprocess.run(["ffprobe", "-v", "error", str(path)], check=True)


def test_the_recorded_id_is_what_speaks(voiced: Project, hand: Hand) -> None:
    voiced.apply()
    before = hand.get(voiced.lock["voices"]["a"]["id"])["task_count"]
    voiced.run("say", "a", "Hello.", "-o", "out.mp3", "--model", "s2-pro").expect(0)
    assert hand.get(voiced.lock["voices"]["a"]["id"])["task_count"] == before + 1


def test_long_text_from_standard_input(voiced: Project) -> None:
    voiced.apply()
    voiced.run("say", "a", "short", "-o", "short.wav").expect(0)
    done = voiced.spawn("say", "a", "-", "-o", "long.wav", stdin="語り手の言葉。 " * 500)
    assert done.code == 0, done.err
    assert (voiced.root / "long.wav").stat().st_size > 20 * (voiced.root / "short.wav").stat().st_size


def test_a_failure_leaves_what_was_there(voiced: Project, hand: Hand) -> None:
    voiced.apply()
    (voiced.root / "out.wav").write_bytes(b"before")
    for rule in (
        Fault(kind="status", path="/v1/tts", status=503),
        Fault(kind="truncate", path="/v1/tts"),
        Fault(kind="status", path="/v1/tts", status=402),
    ):
        hand.emulator.settings = replace(hand.emulator.settings, rules=(rule,))
        done = voiced.run("say", "a", "Hello.", "-o", "out.wav").expect(1)
        assert "internal error" not in done.err
        assert (voiced.root / "out.wav").read_bytes() == b"before"
        assert sorted(path.name for path in voiced.root.glob(".out*")) == []


def test_no_more_than_two_minutes_of_samples_are_sent(project: Project, hand: Hand) -> None:
    samples = [{"audio": project.sample(f"{n}.wav", seconds=50), "transcript": f"Words {n}."} for n in range(4)]
    project.voices({"a": {"samples": samples}})
    assert "2 of 4 samples are sent" in project.run("audition", "a", "Hello.", "-o", "out.mp3").expect(0).err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("say", "a", "x", "-o", "out.mp3"), "no recorded model"),
        (("say", "nobody", "x", "-o", "out.mp3"), "no recorded model"),
        (("audition", "aa", "x", "-o", "out.mp3"), "did you mean 'a'"),
        (("audition", "without", "x", "-o", "out.mp3"), "no transcripts"),
        (("audition", "a", "x", "-o", "out.flac"), "does not show the audio format"),
        (("audition", "a", "x", "-o", "out"), "does not show the audio format"),
        (("audition", "a", " ", "-o", "out.mp3"), "nothing to say"),
        (("audition", "a", "x", "-o", "gone/out.mp3"), "can't be written"),
        (("audition", "a", "x", "-o", "voices"), "does not show the audio format"),
        (("audition", "a", "x"), "--out"),
    ],
)
def test_what_can_not_be_heard(voiced: Project, hand: Hand, arguments: tuple[str, ...], said: str) -> None:
    voiced.voices({"without": {}}, file="voices/more.yaml")
    done = voiced.run(*arguments).expect(1)
    assert said in done.err
    assert hand.requests() == []


def test_a_model_that_is_still_training(voiced: Project, hand: Hand) -> None:
    hand.emulator.settings = replace(hand.emulator.settings, training_seconds=60)
    voiced.run("apply", "--yes", "--wait", "0").expect(1)
    assert "voicectl audition a" in voiced.run("say", "a", "x", "-o", "out.mp3").expect(1).err


def test_in_the_built_in_emulator(local: Project, tmp_path: Path) -> None:
    local.voices({"a": {"samples": [{"audio": local.sample("a.wav"), "transcript": "The words."}]}})
    local.apply()
    for command in ("say", "audition"):
        local.run(command, "a", "Hello.", "-o", f"{command}.mp3").expect(0)
        assert (local.root / f"{command}.mp3").stat().st_size > 100


@pytest.mark.parametrize("path", ["samples/a.wav", "voicectl.lock.json", "voices/all.yaml", "voicectl.yaml"])
def test_audio_never_takes_the_place_of_the_projects_files(voiced: Project, path: str) -> None:
    voiced.apply()
    before = (voiced.root / path).read_bytes()
    for command in ("say", "audition"):
        assert "is a file of the project" in voiced.run(command, "a", "x", "-o", path, "--format", "wav").expect(1).err
    assert (voiced.root / path).read_bytes() == before


def test_a_model_that_is_gone(voiced: Project, hand: Hand) -> None:
    voiced.apply()
    hand.delete(voiced.lock["voices"]["a"]["id"])
    assert "is gone from the account" in voiced.run("say", "a", "x", "-o", "out.mp3").expect(1).err
