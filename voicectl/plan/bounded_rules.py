"""JSON Schema with an end: some expressions take for ever on some texts, and strangers write both. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from time import thread_time
from typing import Any

PATIENCE = 1.0
"""Seconds for one pattern on one text."""


class RanOut(Exception):
    """A rule takes longer than it may."""


class Budget:
    """Seconds of processor time, spent between `start` and `stop`; what is spent is taken off `within` too."""

    def __init__(self, seconds: float, within: Budget | None = None) -> None:
        self.seconds = seconds
        self._left = seconds
        self._within = within
        self._began = self._end = 0.0

    def start(self) -> None:
        """Begin to spend."""
        self._began = thread_time()
        self._end = self._began + (min(self._left, self._within._left) if self._within else self._left)

    def stop(self) -> None:
        """Cease to spend."""
        spent = thread_time() - self._began
        self._left -= spent
        if self._within:
            self._within._left -= spent

    def check(self) -> float:
        """What is left, in seconds. Raises RanOut where nothing is."""
        left = self._end - thread_time()
        if left <= 0:
            raise RanOut
        return left

    def found(self, pattern: str, text: str) -> bool:
        """Whether a regular expression matches somewhere in a text. Raises RanOut."""
        import regex

        try:
            return regex.search(pattern, text, timeout=min(PATIENCE, self.check())) is not None
        except TimeoutError:
            raise RanOut from None


def bounded(schema: Mapping[str, Any], budget: Budget) -> Any:
    """A validator of the library's whose keywords all look at the budget. Whatever applies it may raise RanOut."""
    from jsonschema import Draft202012Validator, validators
    from referencing import Registry

    library: dict[str, Any] = dict(Draft202012Validator.VALIDATORS)
    keywords = {name: _watched(keyword, budget) for name, keyword in (library | _keywords(budget)).items()}
    # An empty registry: nothing is fetched, whatever a rule refers to.
    empty: Registry[Any] = Registry()
    extend: Any = validators.extend
    return extend(Draft202012Validator, keywords)(_of_one_dialect(dict(schema)), registry=empty)


def _of_one_dialect(value: Any) -> Any:
    """Without `$schema`: for a part of a schema that has one, the library would take a validator without bounds."""
    if isinstance(value, list):
        return [_of_one_dialect(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _of_one_dialect(inner) for key, inner in value.items() if not (key == "$schema" and isinstance(inner, str))
    }


Keyword = Callable[[Any, Any, Any, Any], Any]


def _watched(keyword: Keyword, budget: Budget) -> Keyword:
    def watched(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        budget.check()
        yield from keyword(validator, value, instance, schema) or ()

    return watched


def _keywords(budget: Budget) -> dict[str, Keyword]:
    """The keywords in which the library searches with `re`, which has no end, or compares each item with each."""
    from jsonschema.exceptions import ValidationError

    def pattern(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if isinstance(instance, str) and not budget.found(value, instance):
            yield ValidationError(f"{instance[:200]!r} does not match {value!r}")

    def pattern_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        for expression, inner in value.items() if isinstance(instance, dict) else ():
            for key, item in instance.items():
                if budget.found(expression, key):
                    yield from validator.descend(item, inner, path=key, schema_path=expression)

    def additional_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        for key, item in instance.items() if isinstance(instance, dict) else ():
            if key in known or any(budget.found(expression, key) for expression in patterns):
                continue
            if value is False:
                yield ValidationError(f"{key[:200]!r} is not allowed")
            else:
                yield from validator.descend(item, value, path=key)

    def unique_items(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if value and isinstance(instance, list) and len({_comparable(item) for item in instance}) < len(instance):
            yield ValidationError("an item is there twice")

    return {
        "pattern": pattern,
        "patternProperties": pattern_properties,
        "additionalProperties": additional_properties,
        "uniqueItems": unique_items,
    }


def _comparable(value: Any) -> Hashable:
    """Equal for values that JSON Schema calls equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, dict):
        return "object", frozenset((key, _comparable(item)) for key, item in value.items())
    if isinstance(value, list):
        return "array", tuple(_comparable(item) for item in value)
    return "boolean" if isinstance(value, bool) else "value", value
