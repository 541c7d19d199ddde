"""The whole catalog as it was last loaded, for reuse while none of its files can have changed.

Like the digests of `hashing.py`, a snapshot under `.voicectl/cache/` saves time and is never a source of truth. It
lists every file it was made from with its stamp; one file that differs, is gone, or now lies behind a link makes the
snapshot void. A stranger can't check in a valid one: stamps hold the inode and the time of its last change, which no
commit can foresee.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from voicectl.files import CacheFile
from voicectl.manifest.discover import PROJECT_FILE
from voicectl.manifest.hashing import Stamp, settled, stamp
from voicectl.model.catalog import Catalog
from voicectl.version import VERSION

_FORMAT = 3
WORTHWHILE = 50
"""The fewest voices for which a snapshot saves time: building its validator takes as long as reading a few dozen
voices."""


@dataclass(frozen=True, slots=True)
class Origins:
    """What a catalog was made from: the manifests, and the stamp of every file read, by path in the project.

    `resolved` maps each directory and link on the way to a file, as written, to its real path.
    """

    manifests: Sequence[str]
    files: Mapping[str, Stamp]
    resolved: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Saved:
    """The content of the file. `made` is the time in nanoseconds before the first file was read."""

    version: str
    environment: str | None
    manifests: tuple[str, ...]
    resolved: dict[str, str]
    files: dict[str, Stamp]
    made: int
    catalog: Catalog


class Snapshot:
    """The snapshot of one environment of a project."""

    def __init__(self, root: Path, environment: str | None) -> None:
        self._root = str(root)
        self._environment = environment
        self._cache = CacheFile(root, f"catalog.{environment}.json" if environment else "catalog.json")

    def load(self, manifests: Sequence[str]) -> Catalog | None:
        """The catalog, if these are its manifests and no file of it can have changed."""
        content = self._cache.read()
        if not content:
            return None
        try:
            saved: _Saved = _adapter().validate_json(content)
        except ValueError:
            return None
        ours = (saved.version, saved.environment) == (_version(), self._environment)
        same = ours and saved.manifests == tuple(manifests) and saved.files.keys() >= {PROJECT_FILE, *manifests}
        # Links first: a stamp counts only for the file that the path led to before.
        unchanged = same and self._leads(saved.resolved) and self._stamps(saved.files, saved.made) == saved.files
        return saved.catalog if unchanged else None

    def save(self, catalog: Catalog, origins: Origins, began: int) -> None:
        """Keep the catalog, unless a file changed so recently that another change might not show.

        `began` is the time in nanoseconds before the first file was read.
        """
        if len(catalog.voices) < WORTHWHILE:
            return
        files = self._stamps({*origins.manifests, *origins.files}, began)
        # A directory that was swapped for another leaves the times of its files as they were.
        if files is None or any(files[path] != then for path, then in origins.files.items()):
            return
        manifests, resolved = tuple(origins.manifests), dict(origins.resolved)
        saved = _Saved(_version(), self._environment, manifests, resolved, files, began, catalog)
        self._cache.write(_adapter().dump_json(saved))

    def _stamps(self, files: Iterable[str], read_at: int) -> dict[str, Stamp] | None:
        """The stamps of the files; None if one is gone, or if another change to it might not show."""
        stamps = {}
        for path in files:
            found = stamp(os.path.join(self._root, path))
            if found is None or not settled(found, read_at):
                return None
            stamps[path] = found
        return stamps

    def _leads(self, resolved: Mapping[str, str]) -> bool:
        """Whether directories and links still lead to the same places."""
        return all(
            os.path.realpath(os.path.join(self._root, written)) == os.path.normpath(os.path.join(self._root, real))
            for written, real in resolved.items()
        )


@cache
def _version() -> str:
    """The program's version, on which a snapshot depends too.

    Between releases, the newest source file tells versions apart.
    """
    newest = ""
    if "dev" in VERSION:
        package = Path(__file__).parent.parent
        sources = (path for part in ("audio", "manifest", "model") for path in (package / part).glob("*.py"))
        newest = str(max((path.stat().st_mtime_ns for path in sources), default=0))
    return f"{_FORMAT} {VERSION} {newest}"


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(_Saved)
