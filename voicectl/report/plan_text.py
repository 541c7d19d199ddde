"""A plan for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from voicectl.model.lock import ProviderIdentity
from voicectl.plan.plan import Change, Notice, Plan
from voicectl.report import words
from voicectl.report.escape import terminal
from voicectl.report.terminal import Style, fold, padded, right_to_left, sign, width

_ONE_LINE = 66
"""Up to so many cells, both values of a field share a line."""


def heading(catalog: str, environment: str | None, provider: ProviderIdentity, *, offline: bool = False) -> str:
    """What an output is about, in one line."""
    return " · ".join(words.heading(catalog, environment, provider, offline=offline))


def render(plan: Plan, style: Style, unchanged: Iterable[str] = (), *, steps: bool = False) -> str:
    """The whole plan: what it is about, a block for each change, warnings, refusals, totals.

    `unchanged` are names to list although nothing happens to them. With `steps`, each change names its own.
    """
    blocks = [style.paint(heading(plan.catalog, plan.environment, plan.provider, offline=plan.offline), "bold")]
    blocks += ["\n".join(_block(change, style, steps)) for change in plan.changes if not words.bookkeeping(change)]
    refreshes = [change.name for change in plan.changes if words.bookkeeping(change)]
    if refreshes:
        names = ", ".join(refreshes[:10]) + (" …" if len(refreshes) > 10 else "")
        blocks.append(style.paint(f"· lock refresh, no request: {names}", "dim"))
    same = ", ".join(unchanged)
    blocks += [style.paint(f"= unchanged: {same}", "dim")] if same else []
    blocks += [_notices("Warnings", "!", plan.warnings, "yellow", style)] if plan.warnings else []
    blocks += [_notices("Refused", "✗", plan.refusals, "red", style)] if plan.refusals else []
    blocks.append(totals(plan, style))
    return fold("\n\n".join(blocks) + "\n", style.columns)


def totals(plan: Plan, style: Style) -> str:
    """The one line of totals."""
    parts, rest = words.counts(plan), words.others(plan)
    if plan.refusals and not parts:
        return style.paint("Refused.", "red", "bold") + " " + ", ".join(rest) + "."
    if not parts:
        return style.paint("No changes.", "green", "bold") + " " + ", ".join(rest) + "."
    return style.paint("Plan:", "bold") + " " + ", ".join([*parts, *rest]) + "."


def _block(change: Change, style: Style, steps: bool) -> Iterator[str]:
    place = f"{terminal(change.source.file)}:{change.source.line}" if change.source else ""
    name = style.paint(change.name, "bold")
    moved = f" (was {change.previous_name})" if change.previous_name else ""
    title = f'  "{words.short(change.title)}"' if change.title else ""
    what = f"  {words.verb(change)}"
    yield f"{sign(change, style)} {name}{moved}{title}{what}" + (style.paint(f"  {place}", "dim") if place else "")
    if words.why(change):
        yield f"    {words.why(change)}"
    for field in change.fields:
        rows = words.field_rows(change, field)
        if rows is not None:
            yield from _field(rows, style)
    for text, colour in words.consequences(change):
        yield "    " + (style.paint(text, colour) if colour else text)
    for warning in change.warnings:
        yield f"    {style.paint('!', 'yellow')} {words.sentence(warning)}"
    if steps and change.steps:
        yield style.paint(f"    steps: {', '.join(change.steps)}", "dim")


def _field(field: words.FieldRows, style: Style) -> Iterator[str]:
    note = f" {style.paint(field.note, 'yellow') if field.rows and field.whole else field.note}" if field.note else ""
    if field.each and not any(" " in row.text or right_to_left(row.text) for row in field.rows):
        yield f"    {field.label}: " + " ".join(_signed(row, style) for row in field.rows)
    elif len(field.rows) == 1 and not field.note:
        yield f"    {field.label}: {field.rows[0].text}"
    elif _fits(field):
        yield f"    {field.label}: {' → '.join(row.text for row in field.rows)}"
    else:
        yield f"    {field.label}:{note}"
        captions = max((width(row.caption) for row in field.rows), default=0)
        signs = "  " if any(row.sign for row in field.rows) else ""
        for row in field.rows:
            lead = f"{row.sign} " if row.sign else padded(row.caption, captions) + "  " if captions else signs
            yield f"        {lead}{_painted(row, style)}"


def _fits(field: words.FieldRows) -> bool:
    """Whether two values may stand side by side: both short, and no letters that turn the line around."""
    texts = [row.text for row in field.rows]
    short = sum(map(width, texts)) + width(field.label) <= _ONE_LINE
    return len(texts) == 2 and field.whole and short and not any(map(right_to_left, texts))


def _signed(row: words.Row, style: Style) -> str:
    return style.paint(f"{row.sign}{row.text}", "green" if row.sign == "+" else "red")


def _painted(row: words.Row, style: Style) -> str:
    colour = {"+": "green", "-": "red"}.get(row.sign, "")
    return "".join(style.paint(part.text, colour) if part.changed and colour else part.text for part in row.parts)


def _notices(title: str, mark: str, notices: tuple[Notice, ...], colour: str, style: Style) -> str:
    lines = [style.paint(title, colour, "bold")]
    for notice in notices:
        lines.append(f"{style.paint(mark, colour)} {words.sentence(notice.message)}")
        if notice.hint:
            lines.append(f"    {words.sentence(notice.hint)}")
    return "\n".join(lines)
