"""`policy.rules`: a team's own rules, as JSON Schemas."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from voicectl.manifest.problems import Problems, did_you_mean, shown
from voicectl.manifest.schema import DIALECT, RuleEntry
from voicectl.manifest.yaml_document import Document
from voicectl.model.catalog import Rule
from voicectl.plan.rules import FORM

_MAX_PATTERN = 500
_MAX_REPEATED = 10_000
"""Nested counts multiply, and compiling `((a{1000}){1000}){1000}` takes for ever."""
_REPEATED = re.compile(r"(?<=[{,])\s*(\d+)(?=\s*[,}])")
_MAX_REFERENCES = 16
"""Two references at each of a dozen levels already make four thousand visits."""
_WITHOUT_MEANING = (
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "$anchor",
    "title",
    "description",
    "default",
    "examples",
    "then",
    "else",
    "deprecated",
    "readOnly",
    "writeOnly",
)


def read_rules(
    entries: Sequence[RuleEntry], policy: tuple[str, ...], document: Document, problems: Problems
) -> tuple[Rule, ...]:
    """The usable rules of the policy at this path; the problems of the others go into `problems`.

    A rule is data and stays data: it may refer to parts of itself, and to nothing else.
    """
    rules = []
    for index, entry in enumerate(entries):
        path: tuple[str | int, ...] = (*policy, "rules", index)
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
    """The reasons why a schema can't be used, each with the path to it."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError, best_match

    error: SchemaError | None = best_match(Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema))
    if error is not None:
        where = tuple(error.absolute_path)
        if where[-1:] in (("title",), ("description",)) and where[-2:-1] != ("properties",):
            key = where[-1]
            message = f"`{key}` here is only a caption of the rule, a text; what a voice's {key} must be belongs under"
            yield where, f"{message} `properties`, as in {{properties: {{{key}: …}}}}"
        else:
            yield where, f"this is not a JSON Schema: {shown(error.message)}"
        return
    yield from _idle(schema)
    if {"unevaluatedProperties", "patternProperties"} <= set(_keys(schema)):
        yield (), "unevaluatedProperties does not go together with patternProperties: write additionalProperties"
    found = list(_unusable(schema, ()))
    yield from found or _misled(schema)


def _misled(schema: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """References that lead nowhere or to something else than a schema, and too many of them to follow."""
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    root: Any = DRAFT202012.create_resource(schema)
    registry: Any = Registry()
    references = list(_references(schema, ()))
    if len(references) > _MAX_REFERENCES:
        yield (), f"more than {_MAX_REFERENCES} references"
    for path, reference in references:
        try:
            target = registry.resolver_with_root(root).lookup(reference).contents
        except (Unresolvable, ValueError, TypeError, KeyError):
            yield path, f"{shown(reference)} leads nowhere"
            continue
        if not isinstance(target, dict | bool):
            yield path, f"{shown(reference)} leads to something that is not a schema"


def _references(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        if key in ("$ref", "$dynamicRef") and isinstance(item, str):
            yield (*path, key), item
        yield from _references(item, (*path, key))


def _keys(value: Any) -> Iterator[str]:
    """Every key in a schema, at any depth."""
    for item in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        yield from _keys(item)
    if isinstance(value, dict):
        yield from value


def _idle(schema: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Typing errors that would keep a rule from ever denying anything: unknown keywords, keys that voices don't
    have."""
    from jsonschema import Draft202012Validator

    dialect = schema.get("$schema", DIALECT)
    if dialect != DIALECT:
        yield ("$schema",), f"{shown(dialect)} is another dialect; leave it out, or write {DIALECT}"
    properties = schema.get("properties")
    inner = properties if isinstance(properties, dict) else {}
    known = {*Draft202012Validator.VALIDATORS, *_WITHOUT_MEANING}
    for path, part in (((), schema), *((("properties", key), value) for key, value in inner.items())):
        for key in part if isinstance(part, dict) else ():
            if key not in known:
                yield (*path, key), f"unknown keyword {shown(key)}; {did_you_mean(key, known)}"
    for key in inner:
        if key not in FORM:
            yield ("properties", key), f"a voice has no {shown(key)}; {did_you_mean(key, FORM)}"


def _unusable(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """References out of the schema, and patterns that are too long or not regular expressions."""
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
    import regex

    if len(pattern) > _MAX_PATTERN:
        yield path, f"a pattern of more than {_MAX_PATTERN} characters"
        return
    if math.prod(max(1, int(number[:6])) for number in _REPEATED.findall(pattern)) > _MAX_REPEATED:
        yield path, f"a pattern that repeats its parts more than {_MAX_REPEATED:,} times"
        return
    try:
        regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        yield path, f"{shown(pattern)} is not a regular expression ({error})"
