"""What is there instead of a file that is not: the same name in other letters."""

from __future__ import annotations

import os
import unicodedata
from itertools import islice

_MANY = 10_000
"""Entries of a directory that are looked at."""


def lookalike(root: str, path: str) -> str | None:
    """The path, relative to `root`, that differs from `path` only in case or in the Unicode form of its letters.

    None where there is none, or where it leads through a link: nothing outside `root` is listed.
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


def differs_in_form(one: str, other: str) -> bool:
    """Whether two texts look the same, and are not."""
    return one != other and unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)


def _alike(directory: str, name: str) -> str | None:
    wanted = _folded(name)
    try:
        with os.scandir(directory) as entries:
            near = [entry.name for entry in islice(entries, _MANY) if _folded(entry.name) == wanted]
    except (OSError, ValueError):
        return None
    return min(near, default=None, key=lambda other: (not differs_in_form(other, name), other))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
