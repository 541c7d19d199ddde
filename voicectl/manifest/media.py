"""What a file is, judged by its content, and how long its sound lasts, judged by its headers.

Any bytes lead to a FileKind, never to an error. WAV headers are read here because no library tells a truncated file
from a streamed one; tinytag reads the other formats.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from tinytag import TinyTag

from voicectl.manifest.pointer import other_pointer

AUDIO = ("wav", "mp3", "m4a", "opus")
IMAGES = ("image/png", "image/jpeg", "image/webp", "image/gif")

_HEAD = 512
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"fLaC", "FLAC"),
    (b"ID3", "mp3"),
    (b"ADIF", "AAC"),
    (b"FORM", "AIFF"),
    (b"caff", "CAF"),
    (b"#!AMR", "AMR"),
    (b"RF64", "RF64 wav"),
    (b"\x1aE\xdf\xa3", "Matroska or WebM"),
    (b"0&\xb2u\x8ef\xcf\x11", "WMA"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "a zip archive"),
)
_OGG = ((b"OpusHead", "opus"), (b"\x01vorbis", "Ogg Vorbis"), (b"\x7fFLAC", "Ogg FLAC"), (b"Speex", "Speex"))
_MAX_CHUNKS = 1000
_STREAMED = 0x7FFFF000
"""Writers that can't seek back leave 0, or a size from here on, in the header."""
_SYNC_WINDOW = 64 * 1024
_KILOBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


class Corrupt(Exception):
    """The file is not what its first bytes promise. The text is the end of a sentence."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """A file's format: one of AUDIO or IMAGES, or a description of anything else.

    `seconds` is the duration if the header has it. `problem` completes the sentence "this file …" if the file can't be
    used, and `hint` says what to do; both are empty otherwise.
    """

    format: str
    seconds: float | None = None
    problem: str = ""
    hint: str = ""


def judge(file: BinaryIO, size: int) -> FileKind:
    """What is in a file of `size` bytes, open for reading."""
    file.seek(0)
    head = file.read(_HEAD)
    if not head:
        return FileKind("empty", None, "is empty", "put the real file in its place")
    other = other_pointer(head)
    if other is not None:
        return FileKind("pointer", None, *other)
    kind = kind_of(head)
    if kind not in _SECONDS:
        return FileKind(kind)
    try:
        return FileKind(kind, _SECONDS[kind](file, size))
    except Corrupt as error:
        return FileKind(kind, None, str(error), "export or copy it again")


def medium(content: bytes) -> str:
    """The kind of sound or picture in these bytes, such as `audio (wav)`; empty for anything else."""
    kind = kind_of(content[:_HEAD])
    return f"audio ({kind})" if kind in AUDIO else f"a picture ({kind})" if kind in IMAGES else ""


def kind_of(head: bytes) -> str:
    """The kind of file that begins with these bytes: one of AUDIO or IMAGES, or a description."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF":
        return {b"WAVE": "wav", b"WEBP": "image/webp"}.get(head[8:12], "an unknown RIFF file")
    if head[:4] == b"OggS":
        return next((kind for start, kind in _OGG if start in head[:128]), "an unknown Ogg file")
    if head[4:8] == b"ftyp":
        still = head[8:12] in (b"avif", b"heic", b"heix", b"mif1")
        return "an AVIF or HEIC image" if still else "m4a"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return {0x02: "mp3", 0x00: "AAC"}.get(head[1] & 0x06, "MPEG audio of layer I or II")
    return "a text file" if _is_text(head) else "of an unknown format"


def _is_text(head: bytes) -> bool:
    return all(byte >= 0x20 or byte in b"\t\n\r" for byte in head) and b"\x7f" not in head


def _wav_seconds(file: BinaryIO, size: int) -> float:
    """Duration of a WAV file. Raises Corrupt if chunks are missing or cut off."""
    position, bytes_per_second = 12, 0
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            break
        name, length = struct.unpack("<4sI", header)
        left = size - position - 8
        if name == b"fmt ":
            fields = file.read(16)
            if len(fields) < 16:
                break
            bytes_per_second = struct.unpack_from("<I", fields, 8)[0]
        elif name == b"data":
            if not bytes_per_second:
                raise Corrupt("has no usable fmt chunk before its sound")
            streamed = length == 0 or length >= _STREAMED
            if length > left and not streamed:
                raise Corrupt(f"is cut off: {left:,} of {length:,} bytes of sound are there")
            return _some(left if streamed else length) / float(bytes_per_second)
        position += 8 + length + length % 2
    raise Corrupt("has no sound in it")


def _some(length: int) -> int:
    if length <= 0:
        raise Corrupt("has no sound in it")
    return length


def _mp3_seconds(file: BinaryIO, size: int) -> float | None:
    """Duration of an MP3 file by its Xing, Info or VBRI header, else by its first frames."""
    if not _has_frames(file, size):
        raise Corrupt("has no MP3 frames in it")
    return _tagged(file, "mp3")


def _m4a_seconds(file: BinaryIO, size: int) -> float | None:
    """Duration of an MPEG-4 file; None if it is fragmented and its header lacks the duration."""
    position = 0
    names = set()
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        header = file.read(16)
        if len(header) < 8:
            break
        length, name = struct.unpack_from(">I4s", header)
        if length == 1 and len(header) == 16:
            length = struct.unpack_from(">Q", header, 8)[0]
        elif length == 0:
            length = size - position
        if length < 8 or length > size - position:
            raise Corrupt("is cut off, or damaged")
        names.add(name)
        position += length
    if b"moov" not in names:
        raise Corrupt("is cut off, or damaged: it has no moov box")
    return _tagged(file, "m4a") or None


def _opus_seconds(file: BinaryIO, size: int) -> float:
    """Duration of an Ogg Opus file by its last page."""
    return _tagged(file, "opus") or float(_some(0))


def _tagged(file: BinaryIO, kind: str) -> float | None:
    file.seek(0)
    try:
        seconds = TinyTag.get(f"sample.{kind}", file_obj=file, tags=False).duration
    except Exception:
        # A parser of foreign bytes may raise anything. A duration is not worth refusing a file for.
        return None
    return seconds if seconds and 0 < seconds < 1e7 else None


def _has_frames(file: BinaryIO, size: int) -> bool:
    """Whether one frame leads to the next (or to the end) soon after any ID3 tag."""
    file.seek(0)
    head = file.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    file.seek(start)
    window = file.read(_SYNC_WINDOW)
    at = window.find(b"\xff")
    while at >= 0:
        length = _frame_length(window[at : at + 4])
        if length and start + at + length <= size:
            file.seek(start + at + length)
            following = file.read(4)
            if not following or following[:3] == b"TAG" or _frame_length(following):
                return True
        at = window.find(b"\xff", at + 1)
    return False


def _frame_length(header: bytes) -> int:
    """Length in bytes of the MPEG layer III frame with this header; 0 if it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return 0
    full = version == 3
    padding = header[2] >> 1 & 1
    return (144 if full else 72) * _KILOBITS[full][bitrate] * 1000 // _RATES[version][rate] + padding


_SECONDS: dict[str, Callable[[BinaryIO, int], float | None]] = {
    "wav": _wav_seconds,
    "mp3": _mp3_seconds,
    "m4a": _m4a_seconds,
    "opus": _opus_seconds,
}
