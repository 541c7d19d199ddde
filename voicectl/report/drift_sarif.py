"""Drift as SARIF."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from voicectl.plan.drift_report import DriftedVoice, DriftReport, DriftStatus
from voicectl.report import drift_words as words
from voicectl.report import sarif

_RULES: tuple[DriftStatus, ...] = (
    "changed",
    "missing",
    "failed",
    "taken_down",
    "retiring",
    "not_ready",
    "consent_expired",
    "consent_expiring",
)
_REMEDIES: dict[DriftStatus, str] = {
    "changed": "`voicectl pull` takes the account's values into Git, the next apply sets Git's again.",
    "missing": "The next apply makes it again, with another id.",
    "failed": "Look at its samples, then run `voicectl apply --retry-failed`.",
    "taken_down": "Settle it with the provider.",
    "retiring": "Its id will stop working: prepare another voice.",
    "not_ready": "Wait for its training to end.",
    "consent_expired": "Renew the consent, or take the voice out of the manifests.",
    "consent_expiring": "Renew the consent before it ends.",
}


def render(report: DriftReport, fail_on: Collection[str], *, version: str, state: str, prefix: str = "") -> str:
    """The document. Voices without a manifest stand in the lockfile, whose path is `state`. `prefix` is the project's
    place in the repository.
    """
    found = [_result(report, voice, fail_on, state, prefix) for voice in report.voices if voice.status != "in_step"]
    return sarif.results(sarif.tool(version, _described()), f"voicectl/{words.namespace(report)}/", found)


def _described() -> list[sarif.SarifRule]:
    return [
        sarif.SarifRule(
            status,
            sarif.name_of("Voice", status),
            f"The voice {words.MEANINGS[status]}.",
            f"The voice {words.MEANINGS[status]}. {_REMEDIES[status]}",
            "ci.md#drift",
        )
        for status in _RULES
    ]


def _result(
    report: DriftReport, voice: DriftedVoice, fail_on: Collection[str], state: str, prefix: str
) -> dict[str, Any]:
    place = (voice.source.file, voice.source.line) if voice.source else (state, 1)
    level = "error" if voice.status in fail_on else "warning"
    identity = f"{words.namespace(report)}/{voice.name}/{voice.status}"
    text = words.sentence(voice)
    return sarif.result(voice.status, _RULES.index(voice.status), level, text, place, identity, prefix)
