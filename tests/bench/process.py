"""What the benchmarks share: processes, timed from outside, and the emulator in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

KEY = "key-of-the-benchmark"


def account(url: str) -> dict[str, str]:
    """The environment in which voicectl works in an emulated account."""
    return {**os.environ, "FISH_API_URL": url, "FISH_API_KEY": KEY}


def run_command(command: list[str], root: Path, environ: dict[str, str]) -> dict[str, Any]:
    """One process: seconds, and its peak memory as the operating system counts it."""
    start = time.perf_counter()
    # Installed packages have their bytecode; a machine that forbids to write it would be measured compiling.
    environ = {key: value for key, value in environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command} ended with {process.returncode}")
    return {
        "seconds": round(seconds, 2),
        "cpu": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mb": usage.ru_maxrss // 1024,
    }


def request(url: str, method: str = "GET", body: bytes | None = None, kind: str = "") -> Any:
    """A bare request; the answer's JSON, or None."""
    headers = {"Authorization": f"Bearer {KEY}"} | ({"Content-Type": kind} if kind else {})
    with urllib.request.urlopen(
        urllib.request.Request(url, data=body, headers=headers, method=method),
        timeout=60,
    ) as answer:
        data = answer.read()
    return json.loads(data) if data else None


@contextmanager
def emulator(database: Path, *options: str) -> Iterator[str]:
    """The emulator on a free port, in a process of its own; its address. Its database goes with it."""
    command = [sys.executable, "-m", "voicectl", "--quiet", "emulator", "--port", "0", "--db", str(database), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)
        for path in database.parent.glob(f"{database.name}*"):
            path.unlink()


def table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    """Print rows in columns that line up."""
    texts = [columns, *(tuple(str(row.get(column, "-")) for column in columns) for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(columns))]
    for row in texts:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
