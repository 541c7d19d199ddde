"""A YAML file as plain data that remembers where each key and value stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from voicectl.errors import Place

Step = str | int
Path = tuple[Step, ...]


class Spot(NamedTuple):
    """Where a value begins (0-based), and the spots of what it holds."""

    line: int
    column: int
    keys: dict[str, KeySpot] | None = None
    items: list[Spot] | None = None


class KeySpot(NamedTuple):
    """Where a key begins (0-based), and the spot of its value."""

    line: int
    column: int
    value: Spot


_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
FLAGS = {form: value for word, value in _TRUTH.items() for form in (word, word.capitalize(), word.upper())}
"""YAML's words for true and false (YAML 1.1, "bool"), in the three ways that people write them."""


class Plain(str):
    """An unquoted text that YAML could also read as another value: `NO`, `1.10`.

    It counts as a text; only a field that wants a flag or a number reads it as one.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as plain data, with the way back from any path in it to its place."""

    file: str
    data: Any
    root: Spot

    def value(self, path: Sequence[Step]) -> Place:
        """The place of the value at `path`, or of the nearest value above it."""
        spot, _ = self._walk(path)
        return Place(self.file, spot.line + 1, spot.column + 1)

    def key(self, path: Sequence[Step]) -> Place:
        """The place of the key at `path`, or of the item if the path ends in a list."""
        _, (line, column) = self._walk(path)
        return Place(self.file, line + 1, column + 1)

    def _walk(self, path: Sequence[Step]) -> tuple[Spot, tuple[int, int]]:
        spot, at = self.root, (self.root.line, self.root.column)
        for step in path:
            if spot.keys is not None and isinstance(step, str) and step in spot.keys:
                key = spot.keys[step]
                spot, at = key.value, (key.line, key.column)
            elif spot.items is not None and isinstance(step, int) and step < len(spot.items):
                spot = spot.items[step]
                at = spot.line, spot.column
            else:
                break
        return spot, at
