"""A plan as JSON, as `plan` prints and saves it."""

from __future__ import annotations

from typing import Any

from voicectl.plan.plan import Plan
from voicectl.report.document import as_json, document


def plan(value: Plan) -> str:
    """A plan as a document."""
    return document(plan_values(value))


def plan_values(value: Plan) -> dict[str, Any]:
    """A plan as JSON types, `format_version` first."""
    values = as_json(value)
    return {"format_version": values.pop("format_version"), **values}
