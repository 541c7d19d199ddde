"""Playable audio of a given length: a hum, in the provider's four formats.

wav and pcm are computed; mp3 and opus repeat a second of encoded hum from `data/`. Each format yields pieces
of about a second.
"""

from __future__ import annotations

import array
import math
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

_MP3_BITRATES = {1: 32, 2: 40, 3: 48, 4: 56, 5: 64, 6: 80, 7: 96, 8: 112, 9: 128, 10: 160, 11: 192, 12: 224}
_MP3_SAMPLES = 1152
_MP3_RATE = 44_100
_OPUS_RATE = 48_000
_OPUS_PACKET = 960
_FIRST, _LAST = 2, 4
_UNKNOWN_SIZE = 0xFFFFFFFF


def pcm(seconds: float, rate: int, pitch: int) -> Iterator[bytes]:
    """16-bit little-endian mono samples."""
    second = _hum(rate, pitch)
    left = round(seconds * rate) * 2
    while left > 0:
        yield second[:left]
        left -= len(second)


def wav(seconds: float, rate: int, pitch: int) -> Iterator[bytes]:
    """The same as `pcm`, in a WAVE file that was begun before its length was known: its sizes are placeholders."""
    shape = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    yield struct.pack("<4sI4s", b"RIFF", _UNKNOWN_SIZE, b"WAVE") + shape + struct.pack("<4sI", b"data", _UNKNOWN_SIZE)
    yield from pcm(seconds, rate, pitch)


def mp3(seconds: float, bitrate: int) -> Iterator[bytes]:
    """MPEG-1 layer III at 44,100 Hz; `bitrate` is 64, 128 or 192. No frame needs another, so they repeat."""
    frames = _mp3_frames(bitrate)
    left = max(1, math.ceil(seconds * _MP3_RATE / _MP3_SAMPLES))
    while left > 0:
        yield b"".join(frames[:left])
        left -= len(frames)


def opus(seconds: float) -> Iterator[bytes]:
    """An Ogg Opus file at 48,000 Hz."""
    head, tags, packets = _opus_packets()
    yield _ogg_page([head], 0, 0, _FIRST) + _ogg_page([tags], 0, 1, 0)
    left, granule, number = max(1, math.ceil(seconds * _OPUS_RATE / _OPUS_PACKET)), 0, 2
    while left > 0:
        batch = packets[:left]
        left -= len(batch)
        granule += len(batch) * _OPUS_PACKET
        yield _ogg_page(batch, granule, number, _LAST if left <= 0 else 0)
        number += 1


@lru_cache(maxsize=16)
def _hum(rate: int, pitch: int) -> bytes:
    """One second of a whole number of periods, so that it joins with itself without a click."""
    turn = 2 * math.pi * pitch / rate
    wave = (int(6000 * math.sin(turn * n) + 2000 * math.sin(2 * turn * n)) for n in range(rate))
    samples = array.array("h", wave)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def _data(name: str) -> bytes:
    return resources.files("voicectl.emulator").joinpath("data", name).read_bytes()


@lru_cache(maxsize=3)
def _mp3_frames(bitrate: int) -> list[bytes]:
    content = _data(f"tone-{bitrate}.mp3")
    frames, place = [], 0
    while place + 4 <= len(content):
        kbps, padded = _MP3_BITRATES[content[place + 2] >> 4], content[place + 2] >> 1 & 1
        size = 144_000 * kbps // _MP3_RATE + padded
        frames.append(content[place : place + size])
        place += size
    return frames


@dataclass(frozen=True, slots=True)
class _OggPage:
    packets: list[bytes]
    size: int


@lru_cache(maxsize=1)
def _opus_packets() -> tuple[bytes, bytes, list[bytes]]:
    content = _data("tone.opus")
    packets: list[bytes] = []
    place = 0
    while place < len(content):
        page = _read_page(content, place)
        packets += page.packets
        place += page.size
    return packets[0], packets[1], packets[2:]


def _read_page(content: bytes, place: int) -> _OggPage:
    lacing = content[place + 27 : place + 27 + content[place + 26]]
    start = place + 27 + len(lacing)
    packets, size = [], 0
    for value in lacing:
        size += value
        if value < 255:
            packets.append(content[start : start + size])
            start, size = start + size, 0
    return _OggPage(packets, 27 + len(lacing) + sum(lacing))


def _ogg_page(packets: list[bytes], granule: int, number: int, flags: int) -> bytes:
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, 1, number, 0, len(lacing))
    page = bytearray(head + lacing + b"".join(packets))
    page[22:26] = struct.pack("<I", _ogg_checksum(page))
    return bytes(page)


def _ogg_checksum(page: bytearray) -> int:
    table, value = _checksum_table(), 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ table[value >> 24 ^ byte]
    return value


@lru_cache(maxsize=1)
def _checksum_table() -> list[int]:
    table = []
    for index in range(256):
        value = index << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
        table.append(value)
    return table
