"""Files: read only if they are regular, written whole or not at all, several or none. No other module does these.

A stranger's commit may put a link, a pipe or a device where voicectl expects a file: opening it must neither lead
elsewhere nor wait. `.voicectl/`, which a project keeps beside Git and may delete at any time, holds files and
directories alone for the same reason: Git would check out a link that a stranger committed there, and whatever is
written through it lands elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows has no fcntl, but nobody can delete an open file there
    fcntl = None  # type: ignore[assignment]

NAME = ".voicectl"
_TEMPORARY = "tmp"
_ENDING = ".tmp"
_CHUNK = 1024 * 1024
_STALE_SECONDS = 24 * 3600
_MAX_CACHE = 64 * 1024 * 1024
"""The largest cache file; 50,000 voices take a third of it."""


class Scratch:
    """The scratch directory of one project."""

    def __init__(self, root: Path) -> None:
        self._path = root / NAME

    def find(self, *names: str) -> Path:
        """The path of a file, existing or not. Raises OSError if a link, a pipe or the like is on the way, or next to
        it."""
        directory = self._path
        _refuse_others(directory)
        for name in names[:-1]:
            directory = directory / name
            _refuse_others(directory)
        return directory / names[-1]

    def make(self, *names: str) -> Path:
        """The path of a file, after making its directory. Git ignores all of it, whatever the project's `.gitignore`
        says.

        Raises OSError if that is impossible.
        """
        path = self.find(*names)
        path.parent.mkdir(parents=True, exist_ok=True)
        ignore = self._path / ".gitignore"
        # A full disk may have left an empty one.
        if not ignore.exists() or not ignore.stat().st_size:
            replace_file(ignore, b"*\n")
        return path

    def own(self, name: str) -> Path:
        """A new directory below `name`, for this run alone. Those that killed runs left a day ago are removed.

        Whoever asks for it removes it. Raises OSError if that is impossible.
        """
        import shutil
        import time

        own = self.make(name, os.urandom(8).hex(), "x").parent
        for entry in os.scandir(own.parent):
            with contextlib.suppress(FileNotFoundError):  # another run sweeps, too
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE_SECONDS:
                    shutil.rmtree(entry.path, ignore_errors=True)
        return own


class CacheFile:
    """One file of the cache."""

    def __init__(self, root: Path, name: str) -> None:
        self._scratch = Scratch(root)
        self._name = name

    def read(self) -> bytes:
        """The file's bytes, which anybody may have written; empty if it can't be read or is too large."""
        try:
            data = read_regular(str(self._scratch.find("cache", self._name)), _MAX_CACHE)
        except OSError:
            return b""
        return data if len(data) <= _MAX_CACHE else b""

    def write(self, content: bytes) -> None:
        """Replace the whole file. A failure does no harm: the next run only takes longer."""
        with contextlib.suppress(OSError):
            if len(content) <= _MAX_CACHE:
                replace_file(self._scratch.make("cache", self._name), content, scratch=self._scratch)

    def read_entries(self, version: int, name: str) -> dict[str, Any]:
        """What an earlier run kept under this name, entry by entry; none if that was another version."""
        try:
            values = json.loads(self.read())
        except (ValueError, RecursionError):
            return {}
        ours = isinstance(values, dict) and values.get("version") == version
        entries = values.get(name) if ours else None
        return entries if isinstance(entries, dict) else {}

    def write_entries(self, version: int, name: str, entries: Mapping[str, Any]) -> None:
        """Keep these entries for later runs."""
        self.write(json.dumps({"version": version, name: entries}).encode())


def open_regular(path: str | Path) -> int:
    """Open a regular file for reading, without waiting for a writer and not through a link at its end.

    Returns the file descriptor. Raises OSError for anything else. It checks the opened file, not the path: otherwise
    somebody could swap the file in between.
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


def digest_of(file: BufferedReader) -> str:
    """`sha256:<hex>` of an open file, from where it stands to its end."""
    return "sha256:" + file_digest(file, "sha256").hexdigest()


def read_regular(path: str | Path, limit: int) -> bytes:
    """At most `limit + 1` bytes of a regular file. Raises OSError if it can't be read."""
    with open(open_regular(path), "rb") as file:
        return file.read(limit + 1)


def replace_file(path: Path, data: bytes, *, durable: bool = False, scratch: Scratch | None = None) -> None:
    """Write `data` in place of what is at `path`, whole or not at all: a reader sees the old bytes or the new ones.

    An existing file keeps its permissions; the umask decides those of a new one. A link is replaced, not followed. The
    bytes go to a temporary file first: in `.voicectl/` if `scratch` is given and on the same file system, else next to
    the target. The next write removes what a killed process left there. `durable` waits until the bytes would survive a
    loss of power. Raises OSError, and then changes nothing.
    """
    with replacing(path, durable=durable, scratch=scratch) as file:
        file.write(data)


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = False, scratch: Scratch | None = None) -> Iterator[BinaryIO]:
    """The same for a file that comes in pieces, which may be read too: it takes its place when the block ends well."""
    mode = path.stat().st_mode & 0o777 if path.exists() else None
    with _temporary(path, scratch) as (file, temporary):
        yield file
        file.flush()
        if mode is not None:
            os.chmod(temporary, mode)
        # Before the rename: else a power cut could leave the new name without its bytes.
        if durable:
            os.fsync(file.fileno())
        # Windows can't rename an open file.
        if fcntl is None:
            file.close()
        os.replace(temporary, path)
    if durable:
        _sync_directory(path.parent)


def write_file(path: Path, data: bytes) -> None:
    """The same for a path from the command line. What is not a regular file (`/dev/stdout`) is written to directly."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.write_bytes(data)
    else:
        replace_file(path, data)


def prove_room(path: Path, size: int, scratch: Scratch | None = None) -> None:
    """Really write `size` bytes where `replace_file` would, and remove them again. Raises OSError.

    They are random, so that no file system can compress them.
    """
    # The bytes may go to `.voicectl/`, and then prove nothing about the directory of the file itself.
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path.parent))
    with _temporary(path, scratch) as (file, _):
        for start in range(0, size, _CHUNK):
            file.write(os.urandom(min(_CHUNK, size - start)))
        file.flush()
        os.fsync(file.fileno())


@dataclass(slots=True)
class Rewriting:
    """Writes several files of a project, all or none. `undo` restores the files as they were before.

    It writes through links instead of replacing them.
    """

    root: Path
    _before: list[tuple[Path, bytes | None]] = field(default_factory=list)

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Write each file, by its path below the root. If one fails, restore all and raise OSError.

        The error's `filename` is that path.
        """
        scratch = Scratch(self.root)
        for file, data in contents.items():
            try:
                path = (self.root / file).resolve()
                path.parent.mkdir(parents=True, exist_ok=True)
                before = path.read_bytes() if path.exists() else None
                replace_file(path, data, scratch=scratch)
            except OSError as error:
                self.undo()
                raise OSError(error.errno, error.strerror or str(error), file) from error
            self._before.append((path, before))

    def undo(self) -> None:
        """Restore all files."""
        while self._before:
            path, before = self._before.pop()
            with contextlib.suppress(OSError):
                if before is None:
                    path.unlink(missing_ok=True)
                else:
                    replace_file(path, before, scratch=Scratch(self.root))


@contextlib.contextmanager
def _temporary(target: Path, scratch: Scratch | None) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file on the target's file system, removed at the end unless it was moved. Raises OSError.

    The process holds a lock on it, which tells others that it is not a leftover of a killed process.
    """
    directory, prefix = _place(target, scratch)
    _sweep(directory, prefix)
    while True:
        temporary = directory / f"{prefix}{os.urandom(8).hex()}{_ENDING}"
        # With the rights that any new file gets: `tempfile` would make a lockfile that only its owner can read.
        file = os.fdopen(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o666), "w+b")
        try:
            # Between the opening and the lock another process may have swept the file away: then there is a new one.
            if _locked(file.fileno()) and os.fstat(file.fileno()).st_nlink:
                yield file, temporary
                return
        finally:
            with contextlib.suppress(OSError):  # it has moved
                os.unlink(temporary)
            # The rest of the buffer no longer matters, and on a full disk writing it would fail once more.
            with contextlib.suppress(OSError):
                file.close()


_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def _place(target: Path, scratch: Scratch | None) -> tuple[Path, str]:
    """The directory for the temporary files of a target, and the prefix of their names."""
    if scratch is not None:
        with contextlib.suppress(OSError):
            directory = scratch.make(_TEMPORARY, "x").parent
            # Only within one file system is a rename atomic.
            if directory.stat().st_dev == target.parent.stat().st_dev:
                return directory, ""
    return target.parent, f"{NAME}-{sha256(os.fsencode(target.name)).hexdigest()[:12]}-"


def _sweep(directory: Path, prefix: str) -> None:
    """Delete the temporary files whose process has died."""
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and entry.name.endswith(_ENDING) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _delete_unlocked(entry.path)


def _delete_unlocked(path: str) -> None:
    if fcntl is None:
        os.unlink(path)
        return
    descriptor = os.open(path, os.O_RDWR | _FLAGS)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Lock our own new file. False if another process took it for a leftover and is about to delete it."""
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            pass  # this file system has no locks, so nobody else can lock and delete the file either
    return True


def _sync_directory(directory: Path) -> None:
    """Make a rename durable, on systems that can open directories (not Windows)."""
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _refuse_others(directory: Path) -> None:
    """Raise OSError if a directory is a link, or holds anything but files and directories. It need not exist."""
    if os.path.islink(directory):
        raise OSError(errno.ELOOP, f"{directory.name} is a link; delete it")
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_symlink():
                raise OSError(errno.ELOOP, f"{entry.name} is a link; delete it")
            # Other runs write here, too: what was listed may be gone by now.
            if not (entry.is_file() or entry.is_dir()) and os.path.lexists(entry.path):
                raise OSError(errno.EINVAL, f"{entry.name} is neither a file nor a directory; delete it")
