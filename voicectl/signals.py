"""Signals that end a run: Ctrl-C, SIGTERM and a lost terminal, alike and at every moment.

One that is ignored when the process starts stays ignored: `nohup` and shells mean background jobs to live on.
Only the command line installs anything (`leave_at_once`, then `catch`); where it did not, as in tests that call
commands in their own process, Python's own handling stays as it is.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

INTERRUPTED = 130
"""The exit code for every one of them."""

By = Callable[[int], None]
"""Hears how many signals have come so far. Called in the main thread, between any two steps of it."""

_by: By | None = None
_count = 0


def leave_at_once() -> None:
    """From here on a signal ends the process in a word: nothing has begun that would have to be ended."""
    _install(_leave)


def catch() -> None:
    """From here on a signal goes to whoever hears it (`heard_by`), or is heard `later`."""
    global _by
    _by = later
    _install(_hear)
    sys.unraisablehook = _unraisable


def heard() -> bool:
    """Whether a signal has come, even if somebody swallowed its KeyboardInterrupt."""
    return _count > 0


def check() -> None:
    """Raise KeyboardInterrupt if a signal has come: what follows is not to begin."""
    if _count:
        raise KeyboardInterrupt


@contextmanager
def heard_by(by: By | None) -> Iterator[None]:
    """Within, signals go to `by`; None raises KeyboardInterrupt wherever the main thread is."""
    global _by
    before, _by = _by, by
    try:
        yield
    finally:
        _by = before


def later(count: int) -> None:
    """Hear a signal and go on: what is being done is short and better done whole. Another one raises."""
    if count > 1:
        raise KeyboardInterrupt


def over() -> None:
    """From here on the exit code is known, and signals don't change it; one that comes again leaves at once."""
    global _by
    end = _count + 1

    def leave(count: int) -> None:
        if count > end:
            os._exit(INTERRUPTED)

    _by = leave


def _install(handler: Any) -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _hear(number: int, frame: Any) -> None:
    global _count
    _count += 1
    if _by is None:
        raise KeyboardInterrupt
    _by(_count)


def _leave(number: int, frame: Any) -> None:
    words = " ".join((os.environ.get("VOICECTL_LOG_FORMAT", ""), *sys.argv)).replace("=", " ")
    if not words.startswith("json ") and "--log-format json" not in words:  # whose lines have not begun
        os.write(2, b"error: interrupted\n")
    os._exit(INTERRUPTED)


def _unraisable(found: Any) -> None:
    """Where Python can't raise it (in a destructor, say) it prints a traceback; `heard` knows all the same."""
    if not issubclass(found.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(found)
