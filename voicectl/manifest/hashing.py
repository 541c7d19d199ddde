"""What each file is, and its digest, remembered between runs: a second run opens no sample."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from voicectl.audio.kinds import HEAD, FileKind
from voicectl.audio.probe import probe
from voicectl.files import CacheFile, digest_of, open_regular
from voicectl.manifest.pointer import MAX_POINTER, BadPointer, is_pointer, other_pointer, read_pointer
from voicectl.model import names

CACHE_VERSION = 2
_MAX_ENTRIES = 50_000
_MAX_BATCH = 32
"""The most files that a thread takes at a time. Handing over small files one by one costs as much as hashing them."""

_DIGEST = re.compile(names.DIGEST)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The digest of a file (`sha256:<hex>`), its size and its kind.

    `pointer` says that these are of the file that a Git LFS pointer stands for, whose kind nobody has looked at.
    """

    digest: str
    size: int
    finding: FileKind
    pointer: bool = False


class FileCache:
    """Facts of files by path. An entry counts only while its file can't have changed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._cache = CacheFile(root, "files.json")
        self._entries = self._cache.read_entries(CACHE_VERSION, "files")
        self._seen: set[str] = set()
        self._changed = False

    def facts(self, paths: Iterable[str]) -> dict[str, FileFacts | OSError]:
        """The facts of each file (by path in the project), or the error that kept it from being read."""
        result: dict[str, FileFacts | OSError] = {}
        missing: list[str] = []
        for path in sorted(set(paths)):
            known = self._known(path)
            if known is None:
                missing.append(path)
            else:
                result[path] = known
        self._seen.update(result, missing)
        if missing:
            result.update(self._read_all(missing))
        return result

    def save(self) -> None:
        """Write the cache if it changed."""
        if not self._changed:
            return
        entries = self._entries
        # Entries that this run did not need may serve another environment, so they stay as long as there is room.
        if len(entries) > _MAX_ENTRIES:
            entries = {path: entry for path, entry in entries.items() if path in self._seen}
        self._cache.write_entries(CACHE_VERSION, "files", entries)

    def _known(self, path: str) -> FileFacts | None:
        entry = self._entries.get(path)
        if entry is None:
            return None
        found = stamp(os.path.join(self._root, path))
        return None if found is None else _facts(entry, found)

    def _read_all(self, paths: list[str]) -> dict[str, FileFacts | OSError]:
        facts: dict[str, FileFacts | OSError] = {}
        workers = os.cpu_count() or 1
        size = max(1, min(_MAX_BATCH, len(paths) // (4 * workers)))
        batches = [paths[start : start + size] for start in range(0, len(paths), size)]
        pool = ThreadPoolExecutor(max_workers=min(len(batches), workers))
        try:
            read = {path: found for batch in pool.map(self._read_batch, batches) for path, found in batch.items()}
        finally:
            # An interrupted run must not wait for a disk that hangs.
            pool.shutdown(wait=False, cancel_futures=True)
        decided = self._decide({path: found for path, (found, _) in read.items() if isinstance(found, FileFacts)})
        for path, (found, settled_as) in read.items():
            facts[path] = decided.get(path, found)
            self._remember(path, facts[path], settled_as)
        return facts

    def _decide(self, facts: Mapping[str, FileFacts]) -> dict[str, FileFacts]:
        """The facts of files with unusual headers, after a decoder looked at them, if there is one."""
        doubtful = {path: found for path, found in facts.items() if found.finding.unusual}
        if not doubtful:
            return {}
        from voicectl.audio.verdict import Doubt, decide

        doubts = {
            path: Doubt(os.path.join(self._root, path), found.digest, found.finding) for path, found in doubtful.items()
        }
        return {path: replace(doubtful[path], finding=kind) for path, kind in decide(doubts).items()}

    def _remember(self, path: str, found: FileFacts | OSError, settled_as: _Settled | None) -> None:
        # A file with a problem is read again in each run: the message must be there until somebody mends it. So is one
        # of which nobody could tell what it is: a decoder may be installed meanwhile.
        if settled_as is None or isinstance(found, OSError) or found.finding.problem or found.finding.unusual:
            self._changed = self._entries.pop(path, None) is not None or self._changed
            return
        then, began = settled_as
        kind = found.finding
        self._entries[path] = [
            list(then), began, found.digest, kind.format, kind.seconds, kind.rate, kind.channels, kind.moving
        ]  # fmt: skip
        self._changed = True

    def _read_batch(self, paths: list[str]) -> dict[str, tuple[FileFacts | OSError, _Settled | None]]:
        return {path: self._read(path) for path in paths}

    def _read(self, path: str) -> tuple[FileFacts | OSError, _Settled | None]:
        """The facts of a file by its headers, and its stamp and the time before it was read, if both can be kept."""
        began = time.time_ns()
        try:
            with open(open_regular(os.path.join(self._root, path)), "rb") as file:
                before = os.fstat(file.fileno())
                if is_pointer(head := file.read(MAX_POINTER + 1)):
                    return _pointed(head), None  # read again in each run: it is smaller than what a cache would hold
                file.seek(0)
                digest = digest_of(file)
                facts = FileFacts(digest, before.st_size, _looked_at(file, before.st_size))
                found = stamp_of(os.fstat(file.fileno()))
        except (OSError, ValueError) as error:
            return (error if isinstance(error, OSError) else OSError(str(error))), None
        unchanged = found == stamp_of(before) and settled(found, began)
        return facts, (found, began) if unchanged else None


def _looked_at(file: BinaryIO, size: int) -> FileKind:
    """What a file is that is no pointer of Git LFS."""
    file.seek(0)
    other = other_pointer(file.read(HEAD))
    return FileKind("pointer", None, *other) if other else probe(file, size)


def _pointed(content: bytes) -> FileFacts:
    """The facts of the file that a pointer stands for; those of a problem where it can't be followed."""
    try:
        found = read_pointer(content)
    except BadPointer as error:
        return FileFacts("", len(content), FileKind("pointer", None, error.message, error.hint))
    return FileFacts(found.digest, found.size, FileKind("pointer"), pointer=True)


def _facts(entry: Any, found: Stamp) -> FileFacts | None:
    """The facts in a cache entry; None if it is damaged or describes another state of the file."""
    match entry:
        case [
            list(then), int(made), str(digest), str(kind), (int() | float() | None) as seconds,
            (int() | None) as rate, (int() | None) as channels, bool(moving),
        ]:  # fmt: skip
            trusted = then == list(found) and settled(found, made) and _DIGEST.fullmatch(digest)
            finding = FileKind(kind, seconds, rate=rate, channels=channels, moving=moving)
            return FileFacts(digest, found[0], finding) if trusted else None
    return None


MARGIN = 2_000_000_000
"""Nanoseconds: no file system in use has a coarser clock than FAT's two seconds."""

Stamp: TypeAlias = tuple[int, int, int, int]
"""Size, mtime, ctime and inode. Equal stamps mean an unchanged file, if it had settled when it was read."""
_Settled: TypeAlias = tuple[Stamp, int]


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
    """Whether any later change to a file with this stamp, read at that time (nanoseconds), would show in its stamp.

    A file that changed less than MARGIN before it was read could change once more within one tick of the clock. Git has
    the same problem with its index ("racy git") and solves it the same way: nothing about such a file is kept.
    """
    return max(found[1], found[2]) + MARGIN < read_at
