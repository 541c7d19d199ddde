"""What is measured of a recording."""

from __future__ import annotations

import io
import random
import resource

import pytest

from tests.audio import sounds
from voicectl.audio.decode import Unplayable, convert, hear
from voicectl.audio.measure import measure
from voicectl.model.recording import Measured


def measured(data: bytes) -> Measured:
    return measure(io.BytesIO(data), len(data))


def in_form(data: bytes, form: str) -> bytes:
    out = io.BytesIO()
    convert(io.BytesIO(data), out, form)
    return out.getvalue()


CUT_OFF = bytes.fromhex(
    "1a45dfa39f4286810142f7810142f2810442f381084282847765626d4287810442858102185380670100000000007f36114d9b74ba4d"
)
"""The beginning of a WebM file, of which FFmpeg says "Input/output error"."""


@pytest.fixture(scope="module")
def clean() -> sounds.Sound:
    return sounds.speech()


def test_clean_speech_measures_as_such(clean: sounds.Sound) -> None:
    found = measured(sounds.wav(clean))
    assert (found.rate, found.channels, found.codec) == (16_000, 1, "pcm_s16le")
    assert found.seconds == pytest.approx(len(clean) / 16_000, abs=0.001)
    assert found.loudness == pytest.approx(-19.9, abs=0.3)  # ffmpeg's own ebur128 says -19.9 LUFS
    assert found.true_peak == pytest.approx(-1.4, abs=0.2)
    assert found.snr > 60
    assert found.speech > 0.8
    assert found.flat_peaks == 0
    assert (found.head, found.tail, found.pause) < (0.3, 0.5, 0.6)


def test_volume_moves_loudness_and_peak_alike(clean: sounds.Sound) -> None:
    loud, quiet = measured(sounds.wav(clean)), measured(sounds.wav(sounds.louder(clean, -12)))
    assert loud.loudness is not None
    assert quiet.loudness is not None
    assert loud.loudness - quiet.loudness == pytest.approx(12, abs=0.2)
    assert loud.true_peak - quiet.true_peak == pytest.approx(12, abs=0.2)


def test_noise_is_told_from_speech(clean: sounds.Sound) -> None:
    found = measured(sounds.wav(sounds.noisy(clean, -45)))
    assert found.noise == pytest.approx(-45, abs=2)
    assert found.snr == pytest.approx(25, abs=3)


def test_an_offset_is_no_noise(clean: sounds.Sound) -> None:
    found = measured(sounds.wav(sounds.shifted(clean, 0.1)))
    assert found.dc_offset == pytest.approx(0.1, abs=0.01)
    assert found.noise < -80


@pytest.mark.parametrize("decibels", [6, 10, 14])
def test_clipping_shows_at_the_peaks_even_after_it_was_turned_down(clean: sounds.Sound, decibels: int) -> None:
    clipped = sounds.louder(clean, decibels)
    assert measured(sounds.wav(clipped)).flat_peaks > 1
    assert measured(sounds.wav(sounds.louder(clipped, -6))).flat_peaks > 1


def test_silence_at_both_ends_and_inside(clean: sounds.Sound) -> None:
    padded = sounds.silence(2) + sounds.part(clean, 0, 5) + sounds.silence(3) + sounds.part(clean, 5, 12)
    found = measured(sounds.wav(padded + sounds.silence(1.5)))
    assert found.head == pytest.approx(2, abs=0.2)
    assert found.pause == pytest.approx(3, abs=0.4)
    assert found.tail == pytest.approx(1.5, abs=0.3)


def test_silence_and_tones_are_no_speech() -> None:
    silent = measured(sounds.wav(sounds.silence(10)))
    assert silent.loudness is None
    assert silent.speech == 0
    assert measured(sounds.wav(sounds.tone(10))).speech < 0.5


@pytest.mark.parametrize("form", ["mp3", "m4a", "opus"])
def test_a_format_hardly_changes_what_is_measured(clean: sounds.Sound, form: str) -> None:
    before, after = measured(sounds.wav(clean)), measured(in_form(sounds.wav(clean), form))
    assert before.loudness is not None
    assert after.loudness == pytest.approx(before.loudness, abs=0.5)
    assert after.seconds == pytest.approx(before.seconds, abs=0.1)
    assert after.pause == pytest.approx(before.pause, abs=0.1)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "can't be played"),
        (b"Not a recording at all.\n" * 100, "can't be played"),
        (b"PK\x03\x04" + bytes(5000), "can't be played"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "can't be played"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "can't be played"),
        (sounds.wav(sounds.silence(0)), "has no sound in it|can't be played"),
        (CUT_OFF, "can't be played"),
    ],
)
def test_what_is_no_recording_is_unplayable(data: bytes, words: str) -> None:
    with pytest.raises(Unplayable, match=words):
        measured(data)


def test_memory_does_not_grow_with_length(clean: sounds.Sound) -> None:
    long = sounds.wav(clean * 40)  # eight minutes
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    measured(long)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


def test_one_bad_packet_of_any_kind_does_not_silence_the_rest() -> None:
    """FFmpeg's AAC decoder has more words for damage than `invalid data`."""
    from tests.audio.encoding import encoded

    whole = encoded("ipod", "aac", rate=8000, bit_rate=24_000)
    assert whole is not None
    begin, dice = whole.index(b"mdat") + 4, random.Random(1)
    for _ in range(80):
        at = begin + dice.randrange(500, 4500)
        assert hear(io.BytesIO(whole[:at] + dice.randbytes(4) + whole[at + 4 :])).seconds > 1.5
