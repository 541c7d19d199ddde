"""Ogg Opus: where its sound begins and ends."""

from __future__ import annotations

import struct

import pytest

from tests.audio.making import SILENT, opus, opus_head, opus_tags, page
from tests.audio.probing import probed, told

HOUR = 3600 * 48_000
SKELETON = page([b"fishead\0" + bytes(56)], 0, 0, 2, serial=9)
THEORA = page([b"\x80theora" + bytes(34)], 0, 0, 2, serial=8)
VORBIS = page([b"\x01vorbis" + bytes(23)], 0, 0, 2, serial=8)
HEADS = page([opus_head()], 0, 0, 2) + page([opus_tags()], 0, 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (opus(12), "12.0"),
        (opus(12, skip=3840), "12.0"),
        (opus(12, start=HOUR), "12.0"),
        (opus(12, end=False), "12.0"),
        (opus(12) + page([], -1, 99, 4), "12.0"),
        (opus(12) + b"TAG" + bytes(125), "12.0"),
        (SKELETON + opus(12), "12.0"),
        (opus(12, first=THEORA), "12.0"),
        (opus(12, first=VORBIS), "12.0"),
        (opus(0.5), "0.5"),
        (opus(0.5, start=HOUR), "0.5"),
        (opus(12)[:-20], "12.0"),
        # Packets that go on in the next page.
        (HEADS + page([SILENT, b"\xf8" + bytes(254)], 960, 2, open_end=True) + page([b"\0"], 1920, 3, 5), "0.0"),
    ],
)
def test_plain_headers_are_believed(content: bytes, words: str) -> None:
    assert told(content) == words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (opus(12) + opus(3, serial=8), "several recordings one behind another"),
        (opus(12) + opus(3), "several recordings one behind another"),
        (opus(12)[:400] + b"junk" + opus(12)[400:], "something between its pages"),
        (opus(12)[:70] + opus(12)[80:], "something between its pages"),
        (opus(12) + bytes(200_000), "no page of its sound near its end"),
        (opus(12, start=-9600), "a beginning before its first sample"),
        (opus(12) + page([SILENT], -99, 99, 4), "a negative position at its end"),
        (opus(3, start=HOUR) + page([SILENT], 960, 99, 4), "positions that run backwards"),
        (opus(12) + page([SILENT], 2**62, 99, 4), "more time than its bytes can hold"),
    ],
)
def test_the_decoder_decides_about_odd_positions(content: bytes, words: str) -> None:
    assert told(content) == f"unusual: {words}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (opus(12)[:60], "refused: has no sound in it"),
        (HEADS, "refused: has no sound in it"),
        (opus(0), "refused: has no sound in it"),
        (opus(12)[:-69], "refused: is cut off: its last page has 112 of 150 bytes"),
        (page([opus_head(channels=0)], 0, 0, 2), "refused: has a damaged header"),
        (page([opus_tags()], 0, 1), "refused: has no beginning: its first page is another one"),
        (THEORA, "refused: has no sound track"),
        (VORBIS + opus(12), "Ogg Vorbis"),
        (page([b"\x7fFLAC\1\0" + bytes(9)], 0, 0, 2), "Ogg FLAC"),
        (page([b"Speex   1.2" + bytes(60)], 0, 0, 2), "Speex"),
        (SKELETON, "an unknown Ogg file"),
    ],
)
def test_what_surely_is_no_opus_is_named(content: bytes, words: str) -> None:
    assert told(content).startswith(words)


def test_every_kind_of_packet_has_its_length() -> None:
    lengths = {0x00: 10, 0x08: 20, 0x10: 40, 0x18: 60, 0x60: 10, 0x78: 20, 0x80: 2.5, 0x98: 20, 0xE8: 5, 0xFB: 60}
    for first, milliseconds in lengths.items():
        # 0xFB: code 3, whose second byte counts the frames.
        packets = [bytes([first, 3])] * 100
        content = HEADS + page(packets, HOUR, 2) + page([SILENT], HOUR + 960, 3, 4)
        expected = milliseconds / 10 + 0.02 - 312 / 48_000
        assert probed(content).seconds == pytest.approx(expected), hex(first)


def test_a_moving_picture_beside_the_sound_is_told() -> None:
    assert probed(opus(12, first=THEORA)).moving
    assert not probed(opus(12)).moving


def test_rate_and_channels_are_told() -> None:
    found = probed(opus(1).replace(struct.pack("<BBH", 1, 1, 312), struct.pack("<BBH", 1, 2, 312)))
    assert (found.rate, found.channels) == (48_000, 2)
