"""Digests of files, and what they are, remembered between runs.

The cache under `.voicectl/cache/` spares a warm run from opening any sample. It is never a
source of truth: a cache that is damaged, unwritable or missing costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicectl.manifest.media import Finding, judge
from voicectl.manifest.paths import open_regular

CACHE_VERSION = 1
MARGIN = 2_000_000_000
"""Nanoseconds: no file system in use has a coarser clock than FAT's two seconds."""
_MAX_ENTRIES = 50_000

_DIGEST = re.compile("sha256:[0-9a-f]{64}")

_Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file: `sha256:<hex>` of its bytes, its size, and what it is."""

    digest: str
    size: int
    finding: Finding


class FileCache:
    """Facts of files by path, trusted only as long as the file can't have changed.

    An entry holds size, mtime, ctime and inode. A file that was changed less than MARGIN before it
    was read could change again without a trace in these; as Git does with its index, such an
    entry is not kept.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / ".voicectl" / "cache" / "files.json"
        self._entries = _load(self._path) if self._is_ours() else {}
        self._seen: set[str] = set()
        self._changed = False

    def facts(self, paths: Iterable[str]) -> dict[str, FileFacts | OSError]:
        """The facts of each file (relative to the project), or why it could not be read."""
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
        """Write the cache if it changed; a failure is no one's concern."""
        if not self._changed or not self._is_ours():
            return
        entries = self._entries
        if len(entries) > _MAX_ENTRIES:
            entries = {path: entry for path, entry in entries.items() if path in self._seen}
        try:
            self._prepare_directory()
            _write_atomically(self._path, json.dumps({"version": CACHE_VERSION, "files": entries}))
        except OSError:
            pass

    def _known(self, path: str) -> FileFacts | None:
        entry = self._entries.get(path)
        if entry is None:
            return None
        try:
            stamp = _stamp(os.stat(os.path.join(self._root, path), follow_symlinks=False))
        except (OSError, ValueError):
            return None
        return _facts(entry, stamp)

    def _read_all(self, paths: list[str]) -> dict[str, FileFacts | OSError]:
        with ThreadPoolExecutor(max_workers=min(len(paths), os.cpu_count() or 1)) as pool:
            results = dict(zip(paths, pool.map(self._read, paths), strict=True))
        facts: dict[str, FileFacts | OSError] = {}
        for path, (found, entry) in results.items():
            facts[path] = found
            if entry is not None:
                self._entries[path] = entry
                self._changed = True
            elif self._entries.pop(path, None) is not None:
                self._changed = True
        return facts

    def _read(self, path: str) -> tuple[FileFacts | OSError, list[Any] | None]:
        began = time.time_ns()
        try:
            with open(open_regular(os.path.join(self._root, path)), "rb") as file:
                before = os.fstat(file.fileno())
                digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
                facts = FileFacts(digest, before.st_size, judge(file, before.st_size))
                stamp = _stamp(os.fstat(file.fileno()))
        except (OSError, ValueError) as error:
            return (error if isinstance(error, OSError) else OSError(str(error))), None
        settled = stamp == _stamp(before) and max(stamp[1], stamp[2]) + MARGIN < began
        if not settled or facts.finding.problem:
            return facts, None
        return facts, [list(stamp), began, digest, facts.finding.format, facts.finding.seconds]

    def _is_ours(self) -> bool:
        """False where a link would lead the cache out of the project."""
        directory = self._path.parent
        return not (directory.is_symlink() or directory.parent.is_symlink() or self._path.is_symlink())

    def _prepare_directory(self) -> None:
        directory = self._path.parent
        directory.mkdir(parents=True, exist_ok=True)
        ignore = directory.parent / ".gitignore"
        if not os.path.lexists(ignore):
            ignore.write_text("*\n", encoding="utf-8")


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _facts(entry: Any, stamp: _Stamp) -> FileFacts | None:
    """The facts in a cache entry, None where it is damaged or of another state of the file."""
    match entry:
        case [list(then), int(made), str(digest), str(kind), (int() | float() | None) as seconds]:
            settled = then == list(stamp) and max(stamp[1], stamp[2]) + MARGIN < made
            trusted = settled and _DIGEST.fullmatch(digest)
            return FileFacts(digest, stamp[0], Finding(kind, seconds)) if trusted else None
    return None


def _load(path: Path) -> dict[str, Any]:
    try:
        with open(open_regular(str(path)), "rb") as file:
            content = json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return {}
    match content:
        case {"version": int(version), "files": dict(entries)} if version == CACHE_VERSION:
            return entries
    return {}


def _write_atomically(path: Path, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".files-")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
