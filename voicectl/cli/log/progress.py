"""Progress of a run for people: a display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from voicectl.cli import printing
from voicectl.cli.context import Context
from voicectl.cli.log.ci import Ci
from voicectl.engine.events import Event, Listener
from voicectl.errors import counted
from voicectl.redaction import redacted
from voicectl.report.escape import terminal

_TOLD = ("started", "retrying", "warning", "done", "failed", "verifying")
_LASTING = ("failed", "warning")
_SPEED_WINDOW = 600.0
"""Seconds over which to estimate the time left: for minutes, a large upload may be all that ends."""


@contextmanager
def progress(context: Context, ci: Ci) -> Iterator[Listener]:
    """The listener that fits where standard error goes. Every way out ends what a CI folds."""
    if context.quiet:
        yield _quiet
    elif sys.stderr.isatty() and not printing.in_ci():
        with _display(context) as listener:
            yield listener
    else:
        try:
            yield _plain_line(context, ci)
        finally:
            ci.unfold()


def _told_of_limit(event: Event, context: Context) -> bool:
    """With -v, a run ends by saying how many requests went out at a time."""
    return event.kind == "limit" and bool(event.detail) and context.verbose > 0


def quiet_listener(context: Context) -> Listener:
    """For commands that only read: reports retries, so that a pause has a reason."""

    def listener(event: Event) -> None:
        if (event.kind == "retrying" and not context.quiet) or _told_of_limit(event, context):
            printing.err(_sentence(event))

    return listener


def _quiet(event: Event) -> None:
    if event.kind == "warning":
        printing.err(_sentence(event))


def _plain_line(context: Context, ci: Ci) -> Listener:
    tally = _Tally()

    def listener(event: Event) -> None:
        if event.kind == "planned":  # not before: it must not fold the plan, nor perhaps a question
            ci.fold(f"voicectl {context.command}: {counted(event.total, 'change')}")
        tally.hear(event)
        told = event.kind in _TOLD and (event.kind != "started" or context.verbose)
        if told or _told_of_limit(event, context):
            count = f" ({tally.ended} of {tally.changes})" if event.kind in ("done", "failed") else ""
            printing.err(_sentence(event) + count)

    return listener


def _sentence(event: Event) -> str:
    detail = f": {terminal(event.detail)}" if event.detail else ""
    if event.kind == "verifying":
        return "verifying: looking at the account again"
    if event.kind == "limit":
        return f"requests: {event.detail}"
    what = " ".join(part for part in (event.action, event.kind) if part)
    return (f"{event.name}: " if event.name else "") + what + detail


@contextmanager
def _display(context: Context) -> Iterator[Listener]:
    """How many of all changes are done, bytes, time left, the current limit, and what is retried and why.

    Failures and warnings stay as lines above it.
    """
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Bars(Progress):
        """Bars with a line below them."""

        def get_renderables(self) -> Iterator[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            if tally.note:
                yield Text(tally.note, no_wrap=True, overflow="ellipsis")

    tally = _Tally()
    console = Console(file=sys.stderr, no_color=context.no_color or None, highlight=False, markup=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bar = Bars(*columns, console=console, transient=True, speed_estimate_period=_SPEED_WINDOW)
    try:
        voices = bar.add_task("planning", total=None)
        bytes_bar = bar.add_task("uploading", total=None, visible=False)

        def listener(event: Event) -> None:
            if event.kind == "planned":
                bar.start()  # not before: until then a question may be on the screen
            if event.kind in _LASTING or (event.kind == "retrying" and not tally.changes):
                console.print(redacted(_sentence(event)), emoji=False)
            elif _told_of_limit(event, context):
                console.print(_sentence(event))
            tally.hear(event)
            bar.update(voices, description=tally.voices, total=tally.changes or None, completed=tally.ended)
            if tally.total:
                bar.update(bytes_bar, description=tally.bytes, total=tally.total, completed=tally.sent, visible=True)

        yield _while_there(listener)
    finally:
        with suppress(OSError):
            bar.stop()


def _while_there(listener: Listener) -> Listener:
    """A listener that stops once its terminal is gone: the run has more to lose than a display."""
    gone = False

    def hear(event: Event) -> None:
        nonlocal gone
        if not gone:
            try:
                listener(event)
            except OSError:
                gone = True

    return hear


class _Tally:
    """What the display counts."""

    def __init__(self) -> None:
        self.changes = self.ended = self.failed = self.total = self.sent = 0
        self.limit = 0
        self.verifying = False
        self.note = ""
        """What is retried just now, and why; the newest of several. The display's own thread reads it."""
        self._retrying: dict[str, str] = {}
        self._uploads: dict[str, tuple[int, int]] = {}

    def hear(self, event: Event) -> None:
        if event.kind == "request":
            return  # it says nothing about how far a voice is
        if event.kind == "planned":
            self.changes, self.total = event.total, event.sent
        elif event.kind in ("done", "failed"):
            self.ended += 1
            self.failed += event.kind == "failed"
        elif event.kind == "uploading":
            before, _ = self._uploads.get(event.name, (0, 0))
            self._uploads[event.name] = (event.sent, event.total)
            self.sent += event.sent - before
        elif event.kind == "limit":
            self.limit = event.limit
        self.verifying = self.verifying or event.kind == "verifying"
        self._note(event)

    def _note(self, event: Event) -> None:
        # Whatever a voice does next, its retry is over. A retry for no voice is over at any sign of life.
        if event.kind != "limit":
            self._retrying.pop(event.name, None)
            self._retrying.pop("", None)
        if event.kind == "retrying":
            self._retrying[event.name] = redacted(_sentence(event))
        count = f"{len(self._retrying)} retries; " if len(self._retrying) > 1 else ""
        self.note = count + next(reversed(self._retrying.values())) if self._retrying else ""

    @property
    def voices(self) -> str:
        if self.verifying:
            return "verifying"
        if not self.changes:
            return "planning"
        limit = f" · {self.limit} at a time" if self.limit else ""
        failed = f" · {self.failed} failed" if self.failed else ""
        return f"{self.ended} of {self.changes} changes{failed}{limit}"

    @property
    def bytes(self) -> str:
        return f"uploaded {megabytes(self.sent)} of {megabytes(self.total)}"


def megabytes(size: int) -> str:
    """Bytes for people."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.0f} kB"
