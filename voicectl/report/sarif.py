"""SARIF 2.1.0 (OASIS), which code-scanning dashboards show at the manifest's line: what its documents share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from voicectl.errors import VoicectlError
from voicectl.report.document import document
from voicectl.report.escape import terminal

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HOME = "https://github.com/voicectl/voicectl"


@dataclass(frozen=True, slots=True)
class SarifRule:
    """A rule of the tool: what a finding means, and what to do. `page` is where the pages speak of it."""

    id: str
    name: str
    short: str
    full: str
    page: str


def tool(version: str, rules: Sequence[SarifRule] = ()) -> dict[str, Any]:
    """voicectl as the tool that ran."""
    described = [
        {
            "id": rule.id,
            "name": rule.name,
            "shortDescription": {"text": rule.short},
            "fullDescription": {"text": rule.full},
            "helpUri": f"{HOME}/blob/main/voicectl/pages/{rule.page}",
        }
        for rule in rules
    ]
    driver = {"name": "voicectl", "informationUri": HOME, "semanticVersion": version, "version": version}
    return {"driver": {**driver, "rules": described}}


def name_of(kind: str, rule: str) -> str:
    """A name that differs from the id: readers compare both without case (SARIF1001)."""
    return kind + "".join(part.capitalize() for part in rule.split("_"))


def results(tool: dict[str, Any], category: str, found: list[dict[str, Any]]) -> str:
    """The document of a run that succeeded; `category` tells one catalog's results from another's."""
    return _document({
        "tool": tool,
        "invocations": [{"executionSuccessful": True}],
        "automationDetails": {"id": category},
        "columnKind": "unicodeCodePoints",
        "results": found,
    })  # fmt: skip


def result(
    rule: str, index: int, level: str, text: str, place: tuple[str, int], identity: str, prefix: str
) -> dict[str, Any]:
    """One result at a file and line. `identity` stays the same while it is the same finding."""
    return {
        "ruleId": rule,
        "ruleIndex": index,
        "level": level,
        "message": {"text": text},
        "locations": [_location(*place, prefix)],
        "partialFingerprints": {"voicectl/v1": hashlib.sha256(identity.encode()).hexdigest()},
    }


def failure(error: VoicectlError, version: str, prefix: str = "") -> str:
    """The document if the command failed: no results, and the error as a notification of the tool."""
    text = f"{terminal(error.message)}; {terminal(error.hint)}" if error.hint else terminal(error.message)
    notification: dict[str, Any] = {"level": "error", "message": {"text": text}, "descriptor": {"id": error.code}}
    if error.where:
        notification["locations"] = [_location(place.file, place.line, prefix) for place in error.where]
    invocation = {"executionSuccessful": False, "toolExecutionNotifications": [notification]}
    return _document({"tool": tool(version), "invocations": [invocation], "results": []})


def _document(run: dict[str, Any]) -> str:
    return document({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _location(file: str, line: int, prefix: str) -> dict[str, Any]:
    uri = quote(prefix + file)
    place = {"artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"}, "region": {"startLine": line}}
    return {"physicalLocation": place}
