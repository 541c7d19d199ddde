"""WAV: what its headers say, and what is odd about them."""

from __future__ import annotations

import struct

import pytest

from tests.audio.making import (
    ADPCM,
    ALAW,
    FLOAT,
    MP3_IN_WAV,
    MULAW,
    PCM,
    chunk,
    extensible,
    fmt,
    id3,
    riff,
    wav,
)
from tests.audio.probing import probed, told

SOUND = bytes(24_000)
"""12 s at 1,000 frames of 2 bytes a second."""
DATA = chunk(b"data", SOUND)
LIST = chunk(b"LIST", b"INFOISFT\x09\0\0\0strtrunk\0", pad=False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (riff(fmt(), DATA), "12.0"),
        (riff(extensible(), chunk(b"LIST", b"odd"), DATA), "12.0"),
        (riff(extensible(FLOAT, bits=32, rate=500), DATA), "12.0"),
        (riff(fmt(FLOAT, bits=32, rate=500), chunk(b"fact", bytes(4)), DATA), "12.0"),
        (riff(fmt(bits=24, rate=8000), DATA), "1.0"),
        (riff(fmt(bits=20, rate=8000), DATA), "1.0"),
        (riff(fmt(extra=b"\0\0"), DATA), "12.0"),
        # Sizes.
        (riff(fmt(), chunk(b"data", SOUND, 0)), "12.0"),
        (riff(fmt(), chunk(b"data", SOUND, -1), size=-1), "12.0"),
        (riff(fmt(), chunk(b"data", SOUND, 0x7FFFFFC4)), "12.0"),
        (riff(fmt(), chunk(b"data", SOUND, len(SOUND) + 44)), "12.0"),
        (riff(fmt(), DATA, size=0), "12.0"),
        (riff(fmt(byte_rate=0), DATA), "12.0"),
        (riff(fmt(byte_rate=5), DATA), "12.0"),
        # Chunks before and behind.
        (riff(fmt(), LIST, DATA), "12.0"),
        (riff(chunk(b"JUNK", b"odd", pad=False), fmt(), DATA), "12.0"),
        (riff(fmt(), chunk(b"odd!", b"odd"), DATA), "12.0"),
        (riff(fmt(), DATA, chunk(b"LIST", bytes(500)), chunk(b"id3 ", bytes(5000))), "12.0"),
        (riff(fmt(), DATA) + b"TAG", "12.0"),
        (riff(fmt(), chunk(b"data", SOUND + b"\0"), chunk(b"LIST", bytes(500))), "12.0"),
    ],
)  # fmt: skip
def test_plain_and_slightly_wrong_headers_are_believed(content: bytes, words: str) -> None:
    assert told(content) == words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (riff(fmt(ALAW, bits=8), DATA), "its sound is A-law"),
        (riff(fmt(MULAW, bits=8), DATA), "its sound is mu-law"),
        (riff(fmt(ADPCM, bits=4, align=256, byte_rate=2000), DATA), "its sound is Microsoft ADPCM"),
        (riff(fmt(align=4), DATA), "frames of 4 bytes for 1 × 16 bits"),
        (riff(fmt(rate=0xFFFFFFFF, byte_rate=0), DATA), "1 channels at 4294967295 Hz"),
        (riff(fmt(bits=48), DATA), "samples of 48 bits"),
        (riff(fmt(bits=0), DATA), "samples of 0 bits"),
        (riff(fmt(FLOAT, bits=16), DATA), "samples of 16 bits"),
        (riff(fmt(0xFFFE, extra=bytes(24)), DATA), "an extensible format without a known kind"),
        (riff(fmt(), DATA, DATA), "several chunks of sound"),
        (riff(fmt(), DATA) + b"\xff" * 9000, "more than its chunks hold"),
        (
            riff(extensible(bits=32)[:26] + b"\x18" + extensible(bits=32)[27:], DATA),
            "an extensible format of 24 in 32 bits",
        ),
        (id3(bytes(30)) + riff(fmt(), DATA), "a tag before its own header"),
    ],
)
def test_the_decoder_decides_about_odd_headers(content: bytes, words: str) -> None:
    assert told(content) == f"unusual: {words}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (wav(12)[:10_000], "refused: is cut off: 9,956 of 24,000 bytes of sound are there"),
        (wav(0), "refused: has no sound in it"),
        (wav(12)[:30], "refused: has no sound in it"),
        (riff(fmt(), chunk(b"LIST", b"", 99_999)), "refused: has no sound in it"),
        (riff(DATA, fmt()), "refused: has no usable fmt chunk before its sound"),
        (riff(fmt(channels=0, align=2), DATA), "refused: has no usable fmt chunk before its sound"),
        (riff(fmt(rate=0), DATA), "refused: has no usable fmt chunk before its sound"),
        (riff(*[chunk(b"JUNK", b"")] * 2000, fmt(), DATA),
         "refused: has no sound in it: there are more than a thousand chunks before any"),
        (riff(fmt(MP3_IN_WAV, bits=0, align=1), DATA), "MP3 in a WAV file"),
        (riff(extensible(0x161), DATA), "WMA in a WAV file"),
        (riff(fmt(0x9999), DATA), "sound of codec 0x9999 in a WAV file"),
        (b"junk" + riff(fmt(), DATA), "of an unknown format"),
        (bytes(64) + riff(fmt(), DATA), "of an unknown format"),
        (riff(fmt(), DATA, name=b"RIFX"), "RIFX (a big-endian WAV)"),
        (riff(chunk(b"ds64", bytes(28)), fmt(), chunk(b"data", SOUND, -1), size=-1, name=b"RF64"),
         "RF64 (a WAV for more than 4 GiB)"),
    ],
)  # fmt: skip
def test_what_surely_is_no_plain_wav_is_named(content: bytes, words: str) -> None:
    assert told(content) == words


def test_a_little_may_be_missing() -> None:
    assert told(wav(12, rate=8000)[:-1500]) == "11.9"
    assert told(wav(12, rate=8000)[:-1700]).startswith("refused: is cut off")


def test_rate_and_channels_are_told() -> None:
    found = probed(riff(fmt(PCM, 2, 44_100), DATA))
    assert (found.rate, found.channels, found.moving) == (44_100, 2, False)
    assert found.seconds == pytest.approx(24_000 / 4 / 44_100)


def test_an_odd_chunk_at_the_very_end_is_no_trouble() -> None:
    content = riff(fmt(), chunk(b"data", SOUND + b"\1", pad=False))
    assert told(content) == "12.0"
    assert struct.unpack_from("<I", content, 40)[0] % 2 == 1
