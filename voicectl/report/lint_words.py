"""What the renderers of `lint` share. Every text from here is one line and safe on a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from voicectl.errors import counted
from voicectl.model.recording import Finding, LintReport
from voicectl.report.escape import terminal
from voicectl.report.words import sentence


def by_voice(report: LintReport) -> Mapping[str, list[Finding]]:
    """The findings of each voice that has any."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        found[finding.voice].append(finding)
    return found


def subject(finding: Finding) -> str:
    """What the finding is about: a sample's file, or the voice."""
    return terminal(finding.path) if finding.path is not None else f"voice {finding.voice}"


def message(finding: Finding) -> str:
    """What was found, and what to do."""
    advice = f"; {finding.advice}" if finding.advice else ""
    return sentence(f"{finding.message}{advice}")


def totals(report: LintReport) -> str:
    """What was listened to, and how many findings there are."""
    summary = report.summary
    part = f" (shard {report.shard})" if report.shard else ""
    heard = f"{counted(summary.samples, 'sample')} of {counted(summary.voices, 'voice')}"
    found = f"{counted(summary.errors, 'error')}, {counted(summary.warnings, 'warning')}"
    return f"{heard}, {summary.seconds:.0f} s of sound{part}: {found}"
