"""What a file is, judged by its content: the audio and image formats of voice models.

Nothing here trusts a file: whatever its bytes, the answer is a Finding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from voicectl.manifest import audio

AUDIO = ("wav", "mp3", "m4a", "opus")
IMAGES = ("image/png", "image/jpeg", "image/webp", "image/gif")

_HEAD = 512
LFS_POINTER = b"version https://git-lfs"
"""How a Git LFS pointer begins (git-lfs, docs/spec.md)."""
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
_SECONDS: dict[str, Callable[[BinaryIO, int], float | None]] = {
    "wav": audio.wav_seconds,
    "mp3": audio.mp3_seconds,
    "m4a": audio.m4a_seconds,
    "opus": audio.opus_seconds,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A file's format: one of AUDIO or IMAGES, or words for what it is instead.

    `seconds` is the duration where the header tells it. `problem` is the end of a sentence about
    the file that says why it can't be used, empty if it can; `hint` what to do then.
    """

    format: str
    seconds: float | None = None
    problem: str = ""
    hint: str = ""


def judge(file: BinaryIO, size: int) -> Finding:
    """What is in a file of `size` bytes, open for reading."""
    file.seek(0)
    head = file.read(_HEAD)
    if not head:
        return Finding("empty", None, "is empty", "put the real file in its place")
    if head.startswith(LFS_POINTER):
        return Finding("pointer", None, "is a Git LFS pointer, not the file itself", "run git lfs pull")
    kind = kind_of(head)
    if kind not in _SECONDS:
        return Finding(kind)
    try:
        return Finding(kind, _SECONDS[kind](file, size))
    except audio.Corrupt as error:
        return Finding(kind, None, str(error), "export or copy it again")


def medium(content: bytes) -> str:
    """What bytes that are no text are, where they are sound or a picture: `audio (wav)`; empty elsewhere."""
    kind = kind_of(content[:_HEAD])
    return f"audio ({kind})" if kind in AUDIO else f"a picture ({kind})" if kind in IMAGES else ""


def kind_of(head: bytes) -> str:
    """What begins with these bytes: one of AUDIO or IMAGES, or words for what it is instead."""
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
