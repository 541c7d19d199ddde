"""Pointers: small texts that stand for large files. Git LFS's count as their file; others are named as what they are.

The form of a Git LFS pointer is in git-lfs, docs/spec.md and docs/extensions.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_POINTER = 1024
"""Bytes; the specification demands less."""
_VERSIONS = (
    "https://git-lfs.github.com/spec/v1",
    "https://hawser.github.com/spec/v1",  # before its public release
)
_BEGIN = re.compile(rb"version (https?://(git-lfs|hawser|git-media)[^\r\n]*)\r?\n")
_LINE = re.compile(r"([a-z0-9.-]+) (\S.*)")
_OID = re.compile(r"sha256:([0-9a-f]{64})")
_ANNEX = re.compile(rb"/annex/objects/\S|(\.\./)*\.git/annex/objects/")
_DVC = re.compile(rb"outs:\s*\n\s*-\s*(md5|hash|size|path):")


class BadPointer(Exception):
    """A pointer that nobody can follow. The text completes "this file …"; `hint` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Pointer:
    """A Git LFS pointer: the digest (`sha256:<hex>`) and the size of the file that it stands for."""

    digest: str
    size: int


def is_pointer(head: bytes) -> bool:
    """Whether a file that begins so is a Git LFS pointer, or was meant to be one."""
    return _BEGIN.match(head) is not None


def read_pointer(content: bytes) -> Pointer:
    """Read a Git LFS pointer, which begins as one. Raises BadPointer."""
    again = "restore it from Git (`git checkout -- FILE`), or run `git lfs pull`"
    if len(content) > MAX_POINTER:
        raise BadPointer("begins like a Git LFS pointer, but is longer than one", again)
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise BadPointer("begins like a Git LFS pointer, but is not text", again) from None
    values: dict[str, str] = {}
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None or found[1] in values:
            raise BadPointer(f"is a damaged Git LFS pointer: {line[:60]!r}", again)
        values[found[1]] = found[2]
    if values["version"] not in _VERSIONS:
        raise BadPointer("is a Git LFS pointer of an unknown version", "run `git lfs pull` with a newer git-lfs")
    extensions = [key for key in values if key.startswith("ext-")]
    if extensions:
        # Then the object is what an extension made of the file: its digest and size are not the file's.
        words = f"is a Git LFS pointer with an extension ({extensions[0]}), which only git-lfs can follow"
        raise BadPointer(words, "run `git lfs pull`")
    oid, size = _OID.fullmatch(values.get("oid", "")), values.get("size", "")
    if oid is None or not re.fullmatch("[0-9]{1,15}", size):
        raise BadPointer("is a damaged Git LFS pointer: it lacks a valid oid or size", again)
    if int(size) == 0:
        raise BadPointer("is a Git LFS pointer to an empty file", "put the real file in its place")
    return Pointer(f"sha256:{oid[1]}", int(size))


def other_pointer(head: bytes) -> tuple[str, str] | None:
    """What a file is that stands for another one in some other way, and how to get that; None for any other file."""
    if _ANNEX.match(head):
        return "is a git-annex pointer, not the file itself", "run `git annex get` on it"
    if _DVC.search(head):
        return "is a DVC file that stands for another one, not the file itself", "run `dvc pull`, and name that file"
    return None
