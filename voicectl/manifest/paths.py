"""Paths in manifests: what may be read, and what may be uploaded.

A manifest may come from a stranger's pull request and name any file of the machine that runs it. So only regular files
inside the project count, after symbolic links are resolved, and none in a directory whose name begins with a dot
(`.git`, `.ssh`, caches).
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from itertools import islice
from pathlib import Path

from voicectl.manifest.hashing import Stamp, stamp_of
from voicectl.manifest.problems import shown

_DRIVE = re.compile("[A-Za-z]:")
_MANY = 10_000
"""A search for a similar name looks at this many entries of a directory."""
_INSIDE_HINT = "copy the file into the project, and write its path relative to this file"


class PathRefused(Exception):
    """The path breaks a rule, or can't be read; `hint` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ProjectPaths:
    """Judges paths by the rules above, for one project directory."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._resolved: dict[str, str] = {}
        self.files: dict[str, Stamp] = {}
        """Every path that `file` returned, with the file's stamp at that time."""

    def file(self, text: str, base: str = "") -> str:
        """The path, relative to the project, of the regular file that `text` names.

        `text` is relative to the directory `base`, which is relative to the project. The result has forward slashes and
        no symbolic links. Raises PathRefused if the rules forbid the path or there is no such file.
        """
        relative = self.place(text, base)
        try:
            status = os.stat(os.path.join(self._root, relative))
        except (OSError, ValueError) as error:
            raise _not_there(text, error, self._instead(relative, base)) from error
        if stat.S_ISDIR(status.st_mode):
            raise PathRefused(f"{shown(text)} is a directory", "name a file in it")
        if not stat.S_ISREG(status.st_mode):
            raise PathRefused(f"{shown(text)} is not a regular file", "name a regular file")
        self.files.setdefault(relative, stamp_of(status))
        return relative

    @property
    def resolved(self) -> dict[str, str]:
        """Every directory and link met on the way, as written, and where it really led.

        Both are relative to the project. The written path is not normalised, since `..` behind a link means another
        directory.
        """
        start = len(self._root.rstrip(os.sep)) + 1
        return {written[start:]: os.path.relpath(real, self._root) for written, real in self._resolved.items()}

    def place(self, text: str, base: str = "") -> str:
        """Like `file`, for a path that need not exist."""
        _check_form(text)
        try:
            resolved = self._resolve(os.path.join(self._root, base, text))
        except (OSError, ValueError) as error:
            raise _not_there(text, error) from error
        inside = self._root.rstrip(os.sep) + os.sep
        if resolved != self._root and not resolved.startswith(inside):
            raise PathRefused(f"{shown(text)} is outside the project", _INSIDE_HINT)
        relative = resolved[len(inside) :].replace(os.sep, "/") or "."
        written = os.path.normpath(os.path.join(base, text)).replace(os.sep, "/")
        # Neither the written nor the resolved path may enter one: a link could lead into `.git`.
        for directory in (*written.split("/")[:-1], *relative.split("/")[:-1]):
            if directory.startswith(".") and directory != "..":
                message = f"{shown(text)} is in a directory whose name begins with a dot ({directory})"
                raise PathRefused(message, "move the file to another directory")
        return relative

    def _instead(self, relative: str, base: str) -> str:
        """What to do about a missing file; it names one with the same name in other letters."""
        there = _lookalike(self._root, relative)
        if there is None:
            return "check the path; it is relative to this file"
        written = os.path.relpath(there, base or ".").replace(os.sep, "/")
        if _differs_in_form(there, relative):
            return f"there is {shown(written)}: the same letters in another Unicode form; copy its name from the disk"
        return f"there is {shown(written)}: file names are case-sensitive here, so write it that way"

    def absolute(self, relative: str) -> str:
        """The path on this machine of a path that `file` or `place` returned."""
        return os.path.join(self._root, relative)

    def _resolve(self, path: str) -> str:
        # Directories repeat; their links are resolved once each.
        directory, name = os.path.split(path)
        real = self._resolved.get(directory)
        if real is None:
            real = self._resolved[directory] = os.path.realpath(directory)
        joined = os.path.join(real, name)
        if name in ("", ".", "..") or os.path.islink(joined):
            joined = self._resolved[path] = os.path.realpath(path)
        return joined


def _check_form(text: str) -> None:
    if not text:
        raise PathRefused("must not be empty", "write a path relative to this file")
    if "\\" in text:
        raise PathRefused(f"{shown(text)} has a backslash", "write / between directories, on Windows too")
    if text.startswith("/") or _DRIVE.match(text):
        raise PathRefused(f"{shown(text)} is not a relative path", _INSIDE_HINT)


def _not_there(text: str, error: Exception, hint: str = "check the path; it is relative to this file") -> PathRefused:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return PathRefused(f"there is no file {shown(text)}", hint)
    if isinstance(error, PermissionError):
        return PathRefused(f"{shown(text)} can't be read", "check its permissions")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
    return PathRefused(f"{shown(text)} can't be read ({reason})", "check the path")


def _lookalike(root: str, path: str) -> str | None:
    """The path, relative to `root`, that differs from `path` only in case or in the Unicode form of its letters.

    None if there is none, or if it leads through a link: nothing outside `root` is listed.
    """
    found: list[str] = []
    for name in path.split("/"):
        here = os.path.join(root, *found)
        if not os.path.lexists(os.path.join(here, name)):
            other = _alike(here, name)
            if other is None:
                return None
            name = other
        if name in ("", ".", "..") or os.path.islink(os.path.join(here, name)):
            return None
        found.append(name)
    return "/".join(found)


def _differs_in_form(one: str, other: str) -> bool:
    """Whether two texts look the same but differ in their Unicode form."""
    return one != other and unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)


def _alike(directory: str, name: str) -> str | None:
    wanted = _folded(name)
    try:
        with os.scandir(directory) as entries:
            near = [entry.name for entry in islice(entries, _MANY) if _folded(entry.name) == wanted]
    except (OSError, ValueError):
        return None
    return min(near, default=None, key=lambda other: (not _differs_in_form(other, name), other))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
