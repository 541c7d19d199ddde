"""What the renderers of a difference between environments share. Every text is one line and safe on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from voicectl.errors import counted
from voicectl.plan.promotion import Difference, EnvironmentDiff
from voicectl.report.words import value_text


def totals(diff: EnvironmentDiff) -> str:
    """One line on both."""
    if not diff.differences:
        return f"{diff.first} and {diff.second} are the same: {counted(diff.same, 'voice')}"
    late = [each.behind for each in diff.differences if each.behind]
    lags = ", ".join(f"{name} lags by {late.count(name)}" for name in (diff.first, diff.second) if name in late)
    count = len(diff.differences)
    differ, same = "1 voice differs" if count == 1 else f"{count} voices differ", "is" if diff.same == 1 else "are"
    return f"{differ}, {diff.same} {same} the same" + (f"; {lags}" if lags else "")


def headline(each: Difference, diff: EnvironmentDiff) -> str:
    """What is the matter with a voice."""
    match each.kind:
        case "only_in_first":
            return f"only in {diff.first}"
        case "only_in_second":
            return f"only in {diff.second}"
        case "not_applied":
            return f"not applied in {each.behind} yet"
    return f"{each.behind} lags behind the manifests" if each.behind else "differs"


def lines(each: Difference, diff: EnvironmentDiff) -> Iterator[tuple[str, str, str]]:
    """Each field: its label, and both values with their environments."""
    for field in each.fields:
        if field.field == "inputs":
            yield "samples", f"{diff.first} {str(field.first)[:19]}…", f"{diff.second} {str(field.second)[:19]}…"
        else:
            values = value_text(field.first, field.field), value_text(field.second, field.field)
            yield field.field.replace("_", " "), f"{diff.first} {values[0]}", f"{diff.second} {values[1]}"
