"""Signals that end a run: Ctrl-C, SIGTERM and a lost terminal, alike and at every moment.

A signal that is ignored when the process starts stays ignored: `nohup` and shells want background jobs to live on. Only
the command line installs handlers (`leave_at_once`, then `catch`). Without it, as in tests that call commands in their
own process, Python's own handling stays.
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
"""Gets the number of signals so far. It runs in the main thread, between any two steps of it."""

_by: By | None = None
_count = 0


def leave_at_once() -> None:
    """From here on a signal ends the process with one line: there is nothing to clean up yet."""
    _install(_leave)


def catch() -> None:
    """From here on signals go to the function set by `heard_by`, or else to `later`."""
    global _by
    _by = later
    _install(_hear)
    sys.unraisablehook = _unraisable


def heard() -> bool:
    """Whether a signal has come, even if some code swallowed its KeyboardInterrupt."""
    return _count > 0


def check() -> None:
    """Raise KeyboardInterrupt if a signal has come. Call it before a step that must not begin then."""
    if _count:
        raise KeyboardInterrupt


@contextmanager
def heard_by(by: By | None) -> Iterator[None]:
    """Within this context signals go to `by`; None raises KeyboardInterrupt wherever the main thread is."""
    global _by
    before, _by = _by, by
    try:
        yield
    finally:
        _by = before


def later(count: int) -> None:
    """Go on after a first signal, for work that is short and better finished. A second one raises."""
    if count > 1:
        raise KeyboardInterrupt


def over() -> None:
    """From here on the exit code is final and a signal does not change it. A second one ends the process at once."""
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
    if not words.startswith("json ") and "--log-format json" not in words:  # a JSON log must not begin with this line
        os.write(2, b"error: interrupted\n")
    os._exit(INTERRUPTED)


def _unraisable(found: Any) -> None:
    """Python prints a traceback where it can't raise, in a destructor, say. `heard` knows of the signal all the
    same."""
    if not issubclass(found.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(found)
