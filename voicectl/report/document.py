"""JSON documents (formats.md): two-space, safe on a terminal, one string with a newline at its end."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from voicectl.report.escape import json_text


def document(value: object) -> str:
    """Two-space JSON that is safe on a terminal."""
    return json_text(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def as_json(value: Any) -> Any:
    """A frozen value of ours as JSON types."""
    kind: Any = type(value)
    return _adapter(kind).dump_python(value, mode="json")
