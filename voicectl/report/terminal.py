"""Fitting text into the columns of a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from voicectl.report.escape import width

_ESCAPE = "\x1b\\[[0-9;]*m"
_PIECES = re.compile(f"{_ESCAPE}|[ ]+|[^ \x1b]+")
_TRAILING = re.compile(f" +((?:{_ESCAPE})*)$")
_NARROWEST = 20
_HANG = 4


def fold(document: str, columns: int | None) -> str:
    """The document with its lines broken between words where they are longer than `columns`.

    What follows a break is indented by four more than its line. A word that is longer than a line is broken
    anywhere, as is text without spaces. None for `columns` leaves everything as it is.
    """
    if columns is None or columns < _NARROWEST:
        return document
    return "".join(_folded(line, columns) for line in document.splitlines(keepends=True))


def _folded(line: str, columns: int) -> str:
    if len(line) <= columns // 2 or width(_plain(line)) <= columns:
        return line
    text = line.rstrip("\n")
    indent = min(len(text) - len(text.lstrip(" ")) + _HANG, columns // 2)
    lines, at = [""], 0
    for piece in _pieces(text, columns - indent):
        size = 0 if piece.startswith("\x1b") else width(piece)
        if at + size > columns and at > indent:
            lines[-1] = _TRAILING.sub(r"\1", lines[-1])
            lines.append(" " * indent)
            at = indent
            piece, size = (piece, size) if piece.strip(" ") else ("", 0)
        lines[-1] += piece
        at += size
    return "\n".join(lines) + line[len(text) :]


def _pieces(text: str, room: int) -> Iterator[str]:
    """Words, spaces and colours; a word that no line has room for, and text in wide letters, by the letter."""
    for piece in _PIECES.findall(text):
        whole = piece.startswith("\x1b") or (width(piece) <= room and not _wide(piece))
        yield from [piece] if whole else _letters(piece)


def _wide(piece: str) -> bool:
    return not piece.isascii() and any(unicodedata.east_asian_width(letter) in "WF" for letter in piece)


def _letters(piece: str) -> Iterator[str]:
    """Single letters, each with the marks that combine with it."""
    letter = ""
    for character in piece:
        if letter and not unicodedata.combining(character):
            yield letter
            letter = ""
        letter += character
    if letter:
        yield letter


def _plain(line: str) -> str:
    return re.sub(_ESCAPE, "", line).rstrip("\n")


def right_to_left(text: str) -> bool:
    """Whether a text has letters that run from right to left, which turn what stands beside them on a line."""
    return not text.isascii() and any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)
