"""How samples sound, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voicectl.model.recording import Finding, LintReport
from voicectl.report import lint_words as words
from voicectl.report.terminal import Style, fold

_COLOURS = {"error": "red", "warning": "yellow"}


def render(report: LintReport, style: Style, left_out: int = 0) -> str:
    """A block for each voice with findings, one line a finding, and the totals."""
    blocks = ["\n".join(_block(voice, found, style)) for voice, found in words.by_voice(report).items()]
    rest = f"; {left_out} left out by selectors" if left_out else ""
    blocks.append(style.paint(f"{words.totals(report)}{rest}.", "bold"))
    return fold("\n\n".join(blocks) + "\n", style.columns)


def _block(voice: str, found: Sequence[Finding], style: Style) -> Iterator[str]:
    yield style.paint(voice, "bold")
    for one in found:
        level = style.paint(one.level, _COLOURS[one.level])
        rule = style.paint(f"[{one.rule}]", "dim")
        yield f"  {one.file}:{one.line}  {words.subject(one)}  {level}: {words.message(one)} {rule}"
