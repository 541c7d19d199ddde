"""Values with a form of their own: tags, durations, dates, shares, names.

Each is a type for pydantic with the JSON Schema to publish and a hint on how to write it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from voicectl.manifest.problems import shown
from voicectl.manifest.yaml_document import FLAGS, Plain
from voicectl.model import canonical, marker, names
from voicectl.model.catalog import Limit
from voicectl.model.lint import LEVELS, Setting
from voicectl.model.lock import MAX_RETENTION

CATALOG_PATTERN = names.whole(names.CATALOG)
NAME_PATTERN = names.whole(names.VOICE.replace("?:", ""))  # as it was published first
MODEL_PATTERN = names.whole(names.MODEL_ID)
_DURATION_PATTERN = r"^(0|[0-9]{1,5}[wdhm])$"
_DURATION = re.compile(r"(0)|([0-9]+)([wdhm])")
_MAX_DIGITS = 5
_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
}
_DECIMAL = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{0,18})?")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def _unreadable(text: str, hint: str) -> PydanticCustomError:
    return PydanticCustomError("unreadable", "{text}", {"text": text, "hint": hint})


def _reading(read: Callable[[Any], Any], hint: str) -> PlainValidator:
    """A validator for values that may be written in more than one type."""

    def validate(value: Any) -> Any:
        try:
            return read(value)
        except ValueError as error:
            raise _unreadable(str(error), hint) from error

    return PlainValidator(validate)


def _tag(value: Any) -> str:
    """A tag in canonical form."""
    if not isinstance(value, str):
        raise _unreadable("a tag must be a text", "put it in quotes")
    tag = canonical.text(value)
    if not tag:
        raise _unreadable("a tag must not be empty", "delete it")
    if "," in tag:
        raise _unreadable(f"{shown(value)} holds a comma", "write two tags")
    if _CONTROL.search(tag):
        raise _unreadable(f"{shown(value)} holds a control character", "delete it")
    if tag.startswith(marker.PREFIX):
        raise _unreadable(f"{shown(value)} begins with {marker.PREFIX}", "that is for voicectl's own marks")
    return tag


def _lint_setting(value: object) -> Setting:
    """Read a level, a threshold, or a mapping of both. Raises ValueError with a sentence for anything else."""
    if isinstance(value, dict) and value and value.keys() <= {"level", "at"}:
        level = _lint_setting(value["level"]).level if "level" in value else None
        at = _lint_setting(value["at"]).at if "at" in value else None
        if ("level" in value) == (level is not None) and ("at" in value) == (at is not None):
            return Setting(level, at)
    elif isinstance(value, str) and value in LEVELS:
        return Setting(level=value)
    elif (isinstance(value, str) and _DECIMAL.fullmatch(value)) or (
        isinstance(value, int | float) and not isinstance(value, bool)
    ):
        return Setting(at=float(value))
    raise ValueError(f"{shown(value)} is neither a level nor a threshold")


def _duration(value: object) -> timedelta:
    """Read `7d`, `12h`, `30m`, `2w` or 0. Raises ValueError with a sentence for anything else."""
    match = None if isinstance(value, bool) else _DURATION.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{shown(value)} is not a duration")
    if len(match[2] or "") > _MAX_DIGITS:
        raise ValueError(f"{shown(value)} has more than {_MAX_DIGITS} digits; {MAX_RETENTION.days}d is the longest")
    span = timedelta() if match[1] else int(match[2]) * _UNITS[match[3]]
    if span > MAX_RETENTION:
        raise ValueError(f"{shown(value)} is longer than {MAX_RETENTION.days}d, a hundred years")
    return span


def _limit(value: Any) -> Limit:
    try:
        return Limit.parse("" if isinstance(value, bool | list | dict) else value)
    except ValueError:
        message = f"{shown(value)} is neither a whole number nor a share such as 30%"
        raise ValueError(message) from None


def _concurrency(value: Any) -> Any:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1000):
        return value
    raise ValueError(f"{shown(value)} is neither a whole number from 1 to 1000 nor auto")


def _date(value: Any) -> date | None:
    if value is None:
        return None
    try:
        if isinstance(value, str) and len(value) == 10:
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError(f"{shown(value)} is not a date")


def _flag(value: Any) -> Any:
    return FLAGS.get(value, value) if isinstance(value, Plain) else value


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, Plain) and _DECIMAL.fullmatch(value) else value


def _count(value: Any) -> Any:
    return int(value) if isinstance(value, Plain) and value.isdecimal() and len(value) < 10 else value


Flag = Annotated[bool, BeforeValidator(_flag)]
Count = Annotated[int, BeforeValidator(_count), Field(ge=0, le=1_000_000)]
Number = Annotated[float, BeforeValidator(_number)]
Duration = Annotated[
    timedelta,
    _reading(_duration, "write days or hours, such as 7d or 12h, or 0"),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _DURATION_PATTERN}, {"const": 0}]}),
]
Share = Annotated[
    Limit,
    _reading(_limit, "write a number such as 3, or a share such as 30%"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": "^([0-9]+|([0-9]{1,2}|100)%)$"},
            ]
        }
    ),
]
LintSetting = Annotated[
    Setting,
    _reading(_lint_setting, "write error, warning or off, a threshold, or {level: warning, at: 3}"),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(LEVELS)},
                {"type": "number"},
                {
                    "type": "object",
                    "properties": {"level": {"enum": list(LEVELS)}, "at": {"type": "number"}},
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
Concurrency = Annotated[
    int | Literal["auto"],
    _reading(_concurrency, "write a number such as 4, or auto"),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 1000}, {"const": "auto"}]}),
]
Date = Annotated[
    date | None,
    _reading(_date, "write it as year-month-day, such as 2026-03-01"),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}),
]
CatalogName = Annotated[str, Field(pattern=CATALOG_PATTERN)]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
ModelId = Annotated[str, Field(pattern=MODEL_PATTERN)]
Text = Annotated[str, Field(min_length=1)]
Tag = Annotated[
    str,
    PlainValidator(_tag),
    WithJsonSchema({"type": "string", "pattern": r"^(?!\s*voicectl:)[^,]*[^,\s][^,]*$"}),
]
