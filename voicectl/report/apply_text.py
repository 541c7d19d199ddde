"""What an apply did, for people."""

from __future__ import annotations

from voicectl.plan.plan import ApplyResult
from voicectl.report.escape import terminal
from voicectl.report.terminal import Style, fold


def render(applied: ApplyResult, style: Style, done: str = "Applied") -> str:
    """What failed, was not tried, or did not stick, and the totals. `done` is the word for success."""
    lines: list[str] = []
    for result in applied.results:
        change = result.change
        if result.status == "done":
            continue
        word = "failed" if result.status == "failed" else "not tried"
        text = f": {terminal(result.message)}" if result.message else ""
        lines.append(f"{style.paint('✗', 'red')} {change.name}: {change.action} {word}{text}")
        if result.hint:
            lines.append(f"    {terminal(result.hint)}")
    cross = style.paint("✗", "red")
    lines += [f"{cross} {leftover.name}: {terminal(leftover.message)}" for leftover in applied.leftovers]
    if applied.unsaved:
        lines.append(style.paint("These ids could not be saved; the next apply finds them by their marks:", "red"))
        lines += [f"    {model_id}" for model_id in applied.unsaved]
    lines.append(totals(applied, style, done))
    return fold("\n".join(lines) + "\n", style.columns)


def totals(applied: ApplyResult, style: Style, done: str = "Applied") -> str:
    """The one line that says how it ended."""
    counts = dict.fromkeys(("done", "failed", "not_tried"), 0)
    for result in applied.results:
        counts[result.status] += 1
    if applied.succeeded:
        word = "change" if counts["done"] == 1 else "changes"
        whole = done == "Applied" and not applied.plan.summary.left_out
        end = "the plan is empty now" if whole else "nothing of the selection is left"
        return style.paint(done, "green", "bold") + f": {counts['done']} {word} done; {end}."
    parts = [f"{counts['done']} done", f"{counts['failed']} failed", f"{counts['not_tried']} not tried"]
    parts += [f"{len(applied.leftovers)} did not stick"] if applied.leftovers else []
    return style.paint("Not finished:", "red", "bold") + " " + ", ".join(parts) + "."
