"""What an apply did, as a page: how it ended, what needs a look, then every change with its id."""

from __future__ import annotations

from collections.abc import Iterator

from voicectl.plan.plan import ApplyResult, Result
from voicectl.report import apply_text, words
from voicectl.report.document import code, fenced
from voicectl.report.escape import terminal
from voicectl.report.terminal import Style, sign

MAX_ROWS = 500
_PLAIN = Style()


def render(applied: ApplyResult, done: str = "Applied") -> str:
    """The document. Text from manifests and from the account stands only in code."""
    plan = applied.plan
    parts = words.heading(plan.catalog, plan.environment, plan.provider)
    names = 2 if plan.environment else 1
    heading = " · ".join([*parts[:names], *(code(part) for part in parts[names:])])
    text = f"### voicectl {'destroy' if done == 'Destroyed' else 'apply'}: {heading}\n\n"
    if applied.results or applied.leftovers or applied.error is not None:
        text += f"**{apply_text.totals(applied, _PLAIN, done)}**\n"
    else:
        text += "**No changes.**\n"
    trouble = list(_trouble(applied))
    if trouble:
        text += f"\n#### To look after\n\n{fenced(trouble)}"
    rows = [_row(result) for result in applied.results if not words.bookkeeping(result.change)]
    if rows:
        text += "\n| | voice | action | | id |\n|---|---|---|---|---|\n" + "".join(rows[:MAX_ROWS])
    if len(rows) > MAX_ROWS:
        text += f"\n… and {len(rows) - MAX_ROWS} more.\n"
    return text


def _trouble(applied: ApplyResult) -> Iterator[str]:
    for result in applied.results:
        if result.status == "failed":
            yield f"{result.change.name}: {terminal(result.message)}"
            if result.hint:
                yield f"    {terminal(result.hint)}"
    yield from (f"{left.name}: {terminal(left.message)}" for left in applied.leftovers)
    yield from (f"not saved, and found again by its marks: {model_id}" for model_id in applied.unsaved)
    if applied.error is not None:
        yield terminal(applied.error.message)
        if applied.error.hint:
            yield f"    {terminal(applied.error.hint)}"


def _row(result: Result) -> str:
    change = result.change
    status = result.status.replace("_", " ")
    model = f"`{result.id}`" if result.id else ""
    return f"| {sign(change, _PLAIN)} | `{change.name}` | {words.verb(change)} | {status} | {model} |\n"
