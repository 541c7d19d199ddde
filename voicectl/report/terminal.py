"""Text on a terminal: its colours, its signs, and fitting it into columns.

Whoever prints may strip the colour. Widths are counted in cells: letters of some scripts take two, some take none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # whatever prints needs this module, and not much of it is about plans
    from voicectl.plan.plan import Change

_CODES = {"green": 32, "yellow": 33, "red": 31, "cyan": 36, "magenta": 35, "bold": 1, "dim": 2}
_SIGNS = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "replace": ("±", "magenta"),
    "restore": ("↺", "cyan"),
    "retire": ("-", "red"),
    "prune": ("-", "red"),
    "forget": ("?", "red"),
    "refresh": ("·", "dim"),
}
_ESCAPE = "\x1b\\[[0-9;]*m"
_PIECES = re.compile(f"{_ESCAPE}|[ ]+|[^ \x1b]+")
_TRAILING = re.compile(f" +((?:{_ESCAPE})*)$")
_NARROWEST = 20
_HANG = 4


@dataclass(frozen=True, slots=True)
class Style:
    """How to write: with colour or without, and how wide."""

    colour: bool = False
    columns: int | None = None
    """Where to break lines; None for nowhere."""

    def paint(self, text: str, *names: str) -> str:
        """A text in these colours."""
        if not self.colour or not text:
            return text
        codes = ";".join(str(_CODES[name]) for name in names)
        return f"\x1b[{codes}m{text}\x1b[0m"


def plain(text: str) -> str:
    """A text without colour."""
    return re.sub(_ESCAPE, "", text)


def sign(change: Change, style: Style) -> str:
    """The sign of a change, in its colour."""
    text, colour = _SIGNS[change.action]
    if change.previous_name is not None:
        text = "→"
    elif change.adopted and change.action in ("update", "refresh"):
        text = "←"
    return style.paint(text, colour)


def width(text: str) -> int:
    """How many cells a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # not above: most runs write no other letters

    return cell_len(text)


def padded(text: str, cells: int) -> str:
    """A text followed by spaces up to a width in cells."""
    return text + " " * max(0, cells - width(text))


def fold(document: str, columns: int | None) -> str:
    """The document, with lines longer than `columns` broken between words.

    What follows a break is indented by four more than its line. A word longer than a line, and text without spaces, is
    broken anywhere. None for `columns` leaves everything as it is.
    """
    if columns is None or columns < _NARROWEST:
        return document
    return "".join(_folded(line, columns) for line in document.splitlines(keepends=True))


def _folded(line: str, columns: int) -> str:
    if len(line) <= columns // 2 or width(plain(line).rstrip("\n")) <= columns:
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
    """Words, spaces and colours; letter by letter what no line has room for, and text in wide letters."""
    for piece in _PIECES.findall(text):
        whole = piece.startswith("\x1b") or (width(piece) <= room and not _wide(piece))
        yield from [piece] if whole else _letters(piece)


def _wide(piece: str) -> bool:
    return not piece.isascii() and any(unicodedata.east_asian_width(letter) in "WF" for letter in piece)


def _letters(piece: str) -> Iterator[str]:
    """What a reader sees as single letters, each with the marks on it."""
    if piece.isascii():
        yield from piece
        return
    from rich.cells import split_graphemes

    yield from (piece[start:end] for start, end, _ in split_graphemes(piece)[0])


def right_to_left(text: str) -> bool:
    """Whether a text has letters that run from right to left: they turn around what stands beside them on a line."""
    return not text.isascii() and any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)
