"""The real command in a process that kills itself around its n-th save: `child.py POINT N ARGUMENTS…`.

POINT is `before` (the bytes are not written) or `after` (they are, and nothing else happened yet).
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from voicectl.cli.main import main
from voicectl.state import file


def run(point: str, number: int, arguments: list[str]) -> int:
    write = file.FileStore._write
    saves = 0

    def counted(self: Any, data: bytes) -> None:
        nonlocal saves
        saves += 1
        if saves == number and point == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, data)
        if saves == number and point == "after":
            os.kill(os.getpid(), signal.SIGKILL)

    file.FileStore._write = counted  # type: ignore[method-assign]
    code = main(arguments)
    print(f"saves: {saves}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
