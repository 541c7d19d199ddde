"""Transcript files: small UTF-8 texts."""

from __future__ import annotations

import codecs

from voicectl.manifest.media import LFS_POINTER
from voicectl.manifest.paths import PathRefused, ProjectPaths
from voicectl.manifest.problems import shown
from voicectl.regular_file import read_regular

MAX_TRANSCRIPT = 64 * 1024


def read_transcript(paths: ProjectPaths, text: str, base: str) -> str:
    """The text in a transcript file; PathRefused where it breaks a rule. It is not canonical yet."""
    relative = paths.file(text, base)
    if not relative.endswith(".txt"):
        raise PathRefused(f"{shown(text)} leads to a file that does not end in .txt", "transcript files end in .txt")
    try:
        content = read_regular(paths.absolute(relative), MAX_TRANSCRIPT)
    except OSError as error:
        raise PathRefused(f"{shown(text)} can't be read", "check its permissions") from error
    if len(content) > MAX_TRANSCRIPT:
        raise PathRefused(f"{shown(text)} is larger than 64 KiB", "a transcript holds only the words of one sample")
    if content.removeprefix(codecs.BOM_UTF8).startswith(LFS_POINTER):
        raise PathRefused(
            f"{shown(text)} is a Git LFS pointer, not the text",
            "run `git lfs pull`; or keep .txt files out of Git LFS (.gitattributes)",
        )
    try:
        words = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PathRefused(f"{shown(text)} is not UTF-8 text", "save it as UTF-8") from error
    if "\0" in words:
        raise PathRefused(f"{shown(text)} holds a NUL character", "save it as plain text")
    return words
