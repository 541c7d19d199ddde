"""An audit as SARIF 2.1.0 (OASIS), so that code-scanning dashboards show it at the manifest's line."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any
from urllib.parse import quote

from voicectl.plan.drift import DriftedVoice, DriftReport, DriftStatus
from voicectl.report import drift_words as words
from voicectl.report.document import document

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RULES: tuple[DriftStatus, ...] = (
    "changed",
    "missing",
    "failed",
    "taken_down",
    "retiring",
    "not_ready",
    "consent_expired",
)


def render(report: DriftReport, fail_on: Collection[str], *, version: str, state: str, prefix: str = "") -> str:
    """The document. `state` is the lockfile's path, where voices without a manifest stand; `prefix` the project's
    place in the repository.
    """
    results = [_result(report, voice, fail_on, state, prefix) for voice in report.voices if voice.status != "in_step"]
    rules = [
        {"id": status, "shortDescription": {"text": f"The voice {words.MEANINGS[status]}."}, "name": _name(status)}
        for status in _RULES
    ]
    driver = {"name": "voicectl", "semanticVersion": version, "version": version, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"voicectl/{words.namespace(report)}/"},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return document({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _name(status: str) -> str:
    return "".join(part.capitalize() for part in status.split("_"))


def _result(
    report: DriftReport, voice: DriftedVoice, fail_on: Collection[str], state: str, prefix: str
) -> dict[str, Any]:
    file, line = (voice.source.file, voice.source.line) if voice.source else (state, 1)
    who = f"{words.namespace(report)}/{voice.name}/{voice.status}"
    return {
        "ruleId": voice.status,
        "ruleIndex": _RULES.index(voice.status),
        "level": "error" if voice.status in fail_on else "warning",
        "message": {"text": words.sentence(voice)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(prefix + file), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": line},
                }
            }
        ],
        "partialFingerprints": {"voicectl/v1": hashlib.sha256(who.encode()).hexdigest()},
    }
