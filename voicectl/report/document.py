"""Documents: JSON that is safe on a terminal, and code in Markdown.

In Markdown, text from manifests and from the account may stand in code only: there no renderer follows links, pings
anybody or reads HTML (GitHub Flavored Markdown Spec, 4.5 and 6.1).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from voicectl.report.escape import json_text


def document(value: object) -> str:
    """A JSON document, indented by two spaces, with a newline at its end."""
    return json_text(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"


def as_json(value: Any) -> Any:
    """A frozen value of ours as JSON types."""
    kind: Any = type(value)
    return _adapter(kind).dump_python(value, mode="json")


def versioned(value: Any) -> str:
    """A frozen value of ours as a JSON document, with the version of its format first."""
    values = as_json(value)
    return document({"format_version": values.pop("format_version"), **values})


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def fenced(lines: Iterable[str], language: str = "text") -> str:
    """A code block. Its fence is longer than any row of backticks in it."""
    text = "\n".join(lines)
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}\n"


def code(text: str) -> str:
    """A code span. Its fence is longer than any row of backticks in it."""
    fence = "`" * (_longest(text) + 1)
    space = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{fence}{space}{text}{space}{fence}"


def _longest(text: str) -> int:
    return max((len(ticks) for ticks in re.findall("`+", text)), default=0)
