"""Which recordings are the same, or nearly: by the shape of their levels, whatever the format or the volume.

Two recordings of one take rise and fall together. So their levels are compared, over 120 ms each, every 40 ms. First
the ups and downs of two seconds are looked up as words (most pairs have none in common); only pairs that share some
are laid over each other and correlated. This is the idea of Haitsma and Kalker, "A Highly Robust Audio Fingerprinting
System" (2002), with one band.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import mul

from voicectl.model.recording import levels_of

SAME = 0.99
"""Correlation from which on two curves of one length are one recording; 24 kbit/s Opus gives 0.998."""
_SMOOTH = 3
"""Steps of 40 ms that are averaged, and the distance of two levels that are compared."""
_WORD = 20
"""Ups and downs that make a word: 2.4 s. Shorter ones occur in any two recordings."""
_MASK = (1 << _WORD) - 1
_LEAST_WORDS = 3
"""Words in common, at one distance, from which on two curves are compared."""
_MOST_PLACES = 40
"""A word that is in more places, as in a tone, tells nothing."""
_LEAST_OVERLAP = 0.5
_QUIET = 100
"""Of 255: what is 77 dB below full scale, or less, is silence in one format and a little noise in another."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two recordings that are alike. `same` says that one is the other from start to end."""

    first: str
    second: str
    correlation: float
    same: bool


def alike(envelopes: Mapping[str, str], least: float) -> Iterator[Likeness]:
    """The pairs whose levels correlate by at least `least`, each once. Keys are the recordings' digests."""
    curves = {key: _curve(envelope) for key, envelope in envelopes.items()}
    common = Counter(_meetings(curves))
    lags: dict[tuple[str, str], tuple[int, int]] = {}
    for (first, second, lag), count in common.items():
        lags[first, second] = max(lags.get((first, second), (0, 0)), (count, lag))
    for (first, second), (count, lag) in lags.items():
        if count >= _LEAST_WORDS:
            one = _compared(first, second, curves[first], curves[second], lag)
            if one is not None and one.correlation >= least:
                yield one


def _meetings(curves: Mapping[str, Sequence[float]]) -> Iterator[tuple[str, str, int]]:
    """Two recordings that have a word in common, and how many steps later the first one has it."""
    places: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for key, curve in curves.items():
        # One curve in steps of 120 ms meets the other in steps of 40 ms, wherever a cut has shifted it to.
        for at, word in _words(curve, phases=1):
            places[word].append((key, at))
    order = {key: number for number, key in enumerate(curves)}
    for second, curve in curves.items():
        for at, word in _words(curve, phases=_SMOOTH):
            found = places.get(word, ())
            if len(found) <= _MOST_PLACES:
                yield from ((first, second, there - at) for first, there in found if order[first] < order[second])


def _curve(envelope: str) -> Sequence[float]:
    levels = [max(level, _QUIET) for level in levels_of(envelope)]
    return [sum(levels[at : at + _SMOOTH]) / _SMOOTH for at in range(len(levels) - _SMOOTH + 1)]


def _words(curve: Sequence[float], phases: int) -> Iterator[tuple[int, int]]:
    """Places, and the ups and downs from there on as a number. Pauses are left out: they are the same everywhere."""
    for phase in range(phases):
        levels = curve[phase::_SMOOTH]
        quiet = [level <= _QUIET for level in levels]
        word = silent = 0
        for index in range(1, len(levels)):
            word = (word << 1 | (levels[index] > levels[index - 1])) & _MASK
            silent += quiet[index]
            if index > _WORD:
                silent -= quiet[index - _WORD]
            if index >= _WORD and silent <= _WORD // 2:
                yield phase + (index - _WORD) * _SMOOTH, word


def _compared(first: str, second: str, one: Sequence[float], other: Sequence[float], lag: int) -> Likeness | None:
    start = max(0, lag)
    end = min(len(one), len(other) + lag)
    if end - start < max(_SMOOTH * _WORD, _LEAST_OVERLAP * min(len(one), len(other))):
        return None
    found = _correlation(one[start:end], other[start - lag : end - lag])
    whole = abs(len(one) - len(other)) <= 2 and abs(lag) <= 2
    return Likeness(first, second, round(found, 3), whole and found >= SAME)


def _correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Pearson's; 0 for a constant level. (`statistics.correlation` sums exactly, which takes ten times as long.)"""
    mean, other_mean = sum(one) / len(one), sum(other) / len(other)
    deviations, others = [each - mean for each in one], [each - other_mean for each in other]
    spread = sum(map(mul, deviations, deviations)) * sum(map(mul, others, others))
    return sum(map(mul, deviations, others)) / math.sqrt(spread) if spread else 0.0
