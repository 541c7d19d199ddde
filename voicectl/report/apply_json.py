"""What an apply did, as JSON."""

from __future__ import annotations

from typing import Any

from voicectl.errors import VoicectlError
from voicectl.plan.plan import ApplyResult
from voicectl.report.document import document
from voicectl.report.failure import error_values
from voicectl.report.plan_json import plan_values


def render(applied: ApplyResult, failure: VoicectlError | None) -> str:
    """The plan and its results, with an `error` if the apply did not succeed."""
    changes = [
        {
            "name": result.change.name,
            "action": str(result.change.action),
            "id": result.id,
            "status": result.status,
            "message": result.message,
            "hint": result.hint,
        }
        for result in applied.results
    ]
    values: dict[str, Any] = {
        "format_version": "1.0",
        "plan": plan_values(applied.plan),
        "results": changes,
        "leftovers": [{"name": left.name, "message": left.message} for left in applied.leftovers],
        "unsaved": list(applied.unsaved),
    }
    if failure is not None:
        values["error"] = error_values(failure)
    return document(values)
