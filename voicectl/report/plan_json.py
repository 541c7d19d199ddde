"""A plan as JSON: the format in which it is printed and saved."""

from __future__ import annotations

from typing import Any

from voicectl.plan.plan import Plan
from voicectl.report.document import as_json, document


def plan(value: Plan) -> str:
    """A plan, in the format in which it is saved."""
    return document(plan_values(value))


def plan_values(value: Plan) -> dict[str, Any]:
    """A plan as JSON types, `format_version` first."""
    values = as_json(value)
    return {"format_version": values.pop("format_version"), **values}
