"""Bodies of answers, unpacked in small pieces: a megabyte of gzip may hold a thousand."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

ACCEPTED = "gzip"
"""The value of `Accept-Encoding`. Answers in any other encoding are errors."""
PIECE = 64 * 1024
"""How many bytes are unpacked at once."""
_GZIP = 16 + zlib.MAX_WBITS


class NotUnpackable(ValueError):
    """A body is damaged, or in an encoding that nobody asked for."""


class Unpacking:
    """Unpacks one body piece by piece. Raises NotUnpackable for an unknown encoding."""

    def __init__(self, encoding: str) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise NotUnpackable(f"the encoding {encoding[:40]!r}, which nobody asked for")
        self._gzip = zlib.decompressobj(_GZIP) if encoding.endswith("gzip") else None

    @property
    def ended(self) -> bool:
        """Whether the packed data itself has ended."""
        return self._gzip is not None and self._gzip.eof

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        """The content of this piece of the body, at most PIECE bytes at a time. Raises NotUnpackable if it is
        damaged."""
        if self._gzip is None:
            yield packed
            return
        if self._gzip.eof:
            return  # ignore what follows the end of the packed data
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
    """Collects the beginning of one body, up to a limit in bytes, and does not unpack the rest."""

    def __init__(self, encoding: str, limit: int) -> None:
        self._unpacking = Unpacking(encoding)
        self._limit = limit
        self._gathered = bytearray()

    def add(self, packed: bytes) -> bool:
        """Take a piece, and return whether there is room for more. Raises NotUnpackable if it is damaged."""
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
        """The collected bytes, at most the limit."""
        return bytes(self._gathered[: self._limit])
