"""Files under `.voicectl/cache/`: they save time and are never a source of truth.

A cache that is damaged, unwritable or missing costs time and nothing else. What it says of a file counts only
while the file can't have changed, which its stamp shows.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from voicectl.files import Scratch, read_regular, replace_file

MAX_BYTES = 64 * 1024 * 1024
"""The largest cache file; 50,000 voices take a third of it."""
MARGIN = 2_000_000_000
"""Nanoseconds: no file system in use has a coarser clock than FAT's two seconds."""

Stamp = tuple[int, int, int, int]
"""Size, mtime, ctime and inode. Equal stamps mean an unchanged file, if it had settled when it was read."""


class CacheFile:
    """One file of the cache."""

    def __init__(self, root: Path, name: str) -> None:
        self._scratch = Scratch(root)
        self._name = name

    def read(self) -> bytes:
        """The file's bytes, which anybody may have written; empty if it can't be read or is too large."""
        try:
            data = read_regular(str(self._scratch.find("cache", self._name)), MAX_BYTES)
        except OSError:
            return b""
        return data if len(data) <= MAX_BYTES else b""

    def write(self, content: bytes) -> None:
        """Replace the whole file. A failure does no harm: the next run only takes longer."""
        with contextlib.suppress(OSError):
            if len(content) <= MAX_BYTES:
                replace_file(self._scratch.make("cache", self._name), content, scratch=self._scratch)


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp of a file from its status."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def stamp(path: str) -> Stamp | None:
    """The stamp of the file at `path`, not following a link at its end; None where there is none."""
    try:
        return stamp_of(os.stat(path, follow_symlinks=False))
    except (OSError, ValueError):
        return None


def settled(found: Stamp, read_at: int) -> bool:
    """Whether any later change to a file with this stamp, read at that time (nanoseconds), would show in its stamp.

    A file that changed less than MARGIN before it was read could change once more within one tick of the clock. Git has
    the same problem with its index ("racy git") and solves it the same way: nothing about such a file is kept.
    """
    return max(found[1], found[2]) + MARGIN < read_at
