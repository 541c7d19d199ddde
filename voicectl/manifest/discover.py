"""Globs -> the manifests of a project, in an order that does not depend on the file system."""

from __future__ import annotations

import fnmatch
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

PROJECT_FILE = "voicectl.yaml"


def refusal(pattern: str) -> str:
    """Why a glob can't be used; empty if it can."""
    if "\\" in pattern:
        return "write / instead of \\"
    if pattern.startswith("/") or re.match("[A-Za-z]:", pattern) or ".." in pattern.split("/"):
        return "manifests must be inside the project; write a path relative to voicectl.yaml"
    return ""


def find_manifests(root: Path, patterns: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """The files that match any pattern, the directories that could not be listed, and links to directories.

    All paths are relative to `root`, with forward slashes, and sorted. `**` stands for any number of directories. The
    search skips hidden files and directories, directories behind symbolic links below a pattern's fixed part, and
    everything if the fixed part itself leads out of the project or into a hidden directory. The project file is not a
    manifest.
    """
    listed: dict[str, list[str]] = {}
    found: set[str] = set()
    closed: set[str] = set()
    links: set[str] = set()
    for pattern in patterns:
        parts = [part for part in pattern.split("/") if part not in ("", ".")]
        base = fixed_part(parts)
        if base not in listed:
            leaving = _leaving(root, base)
            links.update(leaving)
            listed[base] = [] if leaving else list(_walk(root, base, closed, links))
        found.update(path for path in listed[base] if _fits(parts, path.split("/")))
    visible = (path for path in found if not any(part.startswith(".") for part in path.split("/")))
    split = [[part for part in pattern.split("/") if part not in ("", ".")] for pattern in patterns]
    hiding = {link for link in links if any(_leads_into(parts, link.split("/")) for parts in split)}
    return sorted(set(visible) - {PROJECT_FILE}), sorted(closed), sorted(hiding)


def _leaving(root: Path, base: str) -> list[str]:
    """The link in a pattern's fixed part that leads out of the project or into a hidden directory; at most one."""
    real, on_the_way = os.path.realpath(root), ""
    for name in filter(None, base.split("/")):
        on_the_way = f"{on_the_way}/{name}".lstrip("/")
        below = os.path.relpath(os.path.realpath(os.path.join(real, on_the_way)), real)
        if any(part.startswith(".") and part != "." for part in below.split(os.sep)):
            return [on_the_way]
    return []


def fixed_part(parts: list[str]) -> str:
    """The directory that holds everything a pattern can match."""
    fixed = itertools.takewhile(lambda part: not any(sign in part for sign in "*?["), parts[:-1])
    return "/".join(fixed)


def matches(pattern: str, path: str) -> bool:
    """Whether a glob finds a file at this path, relative to the project."""
    return _fits([part for part in pattern.split("/") if part not in ("", ".")], path.split("/"))


def _fits(parts: list[str], names: list[str]) -> bool:
    """Whether a pattern's parts match a path's names.

    It follows all positions that the names so far can lead to at once, so no pattern takes exponential time.
    """
    return len(parts) in _positions(parts, names)


def _leads_into(parts: list[str], names: list[str]) -> bool:
    """Whether a pattern could match something below a directory."""
    return any(at < len(parts) for at in _positions(parts, names))


def _positions(parts: list[str], names: list[str]) -> set[int]:
    """Where in the pattern these names can have led."""
    positions = _skipping(parts, {0})
    for name in names:
        reached = {
            at if parts[at] == "**" else at + 1
            for at in positions
            if at < len(parts) and (parts[at] == "**" or fnmatch.fnmatchcase(name, parts[at]))
        }
        positions = _skipping(parts, reached)
    return positions


def _skipping(parts: list[str], positions: set[int]) -> set[int]:
    """These positions and those behind a `**`, which may stand for no directory."""
    result = set(positions)
    for at, part in enumerate(parts):
        if part == "**" and at in result:
            result.add(at + 1)
    return result


def _walk(root: Path, base: str, closed: set[str], links: set[str]) -> Iterator[str]:
    def path_of(directory: str) -> str:
        return os.path.relpath(directory, root).replace(os.sep, "/")

    def note(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            closed.add(path_of(error.filename))

    for directory, inner, files in os.walk(os.path.join(root, base), onerror=note):
        inner[:] = [name for name in inner if not name.startswith(".")]
        links.update(path_of(os.path.join(directory, n)) for n in inner if os.path.islink(os.path.join(directory, n)))
        below = path_of(directory)
        prefix = "" if below == "." else below + "/"
        yield from (prefix + name for name in files if not name.startswith("."))
