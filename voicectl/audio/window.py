"""A file of foreign bytes, read in small pieces: whatever it says of itself, reading it ends soon."""

from __future__ import annotations

from typing import BinaryIO

TOLERANCE = 0.1
"""Seconds of sound that may be missing at the end of a file."""
_MAX_READS = 20_000
_MAX_BYTES = 4 * 1024 * 1024


class Unusable(Exception):
    """The file surely can't be used. The text completes the sentence "this file …"; `hint` says what to do."""

    def __init__(self, message: str, hint: str = "export or copy it again") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class OtherCodec(Exception):
    """The file holds sound of another kind. The text names it, as `FileKind.format` does."""


class Endless(Exception):
    """The headers go on for longer than anybody reads."""


class Budget:
    """How much may be read of one file."""

    def __init__(self) -> None:
        self.reads = _MAX_READS
        self.bytes = _MAX_BYTES

    def take(self, length: int) -> None:
        """Count one reading. Raises Endless."""
        self.reads -= 1
        self.bytes -= length
        if self.reads < 0 or self.bytes < 0:
            raise Endless


class Window:
    """The bytes of an open file from `start` to `end`. Positions count from its own beginning."""

    def __init__(self, file: BinaryIO, start: int, end: int, budget: Budget | None = None) -> None:
        self._file = file
        self._start = start
        self.size = max(0, end - start)
        self._budget = budget or Budget()

    def read(self, position: int, length: int) -> bytes:
        """Up to `length` bytes; fewer at the end. Raises Endless, and OSError of the disk."""
        length = min(length, self.size - position)
        if position < 0 or length <= 0:
            return b""
        self._budget.take(length)
        self._file.seek(self._start + position)
        return self._file.read(length)

    def part(self, begin: int, end: int | None = None) -> Window:
        """The part from one position to another, or to the end, under the same budget."""
        stop = self.size if end is None else min(end, self.size)
        return Window(self._file, self._start + begin, self._start + stop, self._budget)
