"""How an MPEG-4 file describes its sound: the sample entry (ISO 14496-12, 12.2; QuickTime File Format, sound media),
and inside it the decoder's configuration (ISO 14496-1, 7.2.6.5; ISO 14496-3, 1.6.2.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from voicectl.audio.boxes import Box, boxes
from voicectl.audio.window import Window

_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_CODECS = {
    b"alac": "Apple Lossless (ALAC)", b"fLaC": "FLAC", b"Opus": "Opus", b"ac-3": "AC-3", b"ec-3": "AC-3",
    b"samr": "AMR", b"sawb": "AMR", b".mp3": "MP3", b"sowt": "uncompressed sound", b"twos": "uncompressed sound",
    b"lpcm": "uncompressed sound", b"ipcm": "uncompressed sound", b"fpcm": "uncompressed sound",
    b"raw ": "uncompressed sound", b"NONE": "uncompressed sound", b"in24": "uncompressed sound",
    b"in32": "uncompressed sound", b"fl32": "uncompressed sound", b"fl64": "uncompressed sound",
    b"ulaw": "mu-law", b"alaw": "A-law", b"ima4": "IMA ADPCM", b"enca": "encrypted sound", b"drms": "encrypted sound",
}  # fmt: skip
_AAC = (0x40, 0x66, 0x67, 0x68)
_OTHER_OBJECTS = {0x69: "MP3", 0x6B: "MP3", 0x6A: "MPEG audio", 0xA5: "AC-3", 0xA9: "DTS", 0xAD: "Opus", 0xDD: "Vorbis"}
"""Object types as registered at mp4ra.org."""
_PLAIN_KINDS = (2, 5, 29)
"""AAC-LC, HE-AAC and its second version; decoders differ in what else they play."""


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """A description of a sound track. `other` names sound that is not AAC."""

    rate: int | None = None
    channels: int | None = None
    other: str = ""
    unusual: str = ""


def described(window: Window, entry: Box) -> SoundTrack:
    """The sound that a sample entry describes."""
    if entry.name != b"mp4a":
        name = _CODECS.get(entry.name) or f"sound of codec {entry.name.decode('ascii', 'replace').strip()!r}"
        return SoundTrack(other=f"{name} in an MPEG-4 file")
    head = window.read(entry.begin, 28)
    if len(head) < 28:
        return SoundTrack(unusual="a damaged description of its sound")
    version, channels, rate = struct.unpack_from(">H6xH6xH", head, 8)
    sound = SoundTrack(rate or None, channels or None)
    # QuickTime's versions 1 and 2 of the description are longer.
    begin = entry.begin + 28 + {1: 16, 2: 36}.get(version, 0)
    for box in boxes(window, begin, min(entry.end, window.size)):
        inner = boxes(window, box.begin, min(box.end, window.size)) if box.name == b"wave" else (box,)
        for one in inner:
            if one.name == b"esds":
                return _configured(window.read(one.begin + 4, min(256, one.size)), sound)
    return SoundTrack(sound.rate, sound.channels, unusual="a description without a configuration")


def _configured(content: bytes, sound: SoundTrack) -> SoundTrack:
    """What the descriptors in `esds` add."""
    kind, configuration = 0, b""
    for tag, body in _descriptors(content):
        if tag == 4 and body:
            kind = body[0]
        elif tag == 5:
            configuration = body
    if kind in _OTHER_OBJECTS:
        return SoundTrack(other=f"{_OTHER_OBJECTS[kind]} in an MPEG-4 file")
    if kind not in _AAC:
        return SoundTrack(sound.rate, sound.channels, unusual=f"sound of object type 0x{kind:02x}")
    if kind != 0x40 or not configuration:
        return sound
    number, rate, channels = _aac(configuration)
    if number in (32, 33, 34):
        return SoundTrack(other="MP3 in an MPEG-4 file")
    if number == 36:
        return SoundTrack(other="MPEG-4 ALS in an MPEG-4 file")
    unusual = "" if number in _PLAIN_KINDS else f"AAC of object type {number}"
    return SoundTrack(rate or sound.rate, channels or sound.channels, unusual=unusual)


def _descriptors(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and body of each descriptor; those inside follow the one that holds them."""
    at = 0
    while at + 2 <= len(content):
        tag = content[at]
        at += 1
        length = 0
        for _ in range(4):  # seven bits a byte, as long as the highest is set
            if at >= len(content):
                return
            byte = content[at]
            at += 1
            length = length << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        yield tag, content[at : at + length]
        if tag == 3:  # its flags say what stands before the inner ones
            flags = content[at + 2] if at + 2 < len(content) else 0
            at += 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
            if flags & 0x40:
                at += 1 + (content[at] if at < len(content) else 0)
        elif tag == 4:
            at += 13
        else:
            at += length


def _aac(content: bytes) -> tuple[int, int, int]:
    """Object type, sample rate and channels of an AudioSpecificConfig; 0 for what it leaves open."""
    bits = _Bits(content)
    number = bits.object_type()
    rate = bits.rate()
    channels = bits.take(4)
    if number in (5, 29):  # the rate of the extension is that of the sound
        rate = bits.rate()
        channels = 2 if number == 29 else channels
    return number, rate, {7: 8}.get(channels, channels if channels < 7 else 0)


class _Bits:
    """Bits of some bytes; zeros behind their end."""

    def __init__(self, content: bytes) -> None:
        self._left = 16 * 8
        self._value = int.from_bytes(content[:16].ljust(16, b"\0"), "big")

    def take(self, count: int) -> int:
        self._left -= count
        return self._value >> max(0, self._left) & ((1 << count) - 1)

    def object_type(self) -> int:
        number = self.take(5)
        return 32 + self.take(6) if number == 31 else number

    def rate(self) -> int:
        index = self.take(4)
        if index == 15:
            return self.take(24)
        return _RATES[index] if index < len(_RATES) else 0
