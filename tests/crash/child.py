"""The real command in a process whose n-th save goes wrong: `child.py POINT N ARGUMENTS…`.

POINT is `before` (it kills itself before the bytes are written), `after` (once they are, before anything else)
or `full` (the disk is full from that save on). It waits less than the command does in earnest.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import Any

from tests.pauses import shorten
from voicectl import files
from voicectl.cli.main import main
from voicectl.state import file


def run(point: str, number: int, arguments: list[str]) -> int:
    write = files.replace_file
    saves = 0

    def counted(*arguments: Any, **options: Any) -> None:
        nonlocal saves
        if not options.get("durable"):  # who holds the lease, and what was saved before: no saves
            write(*arguments, **options)
            return
        saves += 1
        if saves == number and point == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if point == "full" and saves >= number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(*arguments, **options)
        if saves == number and point == "after":
            os.kill(os.getpid(), signal.SIGKILL)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    shorten()
    vars(file)["replace_file"] = counted
    if point == "full" and number == 1:
        vars(file)["prove_room"] = full
    code = main(arguments)
    print(f"saves: {saves}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
