"""Check plain data against a model, and say in plain words what does not fit.

It removes what does not fit and reads the rest again, so one wrong key does not hide other problems of its file.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from voicectl.errors import counted
from voicectl.manifest import values
from voicectl.manifest.problems import Problems, did_you_mean, shown
from voicectl.manifest.yaml_document import Document, Path

M = TypeVar("M", bound=BaseModel)
Broken = frozenset[Path]
"""Removed paths, whose problems are already reported."""

_KEY = "[key]"
_MAX_ROUNDS = 20
_PATTERNS = {
    values.NAME_PATTERN: "write 1 to 63 of a-z 0-9 - _ . that begin and end with a letter or digit",
    values.CATALOG_PATTERN: "write 1 to 40 of a-z 0-9 and - that begin with a letter or digit",
    values.MODEL_PATTERN: "write the model's id: 32 characters of 0-9 and a-f",
    r"\.txt$": "transcript files end in .txt",
}


def read(model: type[M], document: Document, data: Any, problems: Problems) -> tuple[M, Broken]:
    """An instance of what fits in `data`, and the paths of what does not, which it reports."""
    broken: set[Path] = set()
    copied = False
    for _ in range(_MAX_ROUNDS):
        try:
            return model.model_validate(data), frozenset(broken)
        except ValidationError as error:
            # Most files are valid, and need no copy.
            if not copied:
                data, copied = _copied(data), True
            found = error.errors(include_url=False)
            for item in found:
                _report(model, document, item, problems)
            for item in found:
                path = tuple(step for step in item["loc"] if step != _KEY)
                if not path:
                    return model.model_validate({}), frozenset({()})
                broken.add(_take_out(model, data, path))
    return model.model_validate({}), frozenset({()})


def _take_out(model: type[BaseModel], data: Any, path: Path) -> Path:
    """Remove what is at `path` from `data`, and return the path that was removed.

    Other items of a list must keep their indexes, by which places are found: a bad item becomes an empty mapping where
    a mapping is wanted, else the whole list goes.
    """
    kind = _declared(model, path)
    empties = isinstance(path[-1], int) and isinstance(kind, type) and issubclass(kind, BaseModel)
    while not empties and isinstance(path[-1], int):
        path = path[:-1]
    for step in path[:-1]:
        data = _inside(data, step)
    if empties and isinstance(data, list):
        data[int(path[-1])] = {}
    elif isinstance(data, dict):
        data.pop(path[-1], None)
    return path


def _copied(value: Any) -> Any:
    """A copy without shared values: removing from one alias must not change the other."""
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _inside(data: Any, step: Any) -> Any:
    if isinstance(data, dict):
        return data.get(step)
    return data[step] if isinstance(data, list) and isinstance(step, int) and step < len(data) else None


def _report(model: type[BaseModel], document: Document, item: Mapping[str, Any], problems: Problems) -> None:
    loc: tuple[Any, ...] = item["loc"]
    kind: str = item["type"]
    path = tuple(step for step in loc if step != _KEY)
    if kind == "extra_forbidden":
        known = _keys(_declared(model, path[:-1]))
        problems.error(document.key(path), f"unknown key {shown(path[-1])}", did_you_mean(path[-1], known))
    elif loc and loc[-1] == _KEY:
        what = "a voice's name" if len(path) > 1 and path[-2] == "voices" else "an environment's name"
        hint = _PATTERNS.get(item["ctx"].get("pattern", ""), "")
        problems.error(document.key(path), f"{shown(path[-1])} can't be {what}", hint)
    else:
        message, hint = _sentence(kind, item, _declared(model, path))
        name = _field(path)
        problems.error(document.value(path), f"{name}: {message}" if name else message, hint)


def _field(path: Sequence[Any]) -> str:
    """How a message names a field: its keys below the voice's or environment's name."""
    keys = [str(step) for step in path if isinstance(step, str)]
    if len(keys) > 1 and keys[-2] == "voices":
        return f"voice {keys[-1]!r}"
    if "voices" in keys[:-2]:
        keys = keys[keys.index("voices") + 2 :]
    return ".".join(keys)


def _sentence(kind: str, item: Mapping[str, Any], declared: Any) -> tuple[str, str]:
    """What is wrong with a value, and what to do."""
    value = item["input"]
    context = item.get("ctx", {})
    if kind == "unreadable":
        return context["text"], context["hint"]
    if kind == "literal_error":
        return _not_one_of(value, _choices(declared))
    if kind == "string_pattern_mismatch":
        return f"{shown(value)} is not in the right form", _PATTERNS.get(context["pattern"], "")
    if kind in _SENTENCES:
        return _SENTENCES[kind](value, context)
    return f"{shown(value)} does not fit here", ""


def _not_one_of(value: Any, choices: Sequence[str]) -> tuple[str, str]:
    message = f"{shown(value)} is not one of {', '.join(choices)}"
    return message, did_you_mean(value, choices, f"write {choices[0]}" if len(choices) == 1 else "write one of them")


def _text(value: Any, context: Mapping[str, Any]) -> tuple[str, str]:
    if value is None:
        return "must be a text, but nothing is there", "write it, or leave the key out"
    if isinstance(value, list | dict):
        return "must be a text", f"it is a {'list' if isinstance(value, list) else 'mapping'} here"
    return "must be a text", "put it in quotes"


_SENTENCES: dict[str, Callable[[Any, Mapping[str, Any]], tuple[str, str]]] = {
    "string_type": _text,
    "string_too_short": lambda value, context: ("must not be empty", "write it, or leave the key out"),
    "bool_type": lambda value, context: ("must be true or false", f"not {shown(value)}"),
    "float_type": lambda value, context: ("must be a number", f"not {shown(value)}"),
    "greater_than_equal": lambda value, context: (f"{value} is less than {context['ge']:g}", ""),
    "list_type": lambda value, context: ("must be a list", "write [a, b], or a line with - for each"),
    "dict_type": lambda value, context: ("must be a mapping", "write lines of the form key: value"),
    "model_type": lambda value, context: ("must be a mapping", "write lines of the form key: value"),
    "too_short": lambda value, context: ("must not be an empty list", "add an item, or leave the key out"),
    "too_long": lambda value, context: (
        f"has {counted(context['actual_length'], 'item')}, at most {context['max_length']} are allowed",
        "leave some out",
    ),
}


def _declared(model: type[BaseModel], path: Path) -> Any:
    """The type that the model declares at `path`; None where it declares none."""
    kind: Any = model
    for step in path:
        kind = _bare(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
            kind = fields.get(str(step))
        elif get_origin(kind) in (list, dict):
            kind = get_args(kind)[-1]
        else:
            return None
    return _bare(kind)


def _bare(kind: Any) -> Any:
    """A type without Annotated and without None."""
    while get_origin(kind) in (Annotated, Union, types.UnionType):
        kind = next((arg for arg in get_args(kind) if arg is not type(None)), None)
    return kind


def _keys(kind: Any) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [field.alias or name for name, field in kind.model_fields.items()]
    return []


def _choices(kind: Any) -> tuple[str, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()
