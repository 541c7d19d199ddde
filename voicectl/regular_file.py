"""Regular files, and nothing else: whatever a stranger put at a path, opening it neither waits nor leads elsewhere."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def open_regular(path: str | Path) -> int:
    """Open a regular file for reading, never waiting for a writer, never through a link at its end.

    Returns the file descriptor; OSError for anything else. The check is made on what was opened,
    so nothing can be put in its place in between.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "a symbolic link", str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def read_regular(path: str | Path, limit: int) -> bytes:
    """At most `limit + 1` bytes of a regular file; OSError where it can't be read."""
    with open(open_regular(path), "rb") as file:
        return file.read(limit + 1)
