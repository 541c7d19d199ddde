"""Files that a checkout has as Git LFS pointers: from the clone's own store, else from the server through git-lfs.

A pull request may bring pointers, attributes and a `.lfsconfig`. It can name an object of this repository's LFS store,
and nothing else: git-lfs runs without the provider's key, and for no server but the remote's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import select
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from voicectl import signals
from voicectl.files import Scratch, digest_of, open_regular
from voicectl.hosting.git import Repository
from voicectl.hosting.port import HostingError, Remote
from voicectl.redaction import redacted

_SCRATCH = "lfs"
_CONFIG = ".lfsconfig"
_STEERING = ("lfs.gitprotocol", "remote.lfsdefault", "remote.lfspushdefault")
"""Settings that choose a server without being an address."""
_TIMEOUT = 1800.0
"""Seconds that an object may take to end once its bytes are there, or to send its next ones."""
_BETWEEN = 0.5
"""Seconds between two looks at whether somebody wants to end this run."""
_PIECE = 1024 * 1024
_ERROR = re.compile("(?i)error|fatal|fail|denied")
_EVERYTHING = ("-c", "lfs.fetchinclude=", "-c", "lfs.fetchexclude=")
_NOW = {"GIT_LFS_SKIP_SMUDGE": "0"}
"""For one object that we name, neither a checkout's filters count nor what its job says about the others."""


class ObjectsMissing(HostingError):
    """Recordings that are needed are not here, and can't be had."""

    code = "lfs_missing"


@dataclass(frozen=True, slots=True)
class Pointed:
    """A file that a pointer stands for: its path in the project, its digest (`sha256:<hex>`) and its size."""

    path: str
    digest: str
    size: int

    @property
    def oid(self) -> str:
        """As Git LFS names the object."""
        return self.digest.removeprefix("sha256:")


class LfsObjects:
    """The LFS objects of the repository around a project. Raises HostingError where there is none.

    `remote` has the credentials to fetch them with; without one it is the user's Git that knows them.
    """

    def __init__(self, root: Path, remote: Remote | None = None) -> None:
        self._repository = Repository(root, remote)
        self._scratch = Scratch(root)
        self._own: Path | None = None
        store = self._repository.setting("lfs.storage")
        common = self._repository.common_directory
        self._store = (common / store if store else common / "lfs") / "objects"

    def here(self, wanted: Pointed) -> Path | None:
        """An object of this clone's store; None if it is not there, or not whole."""
        path = self._store / wanted.oid[:2] / wanted.oid[2:4] / wanted.oid
        with contextlib.suppress(OSError):
            descriptor = open_regular(path)
            try:
                return path if os.fstat(descriptor).st_size == wanted.size else None
            finally:
                os.close(descriptor)
        return None

    def bring(self, wanted: list[Pointed]) -> dict[str, Path]:
        """The file for each digest. What is not in the store comes through git-lfs, one object after the other.

        Raises ObjectsMissing with all that can't be had, and HostingError for a `.lfsconfig` that names another host.
        """
        found = {one.digest: there for one in wanted if (there := self.here(one)) is not None}
        damaged = [one for one in wanted if one.digest in found and not _is_whole(found[one.digest], one)]
        if damaged:
            # git-lfs, too, would hand out what it has: it looks at the size only.
            raise ObjectsMissing(
                f"{damaged[0].path}: the Git LFS store of this clone has other bytes than its pointer names",
                "run `git lfs fsck --objects`, which moves damaged objects away, then " + self._pull(damaged),
            )
        missing = {one.digest: one for one in wanted if one.digest not in found}
        if not missing:
            return found
        if shutil.which("git-lfs") is None:
            hint = f"install git-lfs, then run {self._pull(missing.values())}"
            raise ObjectsMissing(f"git-lfs is not installed, and {are_pointers(len(missing))}", hint)
        self._check_servers()
        failures: dict[str, str] = {}
        for digest, one in missing.items():
            try:
                found[digest] = self._fetched(one)
            except _Failed as error:
                failures[digest] = str(error)
        if failures:
            first = missing[next(iter(failures))].path
            more = f" and {len(failures) - 1} more" if len(failures) > 1 else ""
            raise ObjectsMissing(
                f"{first}{more} can't be had from Git LFS: {next(iter(failures.values()))}",
                "is the object on the server, and may you read it? Try "
                + self._pull(missing[digest] for digest in failures),
            )
        return found

    def forget(self) -> None:
        """Remove what was fetched, and nothing of another run that is under way."""
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            with contextlib.suppress(OSError):
                self._own.parent.rmdir()
            self._own = None

    def _pull(self, wanted: Iterable[Pointed]) -> str:
        """The command that brings these files into the work tree."""
        return pull(self._repository.prefix + one.path for one in wanted)

    def _check_servers(self) -> None:
        """Raises HostingError where the checkout's own `.lfsconfig` names another host than the remote's."""
        remote = _host(self._repository.setting(f"remote.{self._repository.remote_name()}.url") or "")
        for key, value in self._repository.settings_in(_CONFIG):
            name = key.lower()
            # git-lfs follows includes, and reads `key=value` line by line: what looks harmless to Git may be an
            # address to it.
            if name.startswith(("include.", "includeif.")) or name in _STEERING or "=" in key or "\n" in key + value:
                raise HostingError(
                    f"{_CONFIG} holds {key[:80]!r}, which may send git-lfs elsewhere",
                    f"whoever can open a pull request can write {_CONFIG}: take that out of it",
                )
            if name.endswith("url") and (not remote or _host(value) != remote):
                there = _host(value) or "another place"
                raise HostingError(
                    f"{_CONFIG} sends git-lfs to {there}, but the remote is {remote or 'a directory'}",
                    f"whoever can open a pull request can write {_CONFIG}: set {key} in the runner's own Git "
                    f"configuration, and take it out of {_CONFIG}",
                )

    def _fetched(self, wanted: Pointed) -> Path:
        """An object, streamed into `.voicectl/` and checked. Raises _Failed."""
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{wanted.oid}\nsize {wanted.size}\n"
        path = self._repository.prefix + wanted.path
        hashed, written = hashlib.sha256(), 0
        try:
            self._own = self._own or self._scratch.own(_SCRATCH)
            target = self._own / wanted.oid
            smudge = (*_EVERYTHING, "lfs", "smudge", "--", path)
            with self._repository.streaming(*smudge, given=pointer.encode(), extra=_NOW) as (running, told):
                assert running.stdout is not None
                with open(target, "wb") as file:
                    while written <= wanted.size and (piece := _piece(running.stdout)):
                        written += len(piece)
                        hashed.update(piece)
                        file.write(piece)
                failed = written <= wanted.size and running.wait(_TIMEOUT) != 0
                told.seek(0)
                words = _reason(told.read(10_000).decode("utf-8", "replace"))
        except OSError as error:
            raise _Failed(f"it can't be written: {error.strerror or error}") from error
        except subprocess.TimeoutExpired:
            raise _Failed("git-lfs does not end") from None
        if failed:
            raise _Failed(redacted(words)[:300] or "git-lfs failed without a message")
        if written != wanted.size or hashed.hexdigest() != wanted.oid:
            raise _Failed("what git-lfs has is not the file that the pointer names: another size or digest")
        return target


def _is_whole(path: Path, wanted: Pointed) -> bool:
    with open(open_regular(path), "rb") as file:
        return digest_of(file) == wanted.digest


def _piece(output: IO[bytes]) -> bytes:
    """The next bytes; none at the end. Raises KeyboardInterrupt when a signal has come, TimeoutExpired when none come.

    A server that neither answers nor hangs up must not keep a run from ending.
    """
    until = time.monotonic() + _TIMEOUT
    # Windows can wait for sockets only.
    while os.name != "nt" and not select.select([output], [], [], _BETWEEN)[0]:
        signals.check()
        if time.monotonic() > until:
            raise subprocess.TimeoutExpired("git-lfs", _TIMEOUT)
    return os.read(output.fileno(), _PIECE)


def _reason(told: str) -> str:
    """What git-lfs says of a failure: its line on the error, not the one on its progress before it."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return next((line for line in lines if _ERROR.search(line)), lines[0] if lines else "")


class _Failed(Exception):
    """One object can't be had. The text says why."""


def pull(paths: Iterable[str]) -> str:
    """The command for a shell that brings files, by their paths in the repository, into the work tree."""
    escaped = (re.sub(r"([\\*?\[\]])", r"\\\1", path) for path in sorted(paths))
    # A comma would begin another pattern, and a terminal can't take control characters: any one character stands there.
    patterns = ",".join(re.sub(r"[,\x00-\x1f\x7f]", "?", path) for path in escaped)
    return f"git lfs pull --include={shlex.quote(patterns)}"


def are_pointers(count: int) -> str:
    """A clause on so many recordings."""
    return "1 recording is a Git LFS pointer here" if count == 1 else f"{count} recordings are Git LFS pointers here"


def _host(url: str) -> str:
    """The host of a Git address, with its port; empty for a directory."""
    if "://" in url:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    before, colon, _ = url.partition(":")
    return before.rpartition("@")[2].lower() if colon and "/" not in before else ""
