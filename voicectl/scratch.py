"""`.voicectl/`: what a project keeps beside Git, and is safe to delete. No link in it is ever followed.

Git would check out links that a stranger committed there, and whatever is written through one lands elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

NAME = ".voicectl"


class Scratch:
    """The scratch directory of one project."""

    def __init__(self, root: Path) -> None:
        self._path = root / NAME

    def find(self, *names: str) -> Path:
        """Where a file is or would be. OSError where a link is on the way, or beside it."""
        directory = self._path
        _refuse_links(directory)
        for name in names[:-1]:
            directory = directory / name
            _refuse_links(directory)
        return directory / names[-1]

    def make(self, *names: str) -> Path:
        """The same, in a directory that is there and that Git ignores, whatever the project's `.gitignore` says.

        OSError where that can't be.
        """
        path = self.find(*names)
        path.parent.mkdir(parents=True, exist_ok=True)
        ignore = self._path / ".gitignore"
        # One that is empty was made on a disk that was full.
        if not ignore.exists() or not ignore.stat().st_size:
            ignore.write_text("*\n", encoding="utf-8")
        return path


def _refuse_links(directory: Path) -> None:
    """OSError if a directory, or anything in it, is a link. One that is not there is none."""
    if os.path.islink(directory):
        raise _link(directory)
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_symlink():
                raise _link(directory / entry.name)


def _link(path: Path) -> OSError:
    return OSError(errno.ELOOP, f"{path.name} is a link; delete it")
