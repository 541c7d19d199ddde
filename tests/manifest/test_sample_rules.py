"""What the rules that need only headers say of samples, at the line that names them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.audio import making
from tests.audio.making import chunk, fmt, riff
from voicectl.errors import Problem
from voicectl.manifest.load import load_all
from voicectl.model.catalog import Catalog
from voicectl.model.lint import RULES

GOOD = riff(fmt(rate=16_000), chunk(b"data", bytes(32_000 * 20)))
TWO = """\
voices:
  a:
    title: A
    samples:
      - {audio: ../samples/one.wav}
  b:
    title: B
    samples:
      - {audio: ../samples/two.wav}
"""
Lint = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def lint(load: Callable[..., Catalog]) -> Lint:
    """Loads two voices with these samples, under this policy; what the rules say."""

    def found(one: bytes, two: bytes = GOOD + b"TAG", policy: str = "{}") -> tuple[Problem, ...]:
        project = f"catalog: acme\npolicy: {{lint: {policy}}}\n"
        files = {"voicectl.yaml": project, "voices/v.yaml": TWO, "samples/one.wav": one, "samples/two.wav": two}
        return load(files).lint

    return found


def test_good_samples_and_the_examples_have_no_findings(lint: Lint) -> None:
    assert lint(GOOD) == ()
    examples = Path(__file__).parents[2] / "examples"
    assert load_all(examples / "minimal", None)[1].lint == ()
    assert load_all(examples / "acme", "production")[1].lint == ()


@pytest.mark.parametrize(
    ("content", "words", "rule"),
    [
        (riff(fmt(rate=8000), chunk(b"data", bytes(16_000 * 20))),
         "has a low sample rate (8000 Hz; less than 16000)", "sample_rate"),
        (riff(fmt(channels=6, rate=16_000), chunk(b"data", bytes(192_000 * 12))),
         "has several channels (6; more than 2)", "channels"),
        (making.m4a(12, making.track(12, description=making.entry(b"mp4a", making.esds(configuration=b"\x14\x08")))),
         "has a low bit rate (1 kbit/s; less than 32)", "bit_rate"),
    ],
)  # fmt: skip
def test_a_sample_is_told_at_its_line(lint: Lint, content: bytes, words: str, rule: str) -> None:
    (problem,) = lint(content)
    assert (str(problem.place), problem.level) == ("voices/v.yaml:5:17", "warning")
    assert problem.message == f"samples.audio: 'samples/one.wav' {words}"
    assert problem.hint == RULES[rule].advice
    assert lint(content, policy=f"{{{rule}: off}}") == ()
    assert lint(content, policy=f"{{{rule}: error}}")[0].level == "error"


def test_a_moving_picture_is_told(lint: Lint) -> None:
    video = making.track(6, number=2, handler=b"vide", description=making.box(b"avc1", bytes(78)))
    found = lint(making.m4a(12, making.track(12), video), policy="{sample_rate: off, bit_rate: off}")
    assert [problem.message for problem in found] == [
        "samples.audio: 'samples/one.wav' has a moving picture beside its sound"
    ]


def test_the_same_file_in_two_voices_does_not_stop_a_load(lint: Lint) -> None:
    (problem,) = lint(GOOD, GOOD)
    assert (str(problem.place), problem.level) == ("voices/v.yaml:9:17", "error")
    assert problem.message == "samples.audio: 'samples/two.wav' is the same file as samples/one.wav of a"
    assert lint(GOOD, GOOD, "{same_recording: off}") == ()
    assert lint(GOOD, GOOD, "{same_recording: warning}")[0].level == "warning"


def test_what_only_all_samples_of_a_voice_tell(lint: Lint) -> None:
    found = lint(GOOD, policy="{clips: warning, total: {at: 15}, audition: {level: error, at: 19}}")
    assert [(str(problem.place), problem.level, problem.message) for problem in found if "'a'" in problem.message] == [
        ("voices/v.yaml:5:17", "warning", "voice 'a' has 1 of at least 2 samples"),
        ("voices/v.yaml:5:17", "warning", "voice 'a' has 20 s of recordings in all (more than 15)"),
        ("voices/v.yaml:5:17", "error", "voice 'a' has 20 s of recordings in all (more than 19)"),
    ]
    assert len(found) == 6
