"""Ogg files with Opus: RFC 3533 (pages), RFC 7845 (Opus in Ogg), RFC 6716, 3.1 (how long a packet lasts)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from voicectl.audio.kinds import FileKind
from voicectl.audio.window import TOLERANCE, OtherCodec, Unusable, Window

RATE = 48_000
"""Opus counts, and decoders play, 48,000 samples a second, whatever was recorded."""
_HEADER = 27
_TAIL = 128 * 1024
"""Bytes in which the last page is looked for: two of the longest pages."""
_MAX_PAGES = 4000
_FOLLOWED = 300
"""Pages that are followed from one to the next: five minutes, as most are written."""
_BEGINS, _ENDS = 2, 4
_NOWHERE = -1
"""The granule position of a page on which no packet ends."""
_AUDIO = ((b"OpusHead", ""), (b"\x01vorbis", "Ogg Vorbis"), (b"\x7fFLAC", "Ogg FLAC"), (b"Speex   ", "Speex"))
_PICTURES = (b"\x80theora", b"OVP80", b"BBCD\0", b"\x01video")
_FRAMES_OF_48_KHZ = (
    *(480, 960, 1920, 2880) * 3,
    *(480, 960) * 2,
    *(120, 240, 480, 960) * 4,
)
"""Samples of a frame by the configuration in a packet's first five bits: SILK, hybrid, CELT."""


@dataclass(frozen=True, slots=True)
class _Page:
    """One page: where it begins, what its header says, the lengths of its segments, where its content begins."""

    at: int
    flags: int
    granule: int
    serial: int
    lacing: bytes

    @property
    def content(self) -> int:
        return self.at + _HEADER + len(self.lacing)

    @property
    def end(self) -> int:
        return self.content + sum(self.lacing)


@dataclass(frozen=True, slots=True)
class _Stream:
    """The Opus stream: its serial number, channels, and samples to skip at the beginning."""

    serial: int
    channels: int
    skip: int


@dataclass(frozen=True, slots=True)
class _Start:
    """Where the sound begins, as a granule position, and what is unusual about it."""

    granule: int
    unusual: str = ""


def read(window: Window) -> FileKind:
    """What the headers of an Ogg file say. Raises Unusable, OtherCodec, Endless."""
    heads = [(page, window.read(page.content, 64)) for page in _beginnings(window)]
    moving = any(head.startswith(_PICTURES) for _, head in heads)
    stream = _opus(heads)
    gap = _gap(window)
    start = _start(window, stream)
    if start is None and gap:
        return FileKind("opus", unusual=gap, rate=RATE, channels=stream.channels, moving=moving)
    if start is None:
        raise Unusable("has no sound in it")
    end, unusual = _end(window, stream, {page.serial for page, _ in heads})
    seconds = None if end is None else (end - start.granule - stream.skip) / RATE
    unusual = start.unusual or unusual or gap
    if end is not None and end < start.granule:
        unusual = unusual or "positions that run backwards"
    if seconds is not None and seconds <= 0 and not unusual:
        raise Unusable("has no sound in it")
    # The sparsest stream has some twenty bytes a second.
    if seconds is not None and seconds > window.size:
        unusual = unusual or "more time than its bytes can hold"
    known = None if unusual else seconds
    return FileKind("opus", known, unusual=unusual, rate=RATE, channels=stream.channels, moving=moving)


def _page(window: Window, at: int) -> _Page | None:
    """The page at a position; None where there is none."""
    head = window.read(at, _HEADER)
    if len(head) < _HEADER or head[:5] != b"OggS\0":
        return None
    flags, granule, serial, segments = struct.unpack_from("<xBqI8xB", head, 4)
    return _Page(at, flags, granule, serial, window.read(at + _HEADER, segments))


def _pages(window: Window) -> Iterator[_Page]:
    at = 0
    for _ in range(_MAX_PAGES):
        page = _page(window, at)
        if page is None:
            return
        yield page
        at = page.end


def _beginnings(window: Window) -> Iterator[_Page]:
    """The first page of each stream: they stand before all others (RFC 3533, 4)."""
    for page in _pages(window):
        if not page.flags & _BEGINS:
            return
        yield page


def _gap(window: Window) -> str:
    """What is unusual about the way in which the first pages follow each other."""
    at, begun = 0, False
    for number, page in enumerate(_pages(window)):
        if number == _FOLLOWED:
            return ""
        if not page.flags & _BEGINS:
            begun = True
        elif begun:
            return "several recordings one behind another"
        at = page.end
    further = window.read(at, _TAIL).find(b"OggS\0")
    return "something between its pages" if further >= 0 and _page(window, at + further) else ""


def _opus(heads: list[tuple[_Page, bytes]]) -> _Stream:
    """The first stream of sound. Raises Unusable and OtherCodec where that is not Opus."""
    for page, head in heads:
        for start, name in _AUDIO:
            if not head.startswith(start):
                continue
            if name:
                raise OtherCodec(name)
            if len(head) < 19 or head[8] & 0xF0 or not head[9]:
                raise Unusable("has a damaged header")
            return _Stream(page.serial, head[9], struct.unpack_from("<H", head, 10)[0])
    if any(head.startswith(_PICTURES) for _, head in heads):
        raise Unusable("has no sound track", "name a recording of the voice")
    if not heads:
        raise Unusable("has no beginning: its first page is another one")
    raise OtherCodec("an unknown Ogg file")


def _start(window: Window, stream: _Stream) -> _Start | None:
    """Where the sound begins: the first granule position less the samples before it (RFC 7845, 4.3)."""
    samples = packets = 0
    fresh = True  # whether the next segment begins a packet
    lasts = 0
    for page in _pages(window):
        if page.serial != stream.serial:
            continue
        at = page.content
        for length in page.lacing:
            if fresh and packets >= 2:
                lasts = _samples(window.read(at, min(2, length)))
            at += length
            fresh = length < 255
            if fresh:
                samples += lasts if packets >= 2 else 0
                packets += 1
        if packets <= 2 or page.granule == _NOWHERE:
            continue
        begin = page.granule - samples
        if page.flags & _ENDS:
            return _Start(max(0, begin))  # a first page that is the last one may be cut short
        unusual = "a beginning before its first sample" if begin < -RATE * TOLERANCE or page.granule < 0 else ""
        return _Start(begin, unusual)
    return None


def _samples(head: bytes) -> int:
    """How long an Opus packet lasts that begins so, at 48 kHz."""
    if not head:
        return 0
    count = head[0] & 3
    frames = (1, 2, 2, head[1] & 0x3F if len(head) > 1 else 0)[count]
    return _FRAMES_OF_48_KHZ[head[0] >> 3] * frames


def _end(window: Window, stream: _Stream, known: set[int]) -> tuple[int | None, str]:
    """The last granule position of the stream, and what is unusual."""
    for page in _pages_backwards(window):
        if page.end > window.size:
            if page.serial == stream.serial:
                _refuse_cut_off(window, page)
        elif page.serial not in known:
            return None, "several recordings one behind another"
        elif page.serial == stream.serial and page.granule != _NOWHERE:
            return (page.granule, "") if page.granule >= 0 else (None, "a negative position at its end")
    return None, "no page of its sound near its end"


def _pages_backwards(window: Window) -> Iterator[_Page]:
    begin = max(0, window.size - _TAIL)
    tail = window.read(begin, _TAIL)
    at = tail.rfind(b"OggS\0")
    while at >= 0:
        page = _page(window, begin + at)
        if page is not None:
            yield page
        at = tail.rfind(b"OggS\0", 0, at)


def _refuse_cut_off(window: Window, page: _Page) -> None:
    """Raise Unusable if too much is missing of a last page that is not whole."""
    left = max(0, window.size - page.content)
    samples = position = lasts = 0
    fresh = True
    for length in page.lacing:
        if fresh:
            lasts = _samples(window.read(page.content + position, 2)) or lasts
        position += length
        fresh = length < 255
        if fresh and position > left:
            samples += lasts
    if samples > TOLERANCE * RATE:
        raise Unusable(f"is cut off: its last page has {left:,} of {sum(page.lacing):,} bytes")
