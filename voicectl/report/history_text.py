"""The history, for people."""

from __future__ import annotations

from collections.abc import Iterator

from voicectl.report import history_words as words
from voicectl.report.escape import terminal
from voicectl.report.history_words import Happened, History, Receipts
from voicectl.report.terminal import Style, fold

_COLOURS = {"created": "green", "replaced": "magenta", "restored": "cyan", "retired": "red", "deleted": "red",
            "removed": "red"}  # fmt: skip


def render(found: History | Receipts, style: Style) -> str:
    """The history, or the receipts of deletions."""
    return _receipts(found, style) if isinstance(found, Receipts) else _history(found, style)


def _history(history: History, style: Style) -> str:
    """A block for each commit, the latest first; a line for each voice."""
    blocks: list[str] = []
    commit = ""
    for happened in history.events:
        if happened.commit != commit:
            commit = happened.commit
            head = f"{words.moment(happened.at)}  {commit[:12]}  {terminal(happened.author)}"
            blocks.append(style.paint(head, "bold"))
        blocks.append("\n".join(_lines(happened, style)))
    if not blocks:
        blocks.append("nothing happened" if history.complete else "nothing is known")
    if not history.complete:
        blocks.append(style.paint(words.INCOMPLETE, "yellow"))
    return fold("\n".join(blocks) + "\n", style.columns)


def _lines(happened: Happened, style: Style) -> Iterator[str]:
    event = happened.event
    action = style.paint(event.action, _COLOURS.get(event.action, "yellow"))
    ids = " → ".join(each for each in dict.fromkeys((event.before, event.after)) if each)
    generation = f", generation {event.generation}" if event.generation else ""
    yield f"  {event.name}  {action}  {ids}{generation}"
    if what := words.what(event):
        yield f"      {what}"
    run = f"run {terminal(event.run)}" if event.run else ""
    applied = f"of commit {event.applied_from[:12]}" if event.applied_from else ""
    if run or applied:
        yield style.paint("      " + " ".join(part for part in (run, applied) if part), "dim")


def _receipts(found: Receipts, style: Style) -> str:
    """What was deleted for withdrawn consents, as one can send it to the speaker."""
    if not found.deleted:
        return "nothing was deleted for a withdrawn consent\n"
    blocks = []
    for gone in found.deleted:
        lines = [f"{style.paint(gone.name, 'bold')}  model {gone.id}", f"  deleted     {words.moment(gone.at)} UTC"]
        lines.append(f"  reason      {terminal(gone.reason)}")
        lines += [f"  run         {terminal(gone.run)}"] if gone.run else []
        lines += [f"  commit      {gone.commit}"] if gone.commit else []
        lines += [f"  recording   {each} (stays refused)" for each in words.recordings(gone)]
        blocks.append("\n".join(lines))
    return fold("\n\n".join(blocks) + "\n", style.columns)
