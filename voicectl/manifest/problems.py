"""Problems, collected so that one run reports them all."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from voicectl.errors import InvalidFiles, Place, Problem

_LONG = 120
_MANY = 500


class Problems:
    """What was found so far: errors and warnings."""

    def __init__(self, found: Iterable[Problem] = ()) -> None:
        self.found = list(found)
        self.passing = False
        """Something found would be otherwise on another machine, with the same files: nothing of it may be kept."""

    def error(self, place: Place, message: str, hint: str = "") -> None:
        """Note something that makes the files invalid."""
        self.found.append(Problem(place, message, hint))

    def warn(self, place: Place, message: str, hint: str = "") -> None:
        """Note something that a reader should know."""
        self.found.append(Problem(place, message, hint, "warning"))

    def refuse(self) -> None:
        """Raise InvalidFiles with everything found, if there is any error."""
        if self.has_errors:
            raise InvalidFiles(set(self.found))

    @property
    def has_errors(self) -> bool:
        """Whether anything found makes the files invalid."""
        return any(problem.level == "error" for problem in self.found)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The warnings, sorted by place."""
        return tuple(sorted({problem for problem in self.found if problem.level == "warning"}))


def shown(value: object) -> str:
    """A value of a file inside a message: quoted, on one line, not too long."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nothing"}[value]
    text = repr(value)
    return text if len(text) <= _LONG else text[: _LONG - 3] + "..."


def did_you_mean(word: object, known: Iterable[str], otherwise: str = "") -> str:
    """A hint with the nearest known word; else `otherwise`, or the list of known words."""
    words = sorted(known)
    wanted = str(word)[:80]
    # difflib is slow. Of thousands of voices it compares only those that begin alike.
    likely = words if len(words) <= _MANY else [other for other in words if other[:2] == wanted[:2]]
    near = difflib.get_close_matches(wanted, likely, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return otherwise or (f"known: {', '.join(words)}" if words else "")
