"""Colour and signs of text output. Text is built plain or coloured; whoever prints may strip colour."""

from __future__ import annotations

import re
from dataclasses import dataclass

from voicectl.plan.plan import Action, Change

SIGNS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "±",
    Action.RESTORE: "↺",
    Action.RETIRE: "-",
    Action.PRUNE: "-",
    Action.FORGET: "?",
    Action.REFRESH: "·",
}
_CODES = {"green": 32, "yellow": 33, "red": 31, "cyan": 36, "magenta": 35, "bold": 1, "dim": 2}
_COLOURS = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "magenta",
    Action.RESTORE: "cyan",
    Action.RETIRE: "red",
    Action.PRUNE: "red",
    Action.FORGET: "red",
    Action.REFRESH: "dim",
}
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Style:
    """How to write: with colour or without."""

    colour: bool = False

    def paint(self, text: str, *names: str) -> str:
        """A text in these colours."""
        if not self.colour or not text:
            return text
        codes = ";".join(str(_CODES[name]) for name in names)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def sign(self, change: Change) -> str:
        """The sign of a change, in its colour."""
        sign = SIGNS[change.action]
        if change.previous_name is not None:
            sign = "→"
        elif change.adopted and change.action in (Action.UPDATE, Action.REFRESH):
            sign = "←"
        return self.paint(sign, _COLOURS[change.action])


def plain(text: str) -> str:
    """A text without colour."""
    return _ESCAPES.sub("", text)
