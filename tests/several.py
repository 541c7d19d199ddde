"""Several commands in one process, which is to begin only once: `several.py '[["plan"], ["apply", "--yes"]]'`.

Prints a JSON list with the exit code, the output and the errors of each.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys

from voicectl.cli.main import main


def run(arguments: list[str]) -> tuple[int, str, str]:
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    return code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode()


if __name__ == "__main__":
    json.dump([run(arguments) for arguments in json.loads(sys.argv[1])], sys.stdout)
