"""`.voicectl/`: what a project keeps beside Git, and is safe to delete. It holds files and directories alone.

Git would check out links that a stranger committed there, and whatever is written through one lands elsewhere;
a pipe keeps whoever opens it waiting.
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
        """Where a file is or would be. OSError where a link, a pipe or such is on the way, or beside it."""
        directory = self._path
        _refuse_others(directory)
        for name in names[:-1]:
            directory = directory / name
            _refuse_others(directory)
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


def _refuse_others(directory: Path) -> None:
    """OSError if a directory is a link, or anything in it is no file and no directory. It need not be there."""
    if os.path.islink(directory):
        raise OSError(errno.ELOOP, f"{directory.name} is a link; delete it")
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_symlink():
                raise OSError(errno.ELOOP, f"{entry.name} is a link; delete it")
            if not (entry.is_file() or entry.is_dir()):
                raise OSError(errno.EINVAL, f"{entry.name} is neither a file nor a directory; delete it")
