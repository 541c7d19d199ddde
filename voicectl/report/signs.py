"""The sign of a change, and its colour."""

from __future__ import annotations

from voicectl.plan.plan import Action, Change
from voicectl.report.style import Style

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


def sign(change: Change, style: Style) -> str:
    """The sign of a change, in its colour."""
    text = SIGNS[change.action]
    if change.previous_name is not None:
        text = "→"
    elif change.adopted and change.action in (Action.UPDATE, Action.REFRESH):
        text = "←"
    return style.paint(text, _COLOURS[change.action])
