"""The real command in a process that gets a signal at its n-th call of a function: `interrupted_at.py N SIGNAL …`.

Calls are counted from the moment that voicectl looks after signals. At the end it says how many there were.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from voicectl import signals


def main(at: int, number: int, arguments: list[str]) -> None:
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        if event == "call" and threading.current_thread() is threading.main_thread():
            calls += 1
            if calls == at:
                os.kill(os.getpid(), number)

    sys.argv = ["voicectl", *arguments]
    signals.leave_at_once()
    sys.setprofile(count)
    try:
        from voicectl.cli.main import entry

        entry()
    finally:
        sys.setprofile(None)
        print(f"calls: {calls}", file=sys.stderr)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
