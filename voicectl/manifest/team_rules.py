"""`policy.rules`: a team's own rules, as JSON Schemas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from voicectl.manifest.positions import Document
from voicectl.manifest.problems import Problems, shown
from voicectl.manifest.schema import RuleEntry
from voicectl.model.catalog import Rule

_MAX_PATTERN = 500


def read_rules(entries: Sequence[RuleEntry], document: Document, problems: Problems) -> tuple[Rule, ...]:
    """The rules that can be used; what is wrong with the others goes into `problems`.

    A rule is data and stays data: it may refer to parts of itself, and to nothing else.
    """
    rules = []
    for index, entry in enumerate(entries):
        path = ("policy", "rules", index)
        place = document.value(path)
        for key in ("schema", "message"):
            if ("shape" if key == "schema" else key) not in entry.model_fields_set:
                problems.error(place, f"policy.rules: this rule has no {key!r}", f"add `{key}:`")
        found = list(_complaints(entry.shape))
        for inner, message in found:
            problems.error(document.value((*path, "schema", *inner)), f"policy.rules.schema: {message}", "correct it")
        if not found:
            rules.append(Rule(entry.shape, entry.message, entry.level, place))
    return tuple(rules)


def _complaints(schema: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """What keeps a schema from being used, each with the path to it."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError, best_match

    error: SchemaError | None = best_match(Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema))
    if error is not None:
        yield tuple(error.absolute_path), f"this is no JSON Schema: {shown(error.message)}"
        return
    yield from _unusable(schema, ())


def _unusable(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """References that lead out of the schema, and patterns that are no regular expressions or too long."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unusable(item, (*path, index))
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        here = (*path, key)
        if key in ("$ref", "$dynamicRef") and isinstance(inner, str) and not inner.startswith("#"):
            yield here, f"{shown(inner)} leads out of the rule; a reference must begin with #"
        elif key == "pattern" and isinstance(inner, str):
            yield from _pattern(inner, here)
        elif key == "patternProperties" and isinstance(inner, dict):
            for pattern in inner:
                yield from _pattern(pattern, (*here, pattern))
        yield from _unusable(inner, here)


def _pattern(pattern: str, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    import re

    if len(pattern) > _MAX_PATTERN:
        yield path, f"a pattern of more than {_MAX_PATTERN} characters"
        return
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        yield path, f"{shown(pattern)} is no regular expression ({error})"
