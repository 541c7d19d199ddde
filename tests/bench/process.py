"""What the benchmarks share: processes timed from outside, the emulator in one of its own, a bare client."""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

KEY = "key-of-the-benchmark"
VOICECTL = (sys.executable, "-m", "voicectl")


@dataclass(frozen=True)
class Run:
    """One process: seconds, of them on a processor, and its peak memory in MB as the system counts it."""

    seconds: float
    cpu: float
    peak_mb: float


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure of ours beside a peer's, measured in the same run.

    `ratio` is what the goal speaks of. `control` is what a bare client takes against the same server.
    """

    measure: str
    ours: str
    peer: str
    ratio: str
    goal: str
    met: bool
    control: str = "-"


def account(url: str) -> dict[str, str]:
    """The environment in which voicectl works in an emulated account."""
    return {**os.environ, "FISH_API_URL": url, "FISH_API_KEY": KEY}


def run(
    command: Sequence[str], root: Path, environ: dict[str, str] | None = None, codes: tuple[int, ...] = (0,)
) -> Run:
    """Run a command to its end."""
    start = time.perf_counter()
    # Installed packages have their bytecode; a machine that forbids to write it would be measured compiling.
    environ = {key: value for key, value in (environ or os.environ).items() if key != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        sys.exit(f"{command} ended with {process.returncode}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def median(runs: Sequence[Run]) -> Run:
    """The run of the median time, with the largest peak of all."""
    middle = sorted(runs, key=lambda one: one.seconds)[len(runs) // 2]
    return Run(middle.seconds, middle.cpu, max(one.peak_mb for one in runs))


def repeated(
    times: int, command: Sequence[str], root: Path, before: Callable[[], Any] = lambda: None, **options: Any
) -> Run:
    """The median of several runs, with something done before each."""
    runs = []
    for _ in range(times):
        before()
        runs.append(run(command, root, **options))
    return median(runs)


def quick(times: int, command: Sequence[str], root: Path, environ: dict[str, str]) -> float:
    """The median seconds of a small command; a first run warms it up."""
    return statistics.median([run(command, root, environ).seconds for _ in range(times + 1)][1:])


@contextmanager
def emulator(database: Path, *options: str) -> Iterator[str]:
    """The emulator on a free port, in a process of its own; its address. Its database goes with it."""
    command = [*VOICECTL, "--quiet", "emulator", "--port", "0", "--db", str(database), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)
        for path in database.parent.glob(f"{database.name}*"):
            path.unlink()


@dataclass(frozen=True)
class Ask:
    """One request of the bare client."""

    method: str
    path: str
    body: bytes = b""
    kind: str = "application/json"


def bare(url: str, asks: Sequence[Ask], at_once: int = 1) -> tuple[float, list[Any]]:
    """The control: these requests by http.client, so many at a time; seconds, and the answers' JSON."""
    parts = [asks[number::at_once] for number in range(at_once)]
    start = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        answers = [answer for part in pool.map(lambda part: _one_by_one(url, part), parts) for answer in part]
    return time.perf_counter() - start, answers


def _one_by_one(url: str, asks: Sequence[Ask]) -> list[Any]:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 80, timeout=60)
    answers = []
    for ask in asks:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": ask.kind}
        connection.request(ask.method, ask.path, ask.body or None, headers)
        answer = connection.getresponse()
        data = answer.read()
        if answer.status >= 400:
            sys.exit(f"{ask.method} {ask.path}: {answer.status}")
        answers.append(json.loads(data) if data else None)
    connection.close()
    return answers


def log(url: str) -> list[dict[str, Any]]:
    """The emulator's request log since it was last emptied; empties it."""
    entries: list[dict[str, Any]] = bare(url, [Ask("GET", "/_emulator/log")])[1][0]["entries"]
    bare(url, [Ask("DELETE", "/_emulator/log")])
    return entries


def creation(title: str, audio: bytes) -> Ask:
    """A bare create of one sample."""
    boundary = b"----bench"
    fields = {"type": "tts", "train_mode": "fast", "title": title, "visibility": "private"}
    body = b"".join(
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, n.encode(), v.encode())
        for n, v in fields.items()
    )
    body += b'--%b\r\nContent-Disposition: form-data; name="voices"; filename="a.wav"\r\n\r\n' % boundary
    body += audio + b"\r\n--%b--\r\n" % boundary
    return Ask("POST", "/model", body, "multipart/form-data; boundary=" + boundary.decode())


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| measure | voicectl | beside it | ratio | to reach | bare client |", "|---|---|---|---|---|---|"]
    for row in rows:
        ratio = row.ratio if row.met else f"**{row.ratio}** (not reached)"
        lines.append(f"| {row.measure} | {row.ours} | {row.peer} | {ratio} | {row.goal} | {row.control} |")
    return "\n".join(lines)
