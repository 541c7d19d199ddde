"""The main job at size: apply N voices, then plan without a change, each as a process of its own.

    make bench ARGS="--voices 1000 --json result.json"

The emulator runs in a process beside it, over loopback TCP. Beside the times stands a control: how long a
bare client takes to send the same uploads to the same server, which no apply can be faster than.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

KEY = "key-of-the-benchmark"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voices", type=int, default=1000)
    parser.add_argument("--sample-bytes", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3, help="of the plan; the first is cold")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="voicectl-bench-") as directory:
        root = Path(directory)
        write_project(root, options.voices, options.sample_bytes)
        rows = measure(root, options)
    report(rows, options)


def write_project(root: Path, voices: int, size: int) -> None:
    (root / "voices").mkdir()
    (root / "samples").mkdir()
    (root / "voicectl.yaml").write_text("catalog: bench\n", encoding="utf-8")
    noise = random.Random(1)
    lines = ["voices:"]
    for number in range(voices):
        name = f"voice-{number:05}"
        with wave.open(str(root / f"samples/{name}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(noise.randbytes(size - size % 2))
        lines += [f"  {name}:", f"    title: Voice {number}", "    tags: [bench]"]
        lines += ["    samples:", f"      - {{audio: ../samples/{name}.wav, transcript: Words of {number}.}}"]
    (root / "voices/all.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def measure(root: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    rows = []
    with emulator(root.parent / f"{root.name}.db") as url:
        environ = {**os.environ, "FISH_API_URL": url, "FISH_API_KEY": KEY}
        rows.append({"what": "control: the same uploads by a bare client", **control(root, url)})
        for what, arguments in (
            ("apply", ["apply", "--yes", "--quiet"]),
            *(
                (f"plan without change, run {run}", ["plan", "--detailed-exitcode"])
                for run in range(1, options.runs + 1)
            ),
        ):
            request(f"{url}/_emulator/log", "DELETE")
            row = run_once(root, environ, arguments)
            entries = request(f"{url}/_emulator/log")["entries"]
            reads = sum(entry["method"] == "GET" for entry in entries)
            rows.append({"what": what, **row, "get": reads, "mutating": len(entries) - reads})
    return rows


def run_once(root: Path, environ: dict[str, str], arguments: list[str]) -> dict[str, Any]:
    """One run of voicectl."""
    return run_command([sys.executable, "-m", "voicectl", *arguments], root, environ)


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


def control(root: Path, url: str) -> dict[str, Any]:
    """Send every sample once by a raw socket client, four at a time, and delete what that made."""
    from concurrent.futures import ThreadPoolExecutor

    def send(path: Path) -> str:
        boundary = b"----bench"
        fields = {"type": "tts", "train_mode": "fast", "title": path.stem, "visibility": "private"}
        body = b"".join(
            b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, n.encode(), v.encode())
            for n, v in fields.items()
        )
        body += b'--%b\r\nContent-Disposition: form-data; name="voices"; filename="a.wav"\r\n\r\n' % boundary
        body += path.read_bytes() + b"\r\n--%b--\r\n" % boundary
        kind = "multipart/form-data; boundary=" + boundary.decode()
        return str(request(f"{url}/model", "POST", body, kind)["_id"])

    start = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(send, sorted((root / "samples").iterdir())))
    seconds = time.perf_counter() - start
    for model in ids:
        request(f"{url}/_emulator/models/{model}", "DELETE")
    return {"seconds": round(seconds, 2), "get": 0, "mutating": len(ids)}


def request(url: str, method: str = "GET", body: bytes | None = None, kind: str = "") -> Any:
    headers = {"Authorization": f"Bearer {KEY}"} | ({"Content-Type": kind} if kind else {})
    with urllib.request.urlopen(
        urllib.request.Request(url, data=body, headers=headers, method=method),
        timeout=60,
    ) as answer:
        data = answer.read()
    return json.loads(data) if data else None


@contextmanager
def emulator(database: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "voicectl", "--quiet", "emulator", "--port", "0", "--db", str(database)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)
        for path in database.parent.glob(f"{database.name}*"):
            path.unlink()


def report(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{options.voices} voices of one sample of {options.sample_bytes} bytes; {machine}")
    table(rows, ("what", "seconds", "cpu", "peak_mb", "get", "mutating"))
    if options.json:
        options.json.write_text(
            json.dumps({"machine": machine, "options": str(options), "rows": rows}, indent=2) + "\n"
        )


def table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    """Print rows in columns that line up."""
    texts = [columns, *(tuple(str(row.get(column, "-")) for column in columns) for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(columns))]
    for row in texts:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
