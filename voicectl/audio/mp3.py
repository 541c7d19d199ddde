"""MP3 files: frames one behind another, and the header that encoders hide in the first.

Sources: Xing's VBR header SDK (1998), "VBRI" of Fraunhofer IIS, the LAME tag (gabriel.mp3-tech.org/mp3infotag.html).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from voicectl.audio.kinds import FileKind
from voicectl.audio.mpeg import Frame, frame_at, is_free
from voicectl.audio.tags import skip_back
from voicectl.audio.window import TOLERANCE, Unusable, Window

_SYNC = 64 * 1024
"""Bytes in which the first frame is looked for."""
_WALK = 256 * 1024
"""Bytes of frames that are counted one by one: some 16 s at 128 kbit/s."""
_SPOT = 8 * 1024
_IN_A_ROW = 4
"""Frames one behind another that are no chance, where no header announces them."""
_WITH_DELAY = (b"LAME", b"Lavf", b"Lavc")
"""Encoders whose tag has the samples to leave out at both ends."""


@dataclass(frozen=True, slots=True)
class _Info:
    """What the header in the first frame says: frames, bytes, and samples to leave out before and behind.

    None where it says nothing.
    """

    frames: int | None
    size: int | None
    delay: int = 0
    padding: int = 0

    @property
    def left_out(self) -> int:
        """Samples at both ends that encoders add, and players leave out."""
        return self.delay + self.padding


@dataclass(frozen=True, slots=True)
class _Run:
    """Frames one behind another from the beginning of some bytes: how many, where they end, their bit rates."""

    frames: int
    end: int
    bit_rates: frozenset[int]


def read(window: Window, begin: int) -> FileKind:
    """What the headers of an MP3 file say whose tags end at `begin`. Raises Unusable, Endless."""
    end = skip_back(window, begin)
    data = window.read(begin, min(_WALK, end - begin))
    if is_free(data) and _another_free(data):
        raise Unusable("has a free bit rate, which hardly any player takes", "export it with a usual bit rate")
    at = _first(data, begin + len(data) == end)
    if at is None:
        raise Unusable("has no MP3 frames in it")
    first = frame_at(data, at)
    assert first is not None
    if at:
        begin, data = begin + at, window.read(begin + at, min(_WALK, end - begin - at))
    seconds, unusual = _length(window.part(begin, end), data, first, window.size)
    unusual = unusual or ("something before its first frame" if at else "")
    return FileKind("mp3", seconds, unusual=unusual, rate=first.rate, channels=first.channels)


def _another_free(data: bytes) -> bool:
    head = data[:2] + bytes([data[2] & 0xFD])
    padded = data[:2] + bytes([data[2] | 0x02])
    return any(data.find(other, 24, _SPOT) > 0 for other in (head, padded))


def _first(data: bytes, whole: bool) -> int | None:
    """Where the first frame is: one that leads to others, or to the end if `data` is the whole rest."""
    at = data.find(b"\xff", 0, _SYNC)
    while at >= 0:
        first = frame_at(data, at)
        if first is not None and _leads_on(data, at, first, 1 if at == 0 else _IN_A_ROW, whole):
            return at
        at = data.find(b"\xff", at + 1, _SYNC)
    return None


def _leads_on(data: bytes, at: int, first: Frame, times: int, whole: bool) -> bool:
    frame: Frame | None = first
    for _ in range(times):
        if frame is None or not first.continues(frame):
            return False
        at += frame.length
        if at >= len(data):
            return whole and at == len(data)
        frame = frame_at(data, at)
    if frame is None:
        # Behind the only frames of a short file may stand a rest that is no frame.
        return False
    return first.continues(frame)


def _walk(data: bytes, first: Frame) -> _Run:
    at = frames = 0
    rates: set[int] = set()
    while True:
        frame = frame_at(data, at)
        if frame is None or not first.continues(frame) or at + frame.length > len(data):
            return _Run(frames, at, frozenset(rates))
        # The first may hold only a header, at another bit rate than the sound.
        if frames:
            rates.add(frame.bit_rate)
        frames += 1
        at += frame.length


def _length(sound: Window, data: bytes, first: Frame, whole: int) -> tuple[float | None, str]:
    """Seconds, and what is unusual. `sound` is what lies between the tags, `data` its beginning."""
    info = _info(data, first)
    run = _walk(data, first)
    constant = next(iter(run.bit_rates)) if len(run.bit_rates) == 1 else None
    last = frame_at(data, run.end)
    counted = len(data) == sound.size and (
        not data[run.end :].strip(b"\0") or (last is not None and run.end + last.length >= len(data))
    )
    if counted:
        return _counted(run, first, info, sound.size)
    if run.end + (last.length if last else 0) < len(data) - 4:
        return None, "something between its frames"
    if info is None or (info.frames is None and info.size is None):
        if constant is None or not _steady(sound, first, constant):
            return None, "a variable bit rate, and no header that tells its length"
        bits = (sound.size - _zeros(sound) - (first.length if info else 0)) * 8
        return bits / constant - (info.left_out / first.rate if info else 0.0), ""
    return _promised(info, first, sound, constant, whole)


def _counted(run: _Run, first: Frame, info: _Info | None, size: int) -> tuple[float | None, str]:
    """Where every frame was seen."""
    frames = run.frames - (info is not None)
    if frames <= 0:
        raise Unusable("has no sound in it")
    seconds = frames * first.samples / first.rate
    if info is None:
        return seconds, ""
    if info.frames is not None:
        missing = ((info.frames - frames) * first.samples - info.padding) / first.rate
        if missing > TOLERANCE:
            raise Unusable(f"is cut off: {frames:,} of {info.frames:,} frames are there")
        if info.frames - frames < -TOLERANCE * first.rate / first.samples:
            return None, "more sound than its header says"
    return max(0.0, seconds - info.left_out / first.rate), ""


def _promised(info: _Info, first: Frame, sound: Window, constant: int | None, whole: int) -> tuple[float | None, str]:
    """Where only the header tells how many frames there are: whether it fits the bytes that are there."""
    if info.frames is None:
        if constant is None or not _steady(sound, first, constant):
            return None, "a variable bit rate, and a header that does not tell its length"
        return (sound.size - first.length) * 8 / constant - info.left_out / first.rate, ""
    seconds = info.frames * first.samples / first.rate
    if not info.frames:
        return None, "a header that counts no frames"
    size = info.size
    if size is None:
        if constant is None:
            return None, "a header that does not count its bytes"
        size = first.length + round(seconds * constant / 8)
    missing = seconds * (1 - sound.size / size) if size else seconds
    if missing > TOLERANCE:
        # Some writers count their tags, too.
        if size > whole or info.size is None:
            raise Unusable(f"is cut off: {sound.size:,} of {size:,} bytes of sound are there")
        return None, "a header that counts more bytes than there are"
    if missing < -TOLERANCE and sound.read(size, 4096).strip(b"\0"):
        return None, "more sound than its header says"
    fast = size * 8 / seconds
    likely = constant * 0.98 < fast < constant * 1.02 if constant else 7_000 < fast < 330_000
    if constant and not likely and _steady(sound, first, constant):
        return None, "a header that does not fit its bit rate"
    if not constant and not likely:
        return None, "a header that contradicts itself"
    return max(0.0, seconds - info.left_out / first.rate), ""


def _steady(sound: Window, first: Frame, bit_rate: int) -> bool:
    """Whether frames in the middle and at the end have the same bit rate as those at the beginning."""
    ends = sound.size - _zeros(sound) - _SPOT
    for at in (sound.size // 3, sound.size * 2 // 3, max(0, ends)):
        data = sound.read(at, _SPOT)
        found = _first_of(data, first)
        if found is None or any(rate != bit_rate for rate in _walk(data[found:], first).bit_rates):
            return False
    return True


def _first_of(data: bytes, first: Frame) -> int | None:
    at = data.find(b"\xff")
    while at >= 0:
        frame = frame_at(data, at)
        if frame is not None and first.continues(frame) and _leads_on(data, at, frame, 2, False):
            return at
        at = data.find(b"\xff", at + 1)
    return None


def _zeros(sound: Window) -> int:
    """How many zeros stand at the end."""
    tail = sound.read(max(0, sound.size - _SYNC), _SYNC)
    return len(tail) - len(tail.rstrip(b"\0"))


def _info(data: bytes, first: Frame) -> _Info | None:
    """The header of Xing, LAME or Fraunhofer in the first frame."""
    # Most encoders leave no room for the checksum that the frame announces.
    for side in (first.side, first.side + 2):
        if data[side : side + 4] in (b"Xing", b"Info"):
            return _xing(data[side : side + 160])
    if data[36:40] == b"VBRI" and len(data) >= 54:
        size, frames = struct.unpack_from(">II", data, 46)
        return _Info(frames, size or None)
    return None


def _xing(head: bytes) -> _Info:
    head += bytes(160 - len(head))
    flags = struct.unpack_from(">I", head, 4)[0]
    at, numbers = 8, []
    for flag in (1, 2):
        numbers.append(struct.unpack_from(">I", head, at)[0] if flags & flag else None)
        at += 4 if flags & flag else 0
    at += (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    both = 0
    if head[at : at + 4] in _WITH_DELAY:
        both = int.from_bytes(head[at + 21 : at + 24], "big")
    frames, size = numbers
    return _Info(frames, size or None, both >> 12, both & 0xFFF)
