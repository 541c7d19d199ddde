"""What of a set can be written so that the project is valid afterwards, found without writing anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from voicectl.cli import wiring
from voicectl.cli.context import Context
from voicectl.errors import InvalidFiles

T = TypeVar("T")


def sift(items: Sequence[T], wrong: Callable[[Sequence[T]], str]) -> tuple[list[T], list[tuple[T, str]]]:
    """The items that are fine, and the others with why they are not.

    `wrong` says what is wrong with some of them together; empty if nothing is. With few bad ones among n it is
    asked about log n times for each.
    """
    reason = wrong(items)
    if not reason:
        return list(items), []
    if len(items) == 1:
        return [], [(items[0], reason)]
    half = len(items) // 2
    (good, bad), (more, others) = (sift(part, wrong) for part in (items[:half], items[half:]))
    return good + more, bad + others


def refused(context: Context, texts: Mapping[str, str], *, read_samples: bool = True) -> str:
    """The first thing that would be wrong with the project if these files held these texts; empty if nothing."""
    try:
        wiring.load(context, read_samples=read_samples, instead={path: text.encode() for path, text in texts.items()})
    except InvalidFiles as error:
        return str(next(problem for problem in error.problems if problem.level == "error"))
    return ""
