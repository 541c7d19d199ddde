"""The difference between two environments, for people and for pages."""

from __future__ import annotations

from voicectl.plan.promotion import EnvironmentDiff
from voicectl.report import diff_words as words
from voicectl.report.document import code, fenced
from voicectl.report.terminal import Style, fold


def render(diff: EnvironmentDiff, style: Style) -> str:
    """A block for each voice that differs, and the totals."""
    blocks = []
    for each in diff.differences:
        lines = [f"{style.paint(each.name, 'bold')}  {words.headline(each, diff)}"]
        for label, first, second in words.lines(each, diff):
            lines += [f"    {label}:", f"        {first}", f"        {second}"]
        blocks.append("\n".join(lines))
    blocks.append(style.paint(f"{words.totals(diff)}.", "bold"))
    return fold("\n\n".join(blocks) + "\n", style.columns)


def render_markdown(diff: EnvironmentDiff) -> str:
    """The same as a page."""
    parts = [
        f"### voicectl diff: {code(diff.catalog)} · {diff.first} · {diff.second}\n",
        f"**{words.totals(diff)}**.\n",
    ]
    for each in diff.differences:
        lines = [
            line
            for label, first, second in words.lines(each, diff)
            for line in (f"  {label}", f"-     {first}", f"+     {second}")
        ]
        block = f"\n{fenced(lines, 'diff')}" if lines else ""
        parts.append(f"#### `{each.name}` {words.headline(each, diff)}\n{block}")
    return "\n".join(parts)
