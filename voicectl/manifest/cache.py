"""Files under `.voicectl/cache/`: they save time and are never a source of truth.

A cache that is damaged, unwritable or missing costs time and nothing else. What it says of a file is
trusted only as long as the file can't have changed (stamps.py).
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from voicectl.files import Scratch, replace_file
from voicectl.regular_file import read_regular

MAX_BYTES = 64 * 1024 * 1024
"""Of one file of the cache; 50,000 voices take a third of it."""


class CacheFile:
    """One file of the cache."""

    def __init__(self, root: Path, name: str) -> None:
        self._scratch = Scratch(root)
        self._name = name

    def read(self) -> bytes:
        """What was written, or whatever somebody put there; empty where it can't be read, or is too large."""
        try:
            data = read_regular(str(self._scratch.find("cache", self._name)), MAX_BYTES)
        except OSError:
            return b""
        return data if len(data) <= MAX_BYTES else b""

    def write(self, content: bytes) -> None:
        """Replace the file at once or not at all; a failure is no one's concern."""
        with contextlib.suppress(OSError):
            if len(content) <= MAX_BYTES:
                replace_file(self._scratch.make("cache", self._name), content, scratch=self._scratch)
