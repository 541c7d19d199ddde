"""What `validate` tells of samples by their headers, and what a plan makes of it."""

from __future__ import annotations

import json

import pytest

from tests.audio import sounds
from tests.audio.making import chunk, fmt, riff
from tests.conftest import Project
from voicectl.audio import verdict


def put(project: Project, name: str, content: bytes) -> str:
    target = project.root / "samples" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return f"../samples/{name}"


def test_the_same_recording_in_two_voices_is_an_error_of_validate(project: Project) -> None:
    speech = sounds.SPEECH.read_bytes()
    project.voices({name: {"samples": [{"audio": put(project, f"{name}.wav", speech)}]} for name in ("a", "b")})
    done = project.run("validate").expect(1)
    assert "'samples/b.wav' is the same file as samples/a.wav of a" in done.err
    assert "is it in the wrong voice?" in done.err
    project.run("plan").expect(0)  # the rules of lint are advice: only `validate` and `lint` fail on them


def test_a_low_sample_rate_is_a_warning_that_a_project_can_switch_off(project: Project) -> None:
    slow = riff(fmt(rate=8000), chunk(b"data", bytes(16_000 * 12)))
    project.voices({"a": {"samples": [{"audio": put(project, "a.wav", slow)}]}})
    done = project.run("validate", "--format", "json").expect(0)
    (problem,) = json.loads(done.out)["problems"]
    assert problem["level"] == "warning"
    assert problem["message"] == "samples.audio: 'samples/a.wav' has a low sample rate (8000 Hz; less than 16000)"
    settings = project.root / "voicectl.yaml"
    settings.write_text(settings.read_text() + "policy: {lint: {sample_rate: off}}\n")
    assert json.loads(project.run("validate", "--format", "json").expect(0).out)["problems"] == []


def test_a_plan_warns_of_what_nobody_could_hear(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "has_decoder", lambda: False)
    odd = riff(fmt(7, rate=16_000, bits=8), chunk(b"data", b"\x7f" * 16_000 * 12))
    project.voices({"a": {"samples": [{"audio": put(project, "a.wav", odd)}]}})
    for command in ("validate", "plan"):
        done = project.run(command).expect(0)
        assert "has an unusual header (its sound is mu-law)" in done.out + done.err
