"""What changed between two long texts, word by word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_WORDS = re.compile(r"(?:[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|.)\s*", re.DOTALL)
_CONTEXT = 3
"""Words to keep around a change."""
_MOST = 100_000
"""Pairs of equal words. The time of a comparison grows with their number."""
_ALIKE = 0.3


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of one of the texts; `changed` says that the other lacks it, `cut` that something is left out."""

    text: str
    changed: bool = False
    cut: bool = False


def word_diff(before: str, after: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]] | None:
    """Both texts, reduced to what changed and the words around it; None if they are too long or too different."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    here, there = Counter(old), Counter(new)
    if len(old) + len(new) > _MOST or sum(number * there[word] for word, number in here.items()) > _MOST:
        return None
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.quick_ratio() < _ALIKE or matcher.ratio() < _ALIKE:
        return None
    codes = matcher.get_opcodes()
    return tuple(_side(codes, old, 1)), tuple(_side(codes, new, 3))


def _side(codes: Sequence[tuple[str, int, int, int, int]], words: list[str], at: Literal[1, 3]) -> Iterator[Piece]:
    for number, (kind, *ranges) in enumerate(codes):
        start, end = ranges[at - 1 : at + 1]
        chosen = words[start:end]
        if kind != "equal":
            if chosen:
                yield Piece("".join(chosen), changed=True)
            continue
        first, last = number == 0, number == len(codes) - 1
        head = [] if first else chosen[:_CONTEXT]
        tail = [] if last else chosen[-_CONTEXT:]
        if len(head) + len(tail) >= len(chosen):
            yield Piece("".join(chosen))
            continue
        if head:
            yield Piece("".join(head))
        yield Piece("…", cut=True)
        if tail:
            yield Piece("".join(tail))
