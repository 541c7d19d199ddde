"""What the renderers of `lint` share. Every text from here is one line and safe on a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

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


def namespace(report: LintReport) -> str:
    """`acme`, or `acme.staging` with an environment."""
    return f"{report.catalog}.{report.environment}" if report.environment else report.catalog


def totals(report: LintReport) -> str:
    """What was listened to, and how many findings there are."""
    summary = report.summary
    part = f" (shard {report.shard})" if report.shard else ""
    heard = f"{count(summary.samples, 'sample')} of {count(summary.voices, 'voice')}, {summary.seconds:.0f} s of sound"
    return f"{heard}{part}: {count(summary.errors, 'error')}, {count(summary.warnings, 'warning')}"


def count(number: int, noun: str) -> str:
    """`1 voice`, `2 voices`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
