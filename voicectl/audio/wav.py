"""WAV headers: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0" (RIFF), and
Microsoft, "Multiple Channel Audio Data and WAVE Files" (WAVE_FORMAT_EXTENSIBLE)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from voicectl.audio.kinds import FileKind
from voicectl.audio.window import TOLERANCE, OtherCodec, Unusable, Window

_MAX_CHUNKS = 1000
_MAX_RATE, _MAX_CHANNELS = 768_000, 64
"""What any device records."""
_STREAMED = 0x7FFFF000
"""Writers that can't seek back leave 0, or a size from here on, in the header."""
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_GUID = bytes.fromhex("000000001000800000aa00389b71")
"""What follows the format's tag in the extensible format (KSDATAFORMAT_SUBTYPE)."""
_PACKED = {2: "Microsoft ADPCM", 6: "A-law", 7: "mu-law", 0x11: "IMA ADPCM"}
"""Simple codings that decoders take, and a provider may not."""
_OTHER = {
    0x31: "GSM", 0x50: "MPEG audio of layer I or II", 0x55: "MP3", 0xFF: "AAC", 0x161: "WMA", 0x162: "WMA",
    0x163: "WMA", 0x1610: "AAC", 0x2000: "AC-3", 0x674F: "Vorbis", 0x6750: "Vorbis", 0x6751: "Vorbis",
    0x704F: "Opus", 0xF1AC: "FLAC",
}  # fmt: skip
_KNOWN = frozenset(
    (b"fmt ", b"data", b"LIST", b"fact", b"JUNK", b"junk", b"PAD ", b"FLLR", b"bext", b"iXML", b"cue ", b"smpl",
     b"inst", b"PEAK", b"id3 ", b"ID3 ", b"wavl", b"slnt", b"plst", b"axml", b"chna", b"cart", b"_PMX", b"afsp",
     b"minf", b"elm1", b"regn", b"umid", b"DISP", b"acid", b"SAUR", b"LGWV", b"ds64")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Format:
    """The `fmt ` chunk: bytes for each second of sound (0 where it varies), and what is odd about it."""

    rate: int
    channels: int
    per_second: float
    unusual: str


def read(window: Window) -> FileKind:
    """What the headers of a WAV file say. Raises Unusable, OtherCodec, Endless."""
    form: _Format | None = None
    for name, begin, length in _chunks(window):
        if name == b"fmt " and form is None and begin + 16 <= window.size:
            form = _format(window.read(begin, 40)[:length])
        elif name == b"data":
            if form is None:
                raise Unusable("has no usable fmt chunk before its sound")
            return _sound(window, form, begin, length)
    raise Unusable("has no sound in it")


def _chunks(window: Window) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and declared length of each chunk, as far as they go."""
    position = 12
    for _ in range(_MAX_CHUNKS):
        header = window.read(position, 8)
        if len(header) < 8:
            return
        name, length = struct.unpack("<4sI", header)
        yield name, position + 8, length
        position = _behind(window, position + 8 + length, length)
    # Nobody writes so many chunks before the sound.
    raise Unusable("has no sound in it: there are more than a thousand chunks before any")


def _behind(window: Window, end: int, length: int) -> int:
    """Where the next chunk begins. RIFF pads chunks of odd length with one byte, but some writers leave it out."""
    if length % 2 == 0:
        return end
    here = window.read(end, 9)
    padded, bare = here[1:5], here[:4]
    if padded not in _KNOWN and (bare in _KNOWN or (_is_name(bare) and not _is_name(padded))):
        return end
    return end + 1


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name)


def _format(content: bytes) -> _Format:
    if len(content) < 16:
        raise Unusable("has no usable fmt chunk before its sound")
    tag, channels, rate, align, bits = struct.unpack_from("<HHI4xHH", content)
    unusual = ""
    if tag == _EXTENSIBLE:
        if len(content) < 40 or content[26:40] != _GUID:
            unusual = "an extensible format without a known kind"
            tag = _PCM
        else:
            more, held, tag = struct.unpack_from("<HH4xH", content, 16)
            if more < 22 or (held and (held + 7) // 8 != (bits + 7) // 8):
                unusual = f"an extensible format of {held} in {bits} bits"
    if tag not in (_PCM, _FLOAT, *_PACKED):
        raise OtherCodec(f"{_OTHER.get(tag, f'sound of codec 0x{tag:04x}')} in a WAV file")
    if not channels or not rate:
        raise Unusable("has no usable fmt chunk before its sound")
    if tag in _PACKED:
        # A-law and mu-law have a byte for each sample. How much sound ADPCM's blocks hold, a decoder knows.
        return _Format(rate, channels, float(rate * channels if tag in (6, 7) else 0), f"its sound is {_PACKED[tag]}")
    # The byte rate is often wrong, and no decoder looks at it: samples have whole bytes.
    frame = channels * ((bits + 7) // 8)
    if bits not in (32, 64) if tag == _FLOAT else not 0 < bits <= 32:
        return _Format(rate, channels, float(rate * (align or channels)), f"samples of {bits} bits")
    if rate > _MAX_RATE or channels > _MAX_CHANNELS:
        unusual = f"{channels} channels at {rate} Hz"
    elif align != frame:
        unusual = f"frames of {align} bytes for {channels} × {bits} bits"
    return _Format(rate, channels, float(rate * frame), unusual)


def _sound(window: Window, form: _Format, begin: int, length: int) -> FileKind:
    """What the `data` chunk holds."""
    left = window.size - begin
    streamed = length == 0 or length >= _STREAMED
    if left <= 0:
        raise Unusable("has no sound in it")
    unusual = form.unusual
    little = TOLERANCE * (form.per_second or form.rate * form.channels)
    if not streamed and length > left + little:
        raise Unusable(f"is cut off: {left:,} of {length:,} bytes of sound are there")
    if not streamed and length < left:
        unusual = unusual or _rest(window, begin + length, length, little)
    there = left if streamed else min(length, left)
    seconds = there / form.per_second if form.per_second else None
    return FileKind("wav", seconds, unusual=unusual, rate=form.rate, channels=form.channels)


def _rest(window: Window, end: int, length: int, tolerance: float) -> str:
    """What is odd behind the sound: another `data` chunk, or much that is no chunk."""
    position = _behind(window, end, length)
    for _ in range(_MAX_CHUNKS):
        header = window.read(position, 8)
        left = window.size - position
        if len(header) < 8:
            return ""
        name, size = struct.unpack("<4sI", header)
        if name == b"data" and size:
            return "several chunks of sound"
        if not _is_name(name) or size > left:
            return "more than its chunks hold" if left > tolerance else ""
        position = _behind(window, position + 8 + size, size)
    return "more than a thousand chunks"
