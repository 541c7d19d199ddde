"""What a file is and how long its sound lasts, by its headers alone, with bounded reading.

Any bytes lead to a FileKind, never to an error. Headers that are plain and consistent are believed. Where they are
`unusual`, a decoder decides (`verdict.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

from voicectl.audio import mp3, mp4, ogg, wav
from voicectl.audio.kinds import AAC, HEAD, LAYERS, TEXT, UNKNOWN, FileKind, kind_of
from voicectl.audio.tags import skip_front
from voicectl.audio.window import Endless, OtherCodec, Unusable, Window

_NEAR_MP3 = ("mp3", AAC, LAYERS, UNKNOWN)
"""What may be MP3 with something before its first frame."""
_READERS: dict[str, Callable[[Window], FileKind]] = {"wav": wav.read, "m4a": mp4.read, "opus": ogg.read}


def probe(file: BinaryIO, size: int) -> FileKind:
    """What is in a file of `size` bytes, open for reading. Raises OSError of the disk only."""
    window = Window(file, 0, size)
    head = window.read(0, HEAD)
    if not head:
        return FileKind("empty", None, "is empty", "put the real file in its place")
    kind = kind_of(head)
    if head[:4] == b"OggS":
        kind = "opus"  # its reader looks at all of its streams
    if kind in _READERS:
        return _judged(kind, lambda: _READERS[kind](window))
    if kind in _NEAR_MP3:
        return _judged(kind, lambda: _behind_tags(window, kind))
    return FileKind(kind)


def _judged(kind: str, read: Callable[[], FileKind]) -> FileKind:
    try:
        return read()
    except Unusable as error:
        return FileKind(kind, None, error.message, error.hint)
    except OtherCodec as error:
        return FileKind(str(error))
    except Endless:
        return FileKind(kind, unusual="headers without end")


def _behind_tags(window: Window, kind: str) -> FileKind:
    """MP3, or whatever stands behind tags or zeros."""
    begin = skip_front(window)
    head = window.read(begin, HEAD)
    inner = kind_of(head) if begin else kind
    if window.read(0, 1) != b"\0" and inner in _READERS:
        found = _READERS[inner](window.part(begin))
        return replace(found, unusual=found.unusual or "a tag before its own header")
    if inner not in (*_NEAR_MP3, TEXT):
        return FileKind(inner) if kind == "mp3" or inner not in _READERS else FileKind(UNKNOWN)
    try:
        return mp3.read(window, begin)
    except Unusable:
        if inner in (AAC, LAYERS):
            return FileKind(inner)
        if "mp3" in (kind, inner):
            raise
        return FileKind(UNKNOWN)
