"""Stamps of files: whether a file can have changed since it was read."""

from __future__ import annotations

import os

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
