"""A lockfile on disk, in the project, committed to Git."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from voicectl.errors import Place, StateConflict, StateError, StateLocked, StateNotSaved
from voicectl.files import NAME, Scratch, prove_room, read_regular, replace_file
from voicectl.model.lock import Lock
from voicectl.state.carried import NOTHING
from voicectl.state.codec import MAX_BYTES, Texts, decode_all, encode
from voicectl.state.port import ABSENT, Holder, Version

WRITTEN = "lockfiles"
"""The file in `.voicectl/` that lists the versions saved here. Any other version was edited by hand, or came from
Git."""
_REMEMBERED = 1000
_MAX_NOTE = 1024 * 1024
"""The largest file in `.voicectl/` that is read; a thousand versions take 65 kB."""


class FileStore:
    """Implements StateStore on a local file; versions are the SHA-256 of the bytes.

    The lease is an operating system's lock on a file in the project's scratch directory, so it ends with the process
    that holds it.

    While there is no file at `path`, an emulator's at `former` is read, and `settle` moves it. No other lockfile may be
    there: a catalog of an account does not become one of the emulator.
    """

    def __init__(self, path: Path, name: str, scratch: Scratch, former: Path | None = None) -> None:
        self._path = path
        self._name = name
        self._former = former
        self._scratch = scratch
        self._carried = NOTHING
        self._texts: Texts = {}
        # The lockfile may lie in a directory of the project, but its lease must not make one in `.voicectl/`.
        self._lease_name = f"{name.replace('/', '%2F')}.lease"

    def carry(self, other: FileStore) -> None:
        """Keep the keys that a newer revision added to another lockfile, which this one replaces."""
        self._carried = other._carried.with_others(self._carried)

    @property
    def location(self) -> str:
        """The file's name within the project."""
        return self._name

    def load(self) -> tuple[Lock | None, Version]:
        self._earlier()  # also where there is a file of our own: another account's must not lie there
        data = self._read()
        if data is None:
            return None, ABSENT
        lock, self._carried = decode_all(data, self._name)
        return lock, _version(data)

    def save(self, lock: Lock, expected: Version) -> Version:
        # Git may have changed the file during the run (a pull, a checkout): the lease can't keep Git out.
        before = self._read()
        if (ABSENT if before is None else _version(before)) != expected:
            raise StateConflict(
                f"{self._name} was changed by somebody else during this run",
                "run `voicectl plan` again",
            )
        data = self.encoded(lock)
        if data == before:
            return expected
        decode_all(data, self._name)  # never save what no run could load
        with self._writing():
            replace_file(self._path, data, durable=True, scratch=self._scratch)
        self._remember(data)
        return _version(data)

    def prove(self, more: int = 0) -> None:
        """A save writes a new file while the old one still exists, so the proof does the same."""
        present = self._read()
        with self._writing():
            prove_room(self._path, len(present or b"") + more, scratch=self._scratch)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise StateNotSaved(
                f"{self._name} can't be written: {error.strerror or error}",
                "free some space or fix the permissions, then run the command again",
                [Place(self._name)],
            ) from error

    def encoded(self, lock: Lock) -> bytes:
        """The bytes that a save would write, with the keys that a newer revision added to the loaded file."""
        return encode(lock, self._carried, self._texts)

    def settle(self) -> Path | None:
        """Move the emulator's lockfile from where earlier versions kept it; that place, if there was one."""
        if self._former is None or self._path.exists() or self._earlier() is None:
            return None
        with self._writing():
            os.replace(self._former, self._path)
        return self._former

    def _earlier(self) -> bytes | None:
        """The file at the former place, if there is one. Raises StateError for one that is not the emulator's."""
        if self._former is None:
            return None
        try:
            data = read_regular(self._former, MAX_BYTES)
        except OSError:
            return None
        provider = decode_all(data, self._former.name)[0].provider.name
        if provider != "emulator":
            raise StateError(
                f"{self._former.name} is of provider {provider}, but this run is of emulator",
                f"write `provider: {provider}` again; for a trial beside it, name another `state`: trial.lock.json",
                [Place(self._former.name)],
            )
        return data

    def _read(self) -> bytes | None:
        try:
            data = read_regular(self._path, MAX_BYTES)
        except FileNotFoundError:
            return self._earlier()
        except OSError as error:
            raise StateError(
                f"{self._name} can't be read: {error.strerror or error}",
                "fix its permissions, or correct `state` in voicectl.yaml",
                [Place(self._name)],
            ) from error
        if len(data) > MAX_BYTES:
            raise StateError(f"{self._name} is too large for a lockfile", "check `state` in voicectl.yaml")
        return data

    def wrote(self, data: bytes) -> bool:
        """Whether a run saved exactly these bytes in this checkout."""
        try:
            return _version(data) in _words(self._scratch.find(WRITTEN))
        except (OSError, ValueError):
            return False

    def _remember(self, data: bytes) -> None:
        # Without this note, a later check only asks more of the user.
        with contextlib.suppress(OSError, ValueError):
            path = self._scratch.make(WRITTEN)
            known = _words(path) if path.exists() else []
            text = "\n".join([*known[-_REMEMBERED:], _version(data)]) + "\n"
            replace_file(path, text.encode(), scratch=self._scratch)

    @contextlib.contextmanager
    def lease(
        self, command: str, wait: float, waiting: Callable[[Holder | None], None], run: str = ""
    ) -> Iterator[None]:
        from filelock import FileLock, Timeout

        try:
            # An operating system lock ends with its process. A file that merely exists would outlive a killed run.
            lock = FileLock(self._scratch.make(self._lease_name), timeout=0)
            try:
                lock.acquire()
            except Timeout:
                # Tried without waiting first, so that nobody waits without being told for whom.
                waiting(self.holder())
                lock.acquire(timeout=max(wait, 0))
        except Timeout:
            holder = self.holder()
            raise StateLocked(
                f"{self._name} is locked by another run" + (f": {holder}" if holder else ""),
                "wait for it to end, or wait longer with --lock-timeout SECONDS",
            ) from None
        except OSError as error:
            raise StateNotSaved(
                f"{NAME}/{self._lease_name} can't be written: {error.strerror or error}",
                _remedy(error),
            ) from error
        try:
            self._sign(command, run)
            yield
        finally:
            # Before the lock is let go: the next holder signs in the same place.
            with contextlib.suppress(OSError):
                self._holder_path().unlink()
            lock.release()

    def version(self) -> Version:
        """The version of the file, readable or not. Raises StateError."""
        data = self._read()
        return ABSENT if data is None else _version(data)

    def locked(self) -> bool:
        """Whether a run holds the lease now."""
        from filelock import FileLock, Timeout

        try:
            path = self._scratch.find(self._lease_name)
            if not path.exists():
                return False
            with FileLock(path, timeout=0):
                return False
        except Timeout:
            return True
        except OSError:
            return False

    def break_lease(self) -> Path:
        """Move the lease's file away, so that the next run makes its own, and return its new path."""
        path = self._scratch.find(self._lease_name)
        # Moved, not deleted: whoever holds it has the file open, and a new name gives the next run a lock of its own.
        aside = path.with_suffix(".broken")
        os.replace(path, aside)
        return aside

    def _holder_path(self) -> Path:
        return self._scratch.find(f"{self._path.name}.holder")

    def _sign(self, command: str, run: str) -> None:
        """Record who holds the lease. This is for messages; only the operating system's lock decides."""
        text = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "command": command,
            "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "run": run,
        }
        with contextlib.suppress(OSError):
            replace_file(self._holder_path(), json.dumps(text).encode(), scratch=self._scratch)

    def holder(self) -> Holder | None:
        """Who claims to hold the lease; None if nobody does."""
        try:
            text = json.loads(read_regular(self._holder_path(), _MAX_NOTE))
            started = datetime.fromisoformat(text["started_at"])
            return Holder(int(text["pid"]), str(text["host"]), str(text["command"]), started, str(text.get("run", "")))
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _remedy(error: OSError) -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "free some space" if full else "make the project directory writable"


def _words(path: Path) -> list[str]:
    return read_regular(path, _MAX_NOTE).decode("ascii").split()


def _version(data: bytes) -> Version:
    return hashlib.sha256(data).hexdigest()
