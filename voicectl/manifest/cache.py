"""Files under `.voicectl/cache/`: they save time and are never a source of truth.

A cache that is damaged, unwritable or missing costs time and nothing else. What it says of a file is
trusted only as long as the file can't have changed.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from voicectl.manifest.paths import open_regular

MARGIN = 2_000_000_000
"""Nanoseconds: no file system in use has a coarser clock than FAT's two seconds."""

Stamp = tuple[int, int, int, int]
"""Size, mtime, ctime and inode: two equal ones are of one state of a file, if it had settled."""


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
    """Whether a file with this stamp, read at that time (nanoseconds), can't change again unseen.

    A file changed less than MARGIN before it was read could: as Git does with its index, what was
    learned from it is not kept.
    """
    return max(found[1], found[2]) + MARGIN < read_at


class CacheFile:
    """One file of the cache."""

    def __init__(self, root: Path, name: str) -> None:
        self._path = root / ".voicectl" / "cache" / name

    def read(self) -> bytes:
        """What was written, or whatever somebody put there; empty where it can't be read."""
        if not self._is_ours():
            return b""
        try:
            with open(open_regular(str(self._path)), "rb") as file:
                return file.read()
        except OSError:
            return b""

    def write(self, content: bytes) -> None:
        """Replace the file at once or not at all; a failure is no one's concern."""
        if not self._is_ours():
            return
        try:
            self._prepare_directory()
            self._replace(content)
        except OSError:
            pass

    def _is_ours(self) -> bool:
        """False where a link would lead the cache out of the project."""
        directory = self._path.parent
        return not (directory.is_symlink() or directory.parent.is_symlink() or self._path.is_symlink())

    def _prepare_directory(self) -> None:
        directory = self._path.parent
        directory.mkdir(parents=True, exist_ok=True)
        ignore = directory.parent / ".gitignore"
        if not os.path.lexists(ignore):
            ignore.write_text("*\n", encoding="utf-8")

    def _replace(self, content: bytes) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.stem}-")
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
            os.replace(temporary, self._path)
        except BaseException:
            os.unlink(temporary)
            raise
