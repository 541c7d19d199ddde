"""Drift, for people."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from voicectl.plan.drift_report import DriftedVoice, DriftReport
from voicectl.report import drift_words as words
from voicectl.report.terminal import Style, fold


def render(report: DriftReport, heading: str, fail_on: Collection[str], style: Style, left_out: int = 0) -> str:
    """What it is about, a block for each voice that is not in step, what nobody claims, the totals."""
    blocks = [style.paint(heading, "bold")]
    blocks += ["\n".join(_block(voice, fail_on, style)) for voice in words.drifted(report)]
    strangers = list(words.strangers(report))
    blocks += ["\n".join(strangers)] if strangers else []
    if any(voice.unverifiable for voice in report.voices):
        blocks.append(
            style.paint("The provider never returns what models were made from: samples can't be verified.", "dim")
        )
    verdict = (
        style.paint("Drift.", "red", "bold")
        if words.found(report, fail_on)
        else style.paint("No drift.", "green", "bold")
    )
    rest = f", {left_out} left out by selectors" if left_out else ""
    blocks.append(f"{verdict} {words.totals(report)}{rest}.")
    return fold("\n\n".join(blocks) + "\n", style.columns)


def _block(voice: DriftedVoice, fail_on: Collection[str], style: Style) -> Iterator[str]:
    colour = "red" if voice.status in fail_on else "yellow"
    sign = style.paint("✗" if voice.status in fail_on else "!", colour)
    place = f"  {words.place(voice)}" if voice.source else ""
    yield f"{sign} {style.paint(voice.name, 'bold')}  {words.MEANINGS[voice.status]}  {voice.id}" + style.paint(
        place, "dim"
    )
    for field in voice.fields:
        yield f"    {words.label(field)}:"
        yield from (f"        {caption.ljust(12)}  {value}" for caption, value in words.field_lines(field))
    yield from (f"    {note}" for note in words.notes(voice))
    yield from (style.paint(f"    → {remedy}", "dim") for remedy in words.remedies(voice))
