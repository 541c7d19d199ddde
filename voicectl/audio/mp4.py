"""MPEG-4 files: ISO 14496-12 (boxes, tracks, fragments), and Apple's "QuickTime File Format", which came before."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from voicectl.audio.boxes import MAX_BOXES, Box, boxes, child, children
from voicectl.audio.kinds import FileKind
from voicectl.audio.mp4_sound import SoundTrack, described
from voicectl.audio.window import TOLERANCE, OtherCodec, Unusable, Window

_MAX_ENTRIES = 20_000
_CUT = "is cut off, or damaged"


@dataclass(slots=True)
class _Track:
    """A track, as far as its header tells. Times are in units of its own scale."""

    number: int
    handler: bytes
    scale: int
    length: int
    """The sum of its samples' times, without fragments."""
    declared: int
    samples: int
    sound: SoundTrack | None = None
    codec: bytes = b""
    edits: list[tuple[int, int]] = field(default_factory=list)
    """Duration (in the movie's scale) and beginning of each part that is played; an empty part begins at -1."""
    chapters: tuple[int, ...] = ()
    last: tuple[int, int, int] | None = None
    """Where its last chunk begins and ends, and the bytes of all samples (0 where nobody counted them)."""
    unusual: str = ""


def read(window: Window) -> FileKind:
    """What the headers of an MPEG-4 file say. Raises Unusable, OtherCodec, Endless."""
    top = list(boxes(window, 0, window.size))
    header = next((box for box in top if box.name == b"moov"), None)
    if header is None:
        raise Unusable(f"{_CUT}: it has no moov box")
    if header.end > window.size:
        raise Unusable(_CUT)
    unusual = "" if len(top) < MAX_BOXES else "thousands of boxes"
    if child(window, header, b"cmov"):
        return FileKind("m4a", unusual="a compressed header")
    scale, tracks = _movie(window, header)
    track = next((one for one in tracks if one.handler == b"soun"), None)
    if track is None:
        raise Unusable("has no sound track", "name a recording of the voice")
    if track.sound is not None and track.sound.other:
        raise OtherCodec(track.sound.other)
    fragmented = child(window, header, b"mvex") is not None
    added = _fragments(window, top, header, track) if fragmented else 0
    if not track.scale or (not track.length + added and not track.declared):
        raise Unusable("has no sound in it")
    unusual = unusual or _reject_cut_off(window, top, track, added)
    seconds = _seconds(track, scale, added)
    unusual = unusual or track.unusual
    if not unusual and seconds <= 0:
        raise Unusable("has no sound in it")
    sound = track.sound or SoundTrack()
    moving = any(_moves(one, tracks, fragmented) for one in tracks)
    known = None if unusual else seconds
    return FileKind("m4a", known, unusual=unusual, rate=sound.rate, channels=sound.channels, moving=moving)


def _movie(window: Window, header: Box) -> tuple[int, list[_Track]]:
    """The movie's time scale, and its tracks."""
    scale = 0
    tracks = []
    for box in children(window, header):
        if box.name == b"mvhd":
            scale = _scale_and_length(window, box)[0]
        elif box.name == b"trak":
            tracks.append(_track(window, box))
    return scale, tracks


def _track(window: Window, box: Box) -> _Track:
    head, media = child(window, box, b"tkhd"), child(window, box, b"mdia")
    long = head is not None and window.read(head.begin, 1) == b"\1"
    number = _number(window, head.begin + (20 if long else 12)) if head else 0
    track = _Track(number, b"", 0, 0, 0, 0)
    edits = child(window, box, b"edts")
    if edits:
        track.edits = _edits(window, child(window, edits, b"elst"))
    references = child(window, box, b"tref")
    chapters = child(window, references, b"chap") if references else None
    if chapters:
        content = window.read(chapters.begin, min(64, chapters.size))
        track.chapters = struct.unpack_from(f">{len(content) // 4}I", content)
    if media is None:
        return track
    times, handler = child(window, media, b"mdhd"), child(window, media, b"hdlr")
    if times:
        track.scale, track.declared = _scale_and_length(window, times)
    if handler:
        track.handler = window.read(handler.begin + 8, 4)
    information = child(window, media, b"minf")
    if track.handler == b"soun" and information and _elsewhere(window, information):
        track.unusual = "its sound lies in another file"
    tables = child(window, information, b"stbl") if information else None
    if tables:
        _read_tables(window, tables, track)
    elif track.handler == b"soun":
        track.unusual = "a track without tables"
    return track


def _elsewhere(window: Window, information: Box) -> bool:
    """Whether a track's samples are in another file (ISO 14496-12, 8.7.2)."""
    data = child(window, information, b"dinf")
    references = child(window, data, b"dref") if data else None
    if references is None:
        return False
    first = next(iter(boxes(window, references.begin + 8, references.end)), None)
    return first is None or not _number(window, first.begin) & 1


def _read_tables(window: Window, tables: Box, track: _Track) -> None:
    """The codec, the times and the places of a track's samples."""
    found = {box.name: box for box in children(window, tables)}
    if description := found.get(b"stsd"):
        entry = next(iter(boxes(window, description.begin + 8, description.end)), None)
        if entry is not None:
            track.codec = entry.name
            if track.handler == b"soun":
                track.sound = described(window, entry)
                track.unusual = track.unusual or track.sound.unusual
    elif track.handler == b"soun":
        track.unusual = "a track that does not say its codec"
    if times := found.get(b"stts"):
        count = _number(window, times.begin + 4)
        content = window.read(times.begin + 8, min(count, _MAX_ENTRIES) * 8)
        if count > _MAX_ENTRIES or len(content) < count * 8 or times.begin + 8 + count * 8 > times.end:
            track.unusual = track.unusual or "a damaged or endless table of times"
        pairs = list(struct.iter_unpack(">II", content[: len(content) // 8 * 8]))
        track.samples = sum(number for number, _ in pairs)
        track.length = sum(number * each for number, each in pairs)
    sizes, chunks, runs = found.get(b"stsz"), found.get(b"stco") or found.get(b"co64"), found.get(b"stsc")
    if sizes and chunks and runs and track.handler == b"soun":
        track.last = _last_chunk(window, sizes, chunks, runs)


def _last_chunk(window: Window, sizes: Box, chunks: Box, runs: Box) -> tuple[int, int, int] | None:
    """Where the last chunk of a track begins and ends, and how many bytes its samples have in all."""
    one, count = struct.unpack(">II", window.read(sizes.begin + 4, 8).rjust(8, b"\0"))
    width = 8 if chunks.name == b"co64" else 4
    number, places = _number(window, chunks.begin + 4), _number(window, runs.begin + 4)
    if not count or not number or not places:
        return None
    begin = int.from_bytes(window.read(chunks.begin + 8 + (number - 1) * width, width), "big")
    first, held, _ = struct.unpack(">III", window.read(runs.begin + 8 + (places - 1) * 12, 12).rjust(12, b"\0"))
    held = min(held, count, 10_000)
    if not begin or first > number:
        return None
    if one:
        return begin, begin + one * held, one * count
    content = window.read(sizes.begin + 12 + (count - held) * 4, held * 4)
    end = begin + sum(size for (size,) in struct.iter_unpack(">I", content[: len(content) // 4 * 4]))
    # The mean of the last chunk stands for all: exact sums would mean to read the whole table.
    return begin, end, (end - begin) * count // max(1, held)


def _edits(window: Window, box: Box | None) -> list[tuple[int, int]]:
    if box is None:
        return []
    long = window.read(box.begin, 1) == b"\1"
    form = ">Qq4x" if long else ">Ii4x"
    width = struct.calcsize(form)
    count = min(_number(window, box.begin + 4), 1000)
    content = window.read(box.begin + 8, min(count * width, box.end - box.begin - 8))
    return list(struct.iter_unpack(form, content[: len(content) // width * width]))


def _seconds(track: _Track, scale: int, added: int) -> float:
    """How long the sound is that the edit list leaves (ISO 14496-12, 8.6.6)."""
    whole = (track.length + added or track.declared) / track.scale
    parts = [(length, begin) for length, begin in track.edits if begin >= 0]
    if not parts or not scale:
        return whole
    total = 0.0
    for length, begin in parts:
        left = max(0.0, whole - begin / track.scale)
        # 0 is the length of what is not known yet: fragments follow.
        total += min(length / scale, left) if length else left
    if len(parts) > 1:
        track.unusual = track.unusual or "an edit list of several parts"
    return total


def _reject_cut_off(window: Window, top: list[Box], track: _Track, added: int) -> str:
    """What is unusual about the places of the sound. Raises Unusable if more than TOLERANCE of it is missing."""
    length = (track.length + added or track.declared) / track.scale
    if track.last is not None:
        begin, end, total = track.last
        missing = length * min(1.0, (end - window.size) / total) if total else 0.0
        if missing > TOLERANCE:
            raise Unusable(f"{_CUT}: {end - window.size:,} bytes and more of its sound are missing")
        if not track.length or begin < 8:
            return "samples without a place"
        return "the end of its last sample is missing" if end > window.size else ""
    cut = next((box for box in top if box.name == b"mdat" and box.end > window.size), None)
    if cut is not None:
        share = (cut.end - window.size) / max(1, sum(box.end - box.begin for box in top if box.name == b"mdat"))
        if share * length > TOLERANCE:
            raise Unusable(f"{_CUT}: {cut.end - window.size:,} bytes are missing")
    return "" if added else "a track without tables"


def _fragments(window: Window, top: list[Box], header: Box, track: _Track) -> int:
    """How long the sound in the fragments is, in the track's own units (ISO 14496-12, 8.8)."""
    default = 0
    extends = child(window, header, b"mvex")
    for box in children(window, extends) if extends else ():
        if box.name == b"trex" and _number(window, box.begin + 4) == track.number:
            default = _number(window, box.begin + 12)
    total = 0
    for box in top:
        if box.name != b"moof":
            continue
        if box.end > window.size:
            raise Unusable(_CUT)
        for part in children(window, box):
            if part.name == b"traf":
                total += _fragment(window, part, track.number, default)
    return total


def _fragment(window: Window, box: Box, number: int, default: int) -> int:
    total = 0
    for part in children(window, box):
        flags = _number(window, part.begin) & 0xFFFFFF
        if part.name == b"tfhd":
            if _number(window, part.begin + 4) != number:
                return 0
            if flags & 8:
                default = _number(window, part.begin + 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0))
        elif part.name == b"trun":
            count = _number(window, part.begin + 4)
            if not flags & 0x100:
                total += count * default
                continue
            width = 4 * ((flags >> 8) & 0xF).bit_count()
            begin = part.begin + 8 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0)
            content = window.read(begin, min(count * width, part.end - begin))
            total += sum(int.from_bytes(content[at : at + 4], "big") for at in range(0, len(content), width))
    return total


def _moves(track: _Track, tracks: list[_Track], fragmented: bool) -> bool:
    """Whether a track is a moving picture: no cover, and no pictures of chapters."""
    if track.handler != b"vide" or any(track.number in other.chapters for other in tracks):
        return False
    return track.samples > 1 or (fragmented and not track.samples)


def _scale_and_length(window: Window, box: Box) -> tuple[int, int]:
    """Time scale and duration of mvhd or mdhd; a duration of all ones is unknown."""
    long = window.read(box.begin, 1) == b"\1"
    form, at = (">IQ", 20) if long else (">II", 12)
    content = window.read(box.begin + at, struct.calcsize(form))
    if len(content) < struct.calcsize(form):
        return 0, 0
    scale, length = struct.unpack(form, content)
    return scale, 0 if length in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF) else length


def _number(window: Window, at: int) -> int:
    return int.from_bytes(window.read(at, 4), "big")
