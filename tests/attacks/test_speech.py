"""A proxy or the provider sends a page, an error or nothing in place of sound, over the good file of last time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.hostile_server import head, serving
from tests.conftest import Hand, Project
from voicectl.emulator import tones

GOOD = b"the good file of last time"
PAGE = b"<!doctype html><html><script>alert('secret-of-the-page')</script></html>"
SOUND = {
    "wav": b"".join(tones.wav(1, 44_100, 110)),
    "mp3": b"".join(tones.mp3(1, 64)),
    "opus": b"".join(tones.opus(1)),
    "pcm": b"".join(tones.pcm(1, 44_100, 110)),
}
WRONG: dict[str, tuple[str, bytes]] = {
    "a page": ("text/html; charset=utf-8", PAGE),
    "a page that says to be sound": ("audio/mpeg", PAGE),
    "an error": ("application/json", b'{"message": "secret-of-the-page"}'),
    "an error that says to be sound": ("audio/mpeg", b'{"message": "secret-of-the-page"}'),
    "a problem": ("application/problem+json", b"{}"),
    "nothing": ("audio/mpeg", b""),
}


@pytest.fixture
def voiced(project: Project) -> Project:
    project.voices({"a": {"samples": [{"audio": project.sample("a.wav"), "transcript": "The words."}]}})
    project.apply()
    return project


def spoken(project: Project, kind: str, body: bytes, *, asked: str, command: str) -> tuple[int, str]:
    """The exit code and what was said, where the answer is this; the lockfile is taken to be of that endpoint."""
    out = project.root / f"out.{asked}"
    out.write_bytes(GOOD)
    with serving(lambda method, path: [head(kind=kind) + body]) as url:
        project.environ["FISH_API_URL"] = url
        done = project.run(command, "a", "Hello.", "-o", out.name)
    return done.code, done.err


@pytest.mark.parametrize("command", ["say", "audition"])
@pytest.mark.parametrize("asked", SOUND)
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_sound_is_not_written(voiced: Project, wrong: str, asked: str, command: str) -> None:
    code, words = spoken(voiced, *WRONG[wrong], asked=asked, command=command)
    assert code in (1, 4)
    assert (voiced.root / f"out.{asked}").read_bytes() == GOOD
    assert "secret-of-the-page" not in words
    assert not [path for path in voiced.root.iterdir() if path.name.startswith(".out")]


@pytest.mark.parametrize("came", SOUND)
@pytest.mark.parametrize("asked", SOUND)
def test_sound_is_of_the_format_that_was_asked_for(voiced: Project, asked: str, came: str) -> None:
    code, words = spoken(voiced, "audio/x", SOUND[came], asked=asked, command="say")
    written = (voiced.root / f"out.{asked}").read_bytes()
    if asked in (came, "pcm"):  # raw samples have no header to tell them by
        assert (code, written) == (0, SOUND[came])
    else:
        assert (code, written) == (1, GOOD)
        assert f"the answer is not {asked}: it is " in words


def test_a_reference_beyond_all_bounds_is_not_taken_into_memory(project: Project, hand: Hand) -> None:
    project.voices({"a": {"samples": [{"audio": project.sample("a.wav"), "transcript": "The words."}]}})
    with open(project.root / "samples/a.wav", "r+b") as file:
        file.truncate(65 * 1024 * 1024)
    done = project.run("audition", "a", "Hello.", "-o", "out.mp3").expect(1)
    assert "samples/a.wav has 68,157,440 bytes, and an audition can send at most 64 MiB of samples" in done.err
    assert hand.requests() == []


def test_a_reference_that_changed_since_it_was_judged_is_not_sent(
    project: Project, hand: Hand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As a link to a file of the machine, or with other content."""
    from voicectl.cli.commands import speak

    project.voices({"a": {"samples": [{"audio": project.sample("a.wav"), "transcript": "The words."}]}})
    original = speak._speak
    sample, secret = project.root / "samples/a.wav", tmp_path / "secret"

    for kind in ("link", "content"):

        def swap(*arguments: Any, kind: str = kind) -> None:
            content = sample.read_bytes()
            sample.unlink()
            if kind == "link":
                secret.write_bytes(content)
                sample.symlink_to(secret)
            else:
                sample.write_bytes(bytes(len(content)))
            original(*arguments)

        monkeypatch.setattr(speak, "_speak", swap)
        done = project.run("audition", "a", "Hello.", "-o", "out.mp3").expect(1)
        assert "a.wav changed" in done.err
        assert [path for _, path in hand.requests() if path == "/v1/tts"] == []
        os.unlink(sample)
        project.sample("a.wav")
