"""Bodies of answers, unpacked in small pieces: a megabyte of gzip may hold a thousand."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

ACCEPTED = "gzip"
"""For `Accept-Encoding`: what can be unpacked here. A server that answers otherwise is not understood."""
PIECE = 64 * 1024
"""Bytes that are unpacked at once."""
_GZIP = 16 + zlib.MAX_WBITS


class NotUnpackable(ValueError):
    """A body in an encoding that nobody asked for, or a damaged one."""


class Unpacking:
    """One body on its way: what came in goes in, what it holds comes out. NotUnpackable for another encoding."""

    def __init__(self, encoding: str) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise NotUnpackable(f"the encoding {encoding[:40]!r}, which nobody asked for")
        self._gzip = zlib.decompressobj(_GZIP) if encoding.endswith("gzip") else None

    @property
    def ended(self) -> bool:
        """Whether the body says itself that it is over."""
        return self._gzip is not None and self._gzip.eof

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        """What this piece of the body holds, at most PIECE bytes at a time. NotUnpackable where it is damaged."""
        if self._gzip is None:
            yield packed
            return
        if self._gzip.eof:
            return  # what follows the end of a body is none of it
        try:
            while True:
                piece = self._gzip.decompress(packed, PIECE)
                if piece:
                    yield piece
                packed = self._gzip.unconsumed_tail
                if self._gzip.eof or (not packed and len(piece) < PIECE):
                    return
        except zlib.error as error:
            raise NotUnpackable("damaged gzip") from error


class Gathering:
    """The beginning of one body, up to a limit in bytes; whatever comes after that is not unpacked."""

    def __init__(self, encoding: str, limit: int) -> None:
        self._unpacking = Unpacking(encoding)
        self._limit = limit
        self._gathered = bytearray()

    def add(self, packed: bytes) -> bool:
        """Take a piece in; whether there is room for more. NotUnpackable where it is damaged."""
        if self._unpacking.ended:
            return False
        for piece in self._unpacking.pieces(packed):
            self._gathered += piece[: self._limit + 1 - len(self._gathered)]
            if self.cut:
                return False
        return True

    @property
    def cut(self) -> bool:
        """Whether the body is longer than the limit."""
        return len(self._gathered) > self._limit

    @property
    def content(self) -> bytes:
        """What was gathered, no longer than the limit."""
        return bytes(self._gathered[: self._limit])
