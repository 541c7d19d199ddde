"""Files that a checkout has as Git LFS pointers: from the clone's own store, else from the server through git-lfs.

A pull request may bring pointers, attributes and a `.lfsconfig`. It can name an object of this repository's LFS store,
and nothing else: git-lfs runs without the provider's key, and for no server but the remote's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from voicectl.files import Scratch, open_regular
from voicectl.hosting.git import Repository
from voicectl.hosting.port import HostingError
from voicectl.redaction import redacted

_SCRATCH = "lfs"
_CONFIG = ".lfsconfig"
_TIMEOUT = 1800.0
"""Seconds that an object may take to end once its bytes are there."""
_PIECE = 1024 * 1024
_EVERYTHING = ("-c", "lfs.fetchinclude=", "-c", "lfs.fetchexclude=")
_NOW = {"GIT_LFS_SKIP_SMUDGE": "0"}
"""For one object that we name, neither a checkout's filters count nor what its job says about the others."""


class ObjectsMissing(HostingError):
    """Recordings that are needed are not here, and can't be had."""

    code = "lfs_missing"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that a pointer stands for: its path in the project, its digest (`sha256:<hex>`) and its size."""

    path: str
    digest: str
    size: int

    @property
    def oid(self) -> str:
        """As Git LFS names the object."""
        return self.digest.removeprefix("sha256:")


class LfsObjects:
    """The LFS objects of the repository around a project. Raises HostingError where there is none."""

    def __init__(self, root: Path) -> None:
        self._repository = Repository(root)
        self._scratch = Scratch(root)
        self._own: Path | None = None
        store = self._repository.setting("lfs.storage")
        common = self._repository.common_directory
        self._store = (common / store if store else common / "lfs") / "objects"

    def here(self, wanted: Wanted) -> Path | None:
        """An object of this clone's store; None if it is not there, or not whole."""
        path = self._store / wanted.oid[:2] / wanted.oid[2:4] / wanted.oid
        with contextlib.suppress(OSError):
            descriptor = open_regular(path)
            try:
                return path if os.fstat(descriptor).st_size == wanted.size else None
            finally:
                os.close(descriptor)
        return None

    def bring(self, wanted: list[Wanted]) -> dict[str, Path]:
        """The file for each digest. What is not in the store comes through git-lfs, one object after the other.

        Raises ObjectsMissing with all that can't be had, and HostingError for a `.lfsconfig` that names another host.
        """
        found = {one.digest: there for one in wanted if (there := self.here(one)) is not None}
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

    def _pull(self, wanted: Iterable[Wanted]) -> str:
        """The command that brings these files into the work tree."""
        names = sorted(self._repository.prefix + one.path for one in wanted)
        escaped = ",".join(re.sub(r"([\\*?\[\]])", r"\\\1", name) for name in names)
        return f'git lfs pull --include="{escaped}"'

    def _check_servers(self) -> None:
        """Raises HostingError where the checkout's own `.lfsconfig` names another host than the remote's."""
        remote = _host(self._repository.setting("remote.origin.url") or "")
        for key, value in self._repository.settings_in(_CONFIG).items():
            if key.lower().endswith("url") and (not remote or _host(value) != remote):
                there = _host(value) or "another place"
                raise HostingError(
                    f"{_CONFIG} sends git-lfs to {there}, but the remote is {remote or 'a directory'}",
                    f"whoever can open a pull request can write {_CONFIG}: set {key} in the runner's own Git "
                    f"configuration, and take it out of {_CONFIG}",
                )

    def _fetched(self, wanted: Wanted) -> Path:
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
                    while written <= wanted.size and (piece := running.stdout.read(_PIECE)):
                        written += len(piece)
                        hashed.update(piece)
                        file.write(piece)
                failed = written <= wanted.size and running.wait(_TIMEOUT) != 0
                told.seek(0)
                words = told.read(10_000).decode("utf-8", "replace").strip().partition("\n")[0]
        except OSError as error:
            raise _Failed(f"it can't be written: {error.strerror or error}") from error
        except subprocess.TimeoutExpired:
            raise _Failed("git-lfs does not end") from None
        if failed:
            raise _Failed(redacted(words)[:300] or "git-lfs failed without a message")
        if written != wanted.size or hashed.hexdigest() != wanted.oid:
            raise _Failed("what git-lfs has is not the file that the pointer names: another size or digest")
        return target


class _Failed(Exception):
    """One object can't be had. The text says why."""


def are_pointers(count: int) -> str:
    """A clause on so many recordings."""
    return "1 recording is a Git LFS pointer here" if count == 1 else f"{count} recordings are Git LFS pointers here"


def _host(url: str) -> str:
    """The host of a Git address, with its port; empty for a directory."""
    if "://" in url:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    before, colon, _ = url.partition(":")
    return before.rpartition("@")[2].lower() if colon and "/" not in before else ""
