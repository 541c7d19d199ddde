"""Colour of text output. Text is built plain or coloured; whoever prints may strip colour."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODES = {"green": 32, "yellow": 33, "red": 31, "cyan": 36, "magenta": 35, "bold": 1, "dim": 2}
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Style:
    """How to write: with colour or without, and how wide."""

    colour: bool = False
    columns: int | None = None
    """Where lines are broken; None for nowhere."""

    def paint(self, text: str, *names: str) -> str:
        """A text in these colours."""
        if not self.colour or not text:
            return text
        codes = ";".join(str(_CODES[name]) for name in names)
        return f"\x1b[{codes}m{text}\x1b[0m"


def plain(text: str) -> str:
    """A text without colour."""
    return _ESCAPES.sub("", text)
