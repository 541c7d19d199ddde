"""Copies of recordings, found by their levels."""

from __future__ import annotations

import pytest

from tests.audio import sounds
from tests.audio.test_measure import in_form, measured
from voicectl.audio.likeness import Likeness, alike
from voicectl.report.preview_html import wave

NEAR = 0.9


@pytest.fixture(scope="module")
def clean() -> sounds.Sound:
    return sounds.speech()


def pairs(**recordings: bytes) -> list[Likeness]:
    return list(alike({name: measured(data).envelope for name, data in recordings.items()}, NEAR))


@pytest.mark.parametrize("form", ["mp3", "m4a", "opus"])
def test_another_format_is_the_same_recording(clean: sounds.Sound, form: str) -> None:
    data = sounds.wav(clean)
    (found,) = pairs(one=data, other=in_form(data, form))
    assert found.same


def test_another_volume_and_cut_is_nearly_the_same(clean: sounds.Sound) -> None:
    cut = sounds.wav(sounds.louder(sounds.part(clean, 1.23, 11.1), -7))
    (found,) = pairs(one=sounds.wav(clean), other=cut)
    assert not found.same
    assert found.correlation > NEAR


def test_other_recordings_are_not_alike() -> None:
    files = {path.stem: path.read_bytes() for path in sounds.SAMPLES.iterdir() if path.suffix != ".txt"}
    assert len(files) > 4
    assert pairs(**files) == []


def test_silence_and_tones_are_alike_to_nothing(clean: sounds.Sound) -> None:
    assert (
        pairs(
            one=sounds.wav(sounds.silence(12)),
            other=sounds.wav(sounds.silence(12)),
            third=sounds.wav(sounds.tone(12)),
            speech=sounds.wav(clean),
        )
        == []
    )


def test_what_is_too_short_is_alike_to_nothing() -> None:
    assert list(alike({"a": "", "b": "AAAA", "c": "////"}, NEAR)) == []


@pytest.mark.parametrize("envelope", ["A", "\u00e9", "====", ""])
def test_what_is_no_envelope_is_alike_to_nothing(envelope: str) -> None:
    assert list(alike({"one": envelope, "other": envelope}, NEAR)) == []
    assert wave(envelope) == ""
