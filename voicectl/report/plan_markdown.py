"""A plan as a comment on a pull request: what needs care first, the rest collapsible, cut to a size.

Text from manifests and from the account stands only in code: fenced blocks, code spans and `<code>` with everything
escaped (see `document`; GitHub Flavored Markdown Spec, 4.6).
"""

from __future__ import annotations

import html
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from voicectl.plan.plan import Action, Change, Notice, Plan
from voicectl.report import words
from voicectl.report.document import code, fenced
from voicectl.report.escape import terminal
from voicectl.report.terminal import Style, padded, sign, width

DEFAULT_BYTES = 60_000
"""GitHub takes comments of 65,536 characters."""
_LAST_LINE = 400
"""Bytes reserved for the line that says what was left out."""
_NAMES_WIDTH = 100
_PLAIN = Style()
_GRAVEST = (
    Action.PRUNE,
    Action.RETIRE,
    Action.FORGET,
    Action.REPLACE,
    Action.CREATE,
    Action.RESTORE,
    Action.UPDATE,
    Action.REFRESH,
)


def render(plan: Plan, max_bytes: int = DEFAULT_BYTES, unchanged: Iterable[str] = ()) -> str:
    """The document, in at most `max_bytes` bytes of UTF-8. A last line says what had no room."""
    name = f"{plan.catalog}.{plan.environment}" if plan.environment else plan.catalog
    page = _Capped(max_bytes - _LAST_LINE)
    page.add(f"<!-- voicectl plan of {name} -->\n### voicectl plan: {' · '.join(_heading(plan))}\n")
    page.add(f"\n{_totals(plan)}\n")
    dropped = sum(_notices(page, *kind) for kind in (("Refused", "✗", plan.refusals), ("Warnings", "!", plan.warnings)))
    shown = [change for change in plan.changes if not words.bookkeeping(change)]
    careful = sorted(filter(words.needs_care, shown), key=_gravity)
    rows = [_care_row(change) for change in careful]
    missing = len(rows)
    if careful and page.add("\n#### Needs care\n\n| | voice | what happens |\n|---|---|---|\n" + rows[0]):
        missing = sum(not page.add(row) for row in rows[1:])
    left_out: list[Change] = []
    for alike in [*([change] for change in careful), *_alike(c for c in shown if not words.needs_care(c))]:
        details = _details(alike)
        if details and not page.add(details):
            left_out += alike
    rest = _rest(plan, unchanged)
    if rest:
        page.add(f"\n<details><summary>The rest</summary>\n\n{fenced(rest)}\n</details>\n")
    return page.text + (_cut(missing, dropped, left_out) if page.full or dropped else "")


def _notices(page: _Capped, title: str, mark: str, notices: Sequence[Notice]) -> int:
    """Add as many refusals or warnings as fit into half of the room; how many did not fit."""
    if not notices:
        return 0
    taken: list[str] = []
    count = 0
    for notice in notices:
        lines = list(_notice_lines((notice,), mark))
        if len("\n".join([*taken, *lines]).encode()) > page.room // 2:
            break
        taken, count = [*taken, *lines], count + 1
    page.add(f"\n#### {title}\n\n{fenced(taken)}")
    return len(notices) - count


class _Capped:
    """Text up to a size. A block that does not fit stays out, and so does everything after it."""

    def __init__(self, room: int) -> None:
        self.text = ""
        self.full = False
        self.room = room

    def add(self, block: str) -> bool:
        """Take a block, if all of it fits."""
        size = len(block.encode())
        self.full = self.full or size > self.room
        if not self.full:
            self.text += block
            self.room -= size
        return not self.full


def _heading(plan: Plan) -> list[str]:
    parts = words.heading(plan.catalog, plan.environment, plan.provider, offline=plan.offline)
    names = 2 if plan.environment else 1
    return [*parts[:names], *(code(part) for part in parts[names:])]


def _totals(plan: Plan) -> str:
    parts, rest = words.counts(plan), words.others(plan)
    bold = ", ".join(parts) or ("Refused" if plan.refusals else "No changes")
    return f"**{bold}**, {', '.join(rest)}."


def _care_row(change: Change) -> str:
    title = f" {code(words.short(change.title))}" if change.title else ""
    reason = words.sentence(change.reason)
    told = [code(reason)] if reason else []
    told += [f"**{text}**" if colour else text for text, colour in words.consequences(change)]
    told += [code(words.sentence(warning)) for warning in change.warnings]
    place = f"<br>{code(f'{terminal(change.source.file)}:{change.source.line}')}" if change.source else ""
    cells = (sign(change, _PLAIN), f"`{change.name}`{title}{place}", f"{words.verb(change)}: " + "<br>".join(told))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _gravity(change: Change) -> tuple[bool, int]:
    """Losses first, then what is shown to more people."""
    return change.widens and change.action is Action.UPDATE, _GRAVEST.index(change.action)


def _alike(changes: Iterable[Change]) -> list[list[Change]]:
    """Changes in their order, those that say the same of several voices together."""
    groups: dict[object, list[Change]] = {}
    for change in changes:
        key = (change.action, change.adopted, tuple(_change_lines(change)), change.previous_name)
        groups.setdefault(key, []).append(change)
    return list(groups.values())


def _details(alike: Sequence[Change]) -> str:
    """What changes, in a block that unfolds; several voices that change alike share one."""
    change = alike[0]
    lines = list(_change_lines(change))
    if not lines:
        return ""  # the table says all of it
    fields = ", ".join(words.labels(change))
    named = f": {fields}" if fields else ""
    if len(alike) > 1:
        head = f"{sign(change, _PLAIN)} <b>{len(alike)} voices</b> {words.verb(change)}{named}"
        names = ", ".join(each.name for each in alike)
        lines = [f"  {line}" for line in textwrap.wrap(names, _NAMES_WIDTH)] + lines
    else:
        head = f"{_head(change)}{named}"
    return f"\n<details><summary>{head}</summary>\n\n{fenced(lines, 'diff')}\n</details>\n"


def _head(change: Change) -> str:
    moved = f" (was <code>{change.previous_name}</code>)" if change.previous_name else ""
    title = f" <code>{html.escape(words.short(change.title))}</code>" if change.title else ""
    place = ""
    if change.source:
        place = f" · <code>{html.escape(terminal(change.source.file))}:{change.source.line}</code>"
    return f"{sign(change, _PLAIN)} <b>{change.name}</b>{moved}{title} {words.verb(change)}{place}"


def _change_lines(change: Change) -> Iterator[str]:
    careful = words.needs_care(change)
    if words.why(change) and not careful:
        yield f"  {words.why(change)}"
    for field in change.fields:
        rows = words.field_rows(change, field)
        if rows is None or (careful and not rows.rows):
            continue
        yield f"  {rows.label}" + (f": {rows.note}" if rows.note else "")
        captions = max((width(row.caption) for row in rows.rows), default=0)
        for row in rows.rows:
            caption = padded(row.caption, captions) + "  " if captions else ""
            yield f"{row.sign or ' '}     {caption}{row.text}"
    if not careful:
        yield from (f"! {words.sentence(warning)}" for warning in change.warnings)


def _notice_lines(notices: Sequence[Notice], mark: str) -> Iterator[str]:
    for notice in notices:
        yield f"{mark} {words.sentence(notice.message)}"
        if notice.hint:
            yield f"    {words.sentence(notice.hint)}"


def _rest(plan: Plan, unchanged: Iterable[str]) -> list[str]:
    refreshed = ", ".join(change.name for change in plan.changes if words.bookkeeping(change))
    same = ", ".join(unchanged)
    lines = [f"lock refresh, no request: {refreshed}"] if refreshed else []
    return [*lines, *([f"unchanged: {same}"] if same else [])]


def _cut(missing: int, dropped: int, left_out: Sequence[Change]) -> str:
    kinds = Counter(str(change.action) for change in left_out)
    counted = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    parts = [f"{missing} more that need care"] if missing else []
    parts += [f"{dropped} warnings and refusals"] if dropped else []
    parts += [f"the details of {len(left_out)} changes ({counted})"] if left_out else []
    what = " and ".join(parts) or "a part"
    return f"\n**Cut here:** {what} did not fit. `voicectl plan`, or `voicectl show-plan FILE`, shows all of them.\n"
