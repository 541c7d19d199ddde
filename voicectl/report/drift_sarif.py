"""Drift as SARIF 2.1.0 (OASIS), which code-scanning dashboards show at the manifest's line."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any
from urllib.parse import quote

from voicectl.errors import VoicectlError
from voicectl.plan.drift import DriftedVoice, DriftReport, DriftStatus
from voicectl.report import drift_words as words
from voicectl.report.document import document
from voicectl.report.escape import terminal

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HOME = "https://github.com/voicectl/voicectl"
_RULES: tuple[DriftStatus, ...] = (
    "changed",
    "missing",
    "failed",
    "taken_down",
    "retiring",
    "not_ready",
    "consent_expired",
)
_REMEDIES: dict[DriftStatus, str] = {
    "changed": "`voicectl pull` takes the account's values into Git, the next apply sets Git's again.",
    "missing": "The next apply makes it again, with another id.",
    "failed": "Look at its samples, then run `voicectl apply --retry-failed`.",
    "taken_down": "Settle it with the provider.",
    "retiring": "Its id will stop working: prepare another voice.",
    "not_ready": "Wait for its training to end.",
    "consent_expired": "Renew the consent, or take the voice out of the manifests.",
}


def render(report: DriftReport, fail_on: Collection[str], *, version: str, state: str, prefix: str = "") -> str:
    """The document. Voices without a manifest stand in the lockfile, whose path is `state`. `prefix` is the project's
    place in the repository.
    """
    results = [_result(report, voice, fail_on, state, prefix) for voice in report.voices if voice.status != "in_step"]
    return _document({
        "tool": _tool(version),
        "invocations": [{"executionSuccessful": True}],
        "automationDetails": {"id": f"voicectl/{words.namespace(report)}/"},
        "columnKind": "unicodeCodePoints",
        "results": results,
    })  # fmt: skip


def failure(error: VoicectlError, version: str, prefix: str = "") -> str:
    """The document if the command failed: no results, and the error as a notification of the tool."""
    text = f"{terminal(error.message)}; {terminal(error.hint)}" if error.hint else terminal(error.message)
    notification: dict[str, Any] = {"level": "error", "message": {"text": text}, "descriptor": {"id": error.code}}
    if error.where:
        notification["locations"] = [_location(place.file, place.line, prefix) for place in error.where]
    invocation = {"executionSuccessful": False, "toolExecutionNotifications": [notification]}
    return _document({"tool": _tool(version), "invocations": [invocation], "results": []})


def _document(run: dict[str, Any]) -> str:
    return document({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _tool(version: str) -> dict[str, Any]:
    rules = [
        {
            "id": status,
            "name": _name(status),
            "shortDescription": {"text": f"The voice {words.MEANINGS[status]}."},
            "fullDescription": {"text": f"The voice {words.MEANINGS[status]}. {_REMEDIES[status]}"},
            "helpUri": f"{HOME}/blob/main/voicectl/pages/ci.md#drift",
        }
        for status in _RULES
    ]
    driver = {"name": "voicectl", "informationUri": HOME, "semanticVersion": version, "version": version}
    return {"driver": {**driver, "rules": rules}}


def _name(status: str) -> str:
    """A name that differs from the id: readers compare both without case (SARIF1001)."""
    return "Voice" + "".join(part.capitalize() for part in status.split("_"))


def _location(file: str, line: int, prefix: str) -> dict[str, Any]:
    uri = quote(prefix + file)
    place = {"artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"}, "region": {"startLine": line}}
    return {"physicalLocation": place}


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
        "locations": [_location(file, line, prefix)],
        "partialFingerprints": {"voicectl/v1": hashlib.sha256(who.encode()).hexdigest()},
    }
