"""Uploaded files, of which only size, digest and an estimate of the duration are kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_UNKNOWN_BYTES_PER_SECOND = 16_000


@dataclass(frozen=True, slots=True)
class Upload:
    """What is left of a file: its name ('' if it had none), size, SHA-256 and estimated duration."""

    filename: str
    size: int
    digest: str
    duration_ms: float


class Receiver:
    """Takes a file piece by piece, in constant memory."""

    def __init__(self, filename: str = "") -> None:
        self._filename = filename
        self._digest = hashlib.sha256()
        self._head = b""
        self._size = 0

    def write(self, piece: bytes) -> None:
        """Takes the next piece."""
        if self._size < 32:
            self._head = (self._head + piece)[:32]
        self._size += len(piece)
        self._digest.update(piece)

    def finish(self) -> Upload:
        """What is known of the whole file."""
        rate = _UNKNOWN_BYTES_PER_SECOND
        if self._head[:4] == b"RIFF" and len(self._head) == 32:
            rate = int.from_bytes(self._head[28:32], "little") or rate
        duration = round(self._size / rate * 1000, 1)
        return Upload(self._filename, self._size, self._digest.hexdigest(), duration)


def upload_of(content: bytes, filename: str = "") -> Upload:
    """What is left of a file that is at hand as a whole."""
    receiver = Receiver(filename)
    receiver.write(content)
    return receiver.finish()
