"""MP3: tags, frames, and the headers in the first of them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.audio.making import ID3V1, ape, frame, frames, id3, lyrics, mp3, vbri, xing
from tests.audio.probing import probed, told

SOUND = frames(12)
COUNT = 333
LONG = frames(60)
"""More than is counted frame by frame."""
VARIES = frames(12, (3, 5, 9))
LONG_VARIES = frames(60, (3, 5, 9))
LONG_COUNT = len(LONG) // 288


def with_header(sound: bytes, count: int | None, size: int | None = -1, **more: Any) -> bytes:
    """With Xing's header; by default its size is right."""
    return xing(count, len(sound) + len(frame(9)) if size == -1 else size, **more) + sound


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (SOUND, "12.0"),
        (VARIES, "12.0"),  # short enough to count its frames
        (LONG, "60.0"),
        (SOUND[:-100], "12.0"),
        (with_header(SOUND, COUNT), "12.0"),
        (with_header(SOUND, None), "12.0"),
        (with_header(SOUND, COUNT, None), "12.0"),
        (with_header(LONG, LONG_COUNT), "60.0"),
        (with_header(LONG, LONG_COUNT, None), "60.0"),
        (with_header(LONG, None, None), "60.0"),
        (with_header(LONG_VARIES, LONG_COUNT), "60.0"),
        (with_header(LONG, LONG_COUNT, delay=2400, padding=4000), "59.8"),
        (with_header(SOUND, COUNT, delay=2400, padding=4000), "11.8"),
        (vbri(COUNT, len(SOUND) + 432) + SOUND, "12.0"),
        (vbri(LONG_COUNT, len(LONG_VARIES) + 432) + LONG_VARIES, "60.0"),
        # Before and behind.
        (id3(bytes(99)) + SOUND, "12.0"),
        (id3(b"a" * 99) + id3(bytes(70_000)) + bytes(5000) + SOUND, "12.0"),
        (id3(b"a" * 99, footer=True) + SOUND, "12.0"),
        (ape(b"a" * 99) + SOUND, "12.0"),
        (bytes(3000) + SOUND, "12.0"),
        (SOUND + ID3V1, "12.0"),
        (LONG + ape(b"a" * 30_000) + lyrics(b"la" * 9000) + ID3V1, "60.0"),
        (LONG + ape(b"a" * 30_000, header=False), "60.0"),
        (LONG + b"LYRICSBEGIN" + b"la" * 2000 + b"LYRICSEND" + ID3V1, "60.0"),
        (LONG + bytes(50_000), "60.0"),
        (with_header(LONG, LONG_COUNT) + bytes(50_000), "60.0"),
    ],
)  # fmt: skip
def test_plain_headers_are_believed(content: bytes, words: str) -> None:
    assert told(content) == words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LONG_VARIES, "a variable bit rate, and no header that tells its length"),
        (LONG[:290_000] + LONG_VARIES, "a variable bit rate, and no header that tells its length"),
        (with_header(LONG_VARIES, None), "a variable bit rate, and a header that does not tell its length"),
        (with_header(LONG_VARIES, LONG_COUNT, None), "a header that does not count its bytes"),
        (with_header(LONG, LONG_COUNT) + with_header(LONG, LONG_COUNT), "more sound than its header says"),
        (with_header(SOUND, COUNT) + SOUND, "more sound than its header says"),
        (with_header(LONG, 9 * LONG_COUNT), "a header that does not fit its bit rate"),
        (with_header(LONG_VARIES, 99 * LONG_COUNT), "a header that contradicts itself"),
        (with_header(LONG_VARIES, 0), "a header that counts no frames"),
        (id3(b"a" * 99_000) + with_header(LONG, LONG_COUNT, len(LONG) + 90_000),
         "a header that counts more bytes than there are"),
        (b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + b"a" * 99 + SOUND, "something before its first frame"),
        (b"\xff\xfd\x50\x80" + SOUND, "something before its first frame"),
        (b"\x01" * 100 + SOUND, "something before its first frame"),
        (SOUND[:50_000] + b"\x01" * 3000 + SOUND, "something between its frames"),
    ],
)  # fmt: skip
def test_the_decoder_decides_about_odd_headers(content: bytes, words: str) -> None:
    assert told(content) == f"unusual: {words}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (id3(bytes(10)) + b"words " * 500, "refused: has no MP3 frames in it"),
        (id3(bytes(10)) + random.Random(1).randbytes(20_000), "refused: has no MP3 frames in it"),
        (id3(bytes(10)), "refused: has no MP3 frames in it"),
        (xing(0, 432), "refused: has no sound in it"),
        (with_header(LONG, LONG_COUNT)[:200_000], "refused: is cut off: 692 of 1,667 frames are there"),
        (with_header(LONG_VARIES, LONG_COUNT)[:400_000],
         "refused: is cut off: 400,000 of 600,480 bytes of sound are there"),
        (with_header(LONG, LONG_COUNT, None)[:300_000],
         "refused: is cut off: 300,000 of 480,672 bytes of sound are there"),
        (id3(bytes(100)) + b"fLaC" + bytes(900), "FLAC"),
        (id3(bytes(100)) + b"\xff\xf1\x50\x80" + bytes(900), "AAC"),
        (id3(bytes(100)) + b"\xff\xfd\x50\x80" + bytes(900), "MPEG audio of layer I or II"),
        ((b"\xff\xfb\x08\xc0" + bytes(200)) * 3,
         "refused: has a free bit rate, which hardly any player takes"),
        (random.Random(2).randbytes(50_000), "of an unknown format"),
        (bytes(3_000_000), "of an unknown format"),
    ],
)  # fmt: skip
def test_what_surely_is_no_mp3_is_named(content: bytes, words: str) -> None:
    assert told(content) == words


def test_rate_and_channels_are_told() -> None:
    found = probed(mp3(2))
    assert (found.rate, found.channels) == (32_000, 1)
