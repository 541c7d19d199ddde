"""MPEG-4: boxes of every size, tracks of every kind, edits and fragments."""

from __future__ import annotations

import struct

import pytest

from tests.audio.making import FTYP, SELF, box, entry, esds, long_box, m4a, movie, track
from tests.audio.probing import probed, told

PLAIN = m4a(12)
HEADER = PLAIN[len(FTYP) : PLAIN.index(b"mdat") - 4]
MEDIA = bytes(970)


def video(seconds: float) -> bytes:
    return track(seconds, number=2, handler=b"vide", description=box(b"avc1", bytes(78)))


def edits(*parts: tuple[int, int]) -> bytes:
    return box(
        b"edts", box(b"elst", struct.pack(">II", 0, len(parts)), *(struct.pack(">Iii", *p, 65536) for p in parts))
    )


def fragment(number: int, ticks: int, count: int, *, each: bool = False) -> bytes:
    """A fragment whose samples have a length by default, or each its own."""
    if each:
        run = box(b"trun", struct.pack(">II", 0x301, count), bytes(4), struct.pack(">II", ticks, 10) * count)
        head = box(b"tfhd", struct.pack(">II", 0, number))
    else:
        run = box(b"trun", struct.pack(">III", 0x1, count, 0))
        head = box(b"tfhd", struct.pack(">III", 8, number, ticks))
    return box(b"moof", box(b"mfhd", bytes(8)), box(b"traf", head, run)) + box(b"mdat", bytes(count * 10))


def fragmented(*fragments: bytes, ticks: int = 0) -> bytes:
    extends = box(b"mvex", box(b"trex", struct.pack(">IIIIII", 0, 1, 1, ticks, 0, 0)))
    return FTYP + movie(track(0), extends) + b"".join(fragments)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (PLAIN, "12.0"),
        (PLAIN + bytes(16), "12.0"),
        (PLAIN + b"\xff" * 16, "12.0"),
        (m4a(12, track(12, wide=True, at=30)), "12.0"),
        (FTYP + box(b"mdat", MEDIA) + movie(track(12, at=len(FTYP) + 8)), "12.0"),
        (FTYP + long_box(b"mdat", MEDIA) + movie(track(12, at=len(FTYP) + 16)), "12.0"),
        (FTYP + HEADER + box(b"mdat", MEDIA, size=0), "12.0"),
        (FTYP + box(b"free") + box(b"mdat", MEDIA) + movie(track(12, at=len(FTYP) + 16)), "12.0"),
        (m4a(12, track(12, declared=0)), "12.0"),
        (m4a(12, track(12, declared=99_000)), "12.0"),
        (m4a(12, track(12, edits=edits((10_000, 8000)))), "10.0"),
        (m4a(12, track(12, edits=edits((0, 8000)))), "11.0"),
        (m4a(12, track(12, edits=edits((99_000, 0)))), "12.0"),
        (m4a(12, track(12, edits=edits((2000, -1), (11_000, 0)))), "11.0"),
        (m4a(12, video(6), track(12)), "12.0"),
        (m4a(12, track(12), track(99, number=2)), "12.0"),
        (fragmented(fragment(1, 1000, 48), fragment(9, 1000, 80), fragment(1, 1000, 48, each=True)), "12.0"),
        (fragmented(*[fragment(1, 1000, 8)] * 500), "500.0"),
    ],
)  # fmt: skip
def test_plain_headers_are_believed(content: bytes, words: str) -> None:
    assert told(content) == words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (m4a(12, track(12, edits=edits((2000, 0), (3000, 16_000)))), "an edit list of several parts"),
        (m4a(12, track(12, description=entry(b"mp4a", box(b"xxxx")))), "a description without a configuration"),
        (m4a(12, track(12, description=entry(b"mp4a", esds(0x99)))), "sound of object type 0x99"),
        (m4a(12, track(12, description=entry(b"mp4a", esds(configuration=b"\x0d\x88")))), "AAC of object type 1"),
        (PLAIN[:-12], "the end of its last sample is missing"),
        (PLAIN.replace(SELF, box(b"url ", bytes(4))), "its sound lies in another file"),
        (FTYP + box(b"moov", box(b"cmov", bytes(20))), "a compressed header"),
    ],
)  # fmt: skip
def test_the_decoder_decides_about_odd_headers(content: bytes, words: str) -> None:
    assert told(content) == f"unusual: {words}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (PLAIN[:-300], "refused: is cut off, or damaged: 290 bytes and more of its sound are missing"),
        (PLAIN[:600], "refused: is cut off, or damaged"),
        (FTYP + box(b"mdat", MEDIA), "refused: is cut off, or damaged: it has no moov box"),
        (FTYP, "refused: is cut off, or damaged: it has no moov box"),
        (fragmented(fragment(1, 8000, 4), fragment(1, 8000, 4)[:-20]), "refused: is cut off, or damaged: 20 bytes"),
        (fragmented(fragment(1, 8000, 4), fragment(1, 8000, 4)[:50]), "refused: is cut off, or damaged"),
        (m4a(12, video(12)), "refused: has no sound track"),
        (FTYP + movie(), "refused: has no sound track"),
        (m4a(12, track(0)), "refused: has no sound in it"),
        (fragmented(), "refused: has no sound in it"),
        (m4a(12, track(12, description=box(b"alac", bytes(60)))), "Apple Lossless (ALAC) in an MPEG-4 file"),
        (m4a(12, track(12, description=box(b"Opus", bytes(60)))), "Opus in an MPEG-4 file"),
        (m4a(12, track(12, description=box(b"xyz1", bytes(60)))), "sound of codec 'xyz1' in an MPEG-4 file"),
        (m4a(12, track(12, description=entry(b"mp4a", esds(0x6B)))), "MP3 in an MPEG-4 file"),
        (m4a(12, track(12, description=box(b"enca", bytes(60)))), "encrypted sound in an MPEG-4 file"),
    ],
)  # fmt: skip
def test_what_surely_is_no_aac_is_named(content: bytes, words: str) -> None:
    assert told(content).startswith(words)


def test_a_cover_or_a_chapters_picture_does_not_move() -> None:
    chapters = box(b"tref", box(b"chap", struct.pack(">I", 2)))
    assert probed(m4a(12, track(12), video(6))).moving
    assert not probed(m4a(12, track(12), video(0.125))).moving
    assert not probed(m4a(12, track(12, more=chapters), video(6))).moving


@pytest.mark.parametrize(
    ("configuration", "rate", "channels"),
    [(b"\x15\x88", 8000, 1), (b"\x12\x10", 44_100, 2), (b"\x2b\x92\x08\x00", 44_100, 2),
     (b"\x17\x80\x56\x22\x08", 44_100, 1)],
)  # fmt: skip
def test_rate_and_channels_are_told(configuration: bytes, rate: int, channels: int) -> None:
    found = probed(m4a(2, track(2, description=entry(b"mp4a", esds(configuration=configuration)))))
    assert (found.rate, found.channels) == (rate, channels)
