"""Scalars that keep their text, and the types that may read something else in it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
FLAGS = {form: value for word, value in _TRUTH.items() for form in (word, word.capitalize(), word.upper())}
"""YAML's words for true and false (YAML 1.1, "bool"), in the three ways that people write them."""
_DECIMAL = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{0,18})?")


class Plain(str):
    """A text without quotes that YAML may also read as another value: `NO`, `1.10`. Where no text is meant, it is."""

    __slots__ = ()


def _flag(value: Any) -> Any:
    return FLAGS.get(value, value) if isinstance(value, Plain) else value


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, Plain) and _DECIMAL.fullmatch(value) else value


Flag = Annotated[bool, BeforeValidator(_flag)]
Number = Annotated[float, BeforeValidator(_number)]
