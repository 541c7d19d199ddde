"""Drift as a page: what is not in step, and the lines to paste to keep the account's values."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

from voicectl.model.voice import Value
from voicectl.plan.drift_report import DriftedVoice, DriftReport
from voicectl.report import drift_words as words
from voicectl.report.document import code, fenced
from voicectl.report.escape import json_text


def render(
    report: DriftReport, heading: str, fail_on: Collection[str], left_out: int = 0, *, layered: Collection[str] = ()
) -> str:
    """Verdict and totals, a section for each voice that is not in step, what nobody claims.

    `layered` are fields whose values come from several places, so that pasting one line would not set them.
    """
    verdict = "Drift" if words.found(report, fail_on) else "No drift"
    rest = f", {left_out} left out by selectors" if left_out else ""
    parts = [
        f"<!-- voicectl drift of {words.namespace(report)} -->\n### voicectl drift: {code(heading)}\n",
        f"**{verdict}**: {words.totals(report)}{rest}.\n",
        *(_section(voice, fail_on, layered, report.environment) for voice in words.drifted(report)),
    ]
    strangers = list(words.strangers(report))
    if strangers:
        parts.append(f"#### Claimed by nobody\n\n{fenced(strangers)}")
    if any(voice.unverifiable for voice in report.voices):
        parts.append("The provider never returns what models were made from: samples can't be verified.\n")
    return "\n".join(parts)


def _section(voice: DriftedVoice, fail_on: Collection[str], layered: Collection[str], environment: str | None) -> str:
    sign = "✗" if voice.status in fail_on else "!"
    place = f" · {code(words.place(voice))}" if voice.source else ""
    lines = list(_lines(voice))
    text = f"#### {sign} `{voice.name}` {words.MEANINGS[voice.status]}\n\n`{voice.id}`{place}\n"
    text += f"\n{fenced(lines, 'diff')}" if lines else ""
    text += "".join(f"\n- {remedy}" for remedy in words.remedies(voice)) + ("\n" if voice.remedies else "")
    pullable = [field for field in voice.fields if field.field != "cover_image"]
    accepted = [f"{field.field}: {_yaml(field.observed)}" for field in pullable if field.field not in layered]
    if accepted and voice.source:
        text += f"\nBy hand, in {code(words.place(voice))}:\n\n{fenced(accepted, 'yaml')}"
    return text


def _lines(voice: DriftedVoice) -> Iterator[str]:
    for field in voice.fields:
        yield f"  {words.label(field)}"
        for sign, (caption, value) in zip("-+", words.field_lines(field), strict=True):
            yield f"{sign}     {caption.ljust(12)}  {value}"
    yield from (f"! {note}" for note in words.notes(voice))


def _yaml(value: Value) -> str:
    """A value as YAML on one line: JSON in double quotes is YAML (YAML 1.2.2, 1.3)."""
    return json_text(json.dumps(list(value) if isinstance(value, tuple) else value or "", ensure_ascii=False))
