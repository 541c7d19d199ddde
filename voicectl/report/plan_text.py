"""A plan for people (cli.md, "Text output")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from voicectl.model.lock import ProviderIdentity
from voicectl.model.voice import Value
from voicectl.plan.plan import Action, Change, FieldChange, Notice, Plan
from voicectl.report.escape import shortened, terminal
from voicectl.report.signs import sign
from voicectl.report.style import Style, plain

MAX_VALUE = 200
"""Characters of a value that a line shows; JSON has it whole."""
_LABELS = {"inputs": "samples", "cover_image": "cover image"}
_COUNTED = (
    ("create", "to create"),
    ("update", "to update"),
    ("replace", "to replace"),
    ("restore", "to restore"),
    ("retire", "to retire"),
    ("prune", "to delete"),
    ("forget", "to forget"),
    ("refresh", "lock refresh"),
)


def heading(catalog: str, environment: str | None, provider: ProviderIdentity, *, offline: bool = False) -> str:
    """What an output speaks of."""
    parts = [catalog, environment]
    if provider.name == "emulator":
        parts.append("emulator (nothing real)")
    else:
        parts += [provider.host, f"account {provider.account or 'not known yet'}"]
    parts.append("offline: the account was not looked at" if offline else None)
    return " · ".join(terminal(part) for part in parts if part)


def render(plan: Plan, style: Style, unchanged: Iterable[str] = ()) -> str:
    """The whole plan: what it speaks of, a block a change, warnings, refusals, totals.

    `unchanged` are names to list although nothing happens to them.
    """
    blocks = [style.paint(heading(plan.catalog, plan.environment, plan.provider, offline=plan.offline), "bold")]
    refreshes = [c for c in plan.changes if c.action is Action.REFRESH and not c.adopted]
    blocks += ["\n".join(_block(change, style)) for change in plan.changes if change not in refreshes]
    if refreshes:
        names = ", ".join(change.name for change in refreshes[:10]) + (" …" if len(refreshes) > 10 else "")
        blocks.append(style.paint(f"· lock refresh, no request: {names}", "dim"))
    same = ", ".join(unchanged)
    blocks += [style.paint(f"= unchanged: {same}", "dim")] if same else []
    blocks += [_notices("Warnings", "!", plan.warnings, "yellow", style)] if plan.warnings else []
    blocks += [_notices("Refused", "✗", plan.refusals, "red", style)] if plan.refusals else []
    blocks.append(totals(plan, style))
    return "\n\n".join(blocks) + "\n"


def totals(plan: Plan, style: Style) -> str:
    """The one line of totals."""
    summary = plan.summary
    adopted = sum(c.adopted and c.action is Action.REFRESH for c in plan.changes)
    counts = {name: getattr(summary, name) for name, _ in _COUNTED} | {"refresh": summary.refresh - adopted}
    parts = [f"{adopted} to adopt"] if adopted else []
    parts += [f"{counts[name]} {words}" for name, words in _COUNTED if counts[name]]
    extra = [f"{summary.moved} moved"] if summary.moved else []
    rest = [f"{summary.unchanged} unchanged"]
    rest += [f"{summary.left_out} left out by selectors"] if summary.left_out else []
    if plan.refusals and not parts:
        return style.paint("Refused.", "red", "bold") + " " + ", ".join(rest) + "."
    if not parts:
        return style.paint("No changes.", "green", "bold") + " " + ", ".join(rest) + "."
    return style.paint("Plan:", "bold") + " " + ", ".join([*parts, *extra, *rest]) + "."


def _block(change: Change, style: Style) -> Iterator[str]:
    place = f"{terminal(change.source.file)}:{change.source.line}" if change.source else ""
    name = style.paint(change.name, "bold")
    moved = f" (was {change.previous_name})" if change.previous_name else ""
    title = f'  "{_short(change.title)}"' if change.title else ""
    words = f"  {_verb(change)}"
    yield f"{sign(change, style)} {name}{moved}{title}{words}" + (style.paint(f"  {place}", "dim") if place else "")
    if change.reason and change.action not in (Action.CREATE, Action.REPLACE, Action.RESTORE):
        yield f"    {_sentence(change.reason)}"
    for field in change.fields:
        yield from _field(change, field, style)
    yield from _consequences(change, style)
    for warning in change.warnings:
        yield f"    {style.paint('!', 'yellow')} {_sentence(warning)}"


def _verb(change: Change) -> str:
    words = {
        Action.PRUNE: f"delete {change.id}",
        Action.RETIRE: f"retire {change.id}",
        Action.FORGET: f"forget {change.id}",
        Action.REFRESH: f"adopt {change.id}",
        Action.UPDATE: f"adopt {change.id}" if change.adopted else "update",
    }
    return words.get(change.action, str(change.action))


def _field(change: Change, field: FieldChange, style: Style) -> Iterator[str]:
    label = _LABELS.get(field.field, field.field)
    if field.field == "inputs":
        if change.action in (Action.CREATE, Action.REPLACE):
            yield f"    samples: {_sentence(change.reason)}"
        return
    if field.field == "marks":
        why = "moved to the new name" if field.cause == "moved" else "written on the model"
        yield f"    ownership marks: {why}"
        return
    if field.cause in ("drift", "conflict"):
        word = "changed by hand in the account" if field.cause == "drift" else "changed in Git and in the account"
        yield f"    {label}: {style.paint(word, 'yellow')}"
        yield f"        Git           {_value(field.desired)}"
        yield f"        last applied  {_value(field.recorded)}"
        yield f"        account now   {_value(field.observed)}"
    elif change.action is Action.CREATE:
        yield f"    {label}: {_value(field.desired)}"
    elif isinstance(field.desired, tuple) and isinstance(field.observed, tuple):
        yield f"    {label}: {_tags(field.observed, field.desired, style)}"
    else:
        yield f"    {label}: {_value(field.observed)} → {_value(field.desired)}"


def _tags(before: tuple[str, ...], after: tuple[str, ...], style: Style) -> str:
    """Which entries came and went, rather than two long lists."""
    from deepdiff import DeepDiff

    diff = DeepDiff({_short(tag) for tag in before}, {_short(tag) for tag in after}, view="tree")
    parts = [style.paint(f"+{item.t2}", "green") for item in diff.get("set_item_added", ())]
    parts += [style.paint(f"-{item.t1}", "red") for item in diff.get("set_item_removed", ())]
    return " ".join(sorted(parts, key=plain))


def _consequences(change: Change, style: Style) -> Iterator[str]:
    until = moment(change.undo_until) if change.undo_until else ""
    if change.action is Action.REPLACE or (change.action is Action.CREATE and change.id):
        yield style.paint(f"    The id will change; tell the users of {change.id}.", "magenta")
        if until:
            yield f"    The old model is kept until {until}: until then, git revert and apply bring its id back."
    elif change.action is Action.RESTORE:
        yield style.paint(f"    The id will be {change.id} again (generation {change.generation}).", "cyan")
    elif change.action is Action.RETIRE and until:
        yield f"    It is kept until {until}: until then, git revert and apply bring it back with its id."
    elif change.action is Action.PRUNE:
        yield style.paint("    This can't be undone.", "red")


def moment(when: datetime) -> str:
    """A time for people."""
    return when.strftime("%Y-%m-%d %H:%M UTC")


def _value(value: Value) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, str) and value.startswith(("sha256:", "coverimage/")):
        return f"{value[:23]}…"
    if isinstance(value, tuple):
        return ", ".join(_short(item) for item in value) or "(none)"
    return f'"{_short(value)}"' if value else '""'


def _short(text: str) -> str:
    return shortened(terminal(text), MAX_VALUE)


def _sentence(text: str) -> str:
    return shortened(terminal(text), 4 * MAX_VALUE)


def _notices(title: str, sign: str, notices: tuple[Notice, ...], colour: str, style: Style) -> str:
    lines = [style.paint(title, colour, "bold")]
    for notice in notices:
        lines.append(f"{style.paint(sign, colour)} {_sentence(notice.message)}")
        if notice.hint:
            lines.append(f"    {_sentence(notice.hint)}")
    return "\n".join(lines)
