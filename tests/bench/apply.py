"""How near an apply comes to what the account allows, what large samples and starting cost.

    python tests/bench/apply.py --json result.json

The emulator runs in a process of its own, over loopback TCP. The bound of an apply is its creates x latency /
limit; its time is from the first create's arrival to the last one's answer. The whole run's time stands
beside it: the listings before and after it come one after the other, whatever the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
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
ACME = Path(__file__).resolve().parents[2] / "examples" / "acme"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voices", type=int, default=500)
    parser.add_argument("--large-mb", type=int, default=50, help="of each of 20 samples")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(machine)
    results = {
        "machine": machine,
        "apply": [apply(options.voices, 500, 5, 5), apply(options.voices, 1000, 50, "auto")],
        "memory": [memory(50_000), memory(options.large_mb * 1_000_000)],
        "start": starts(),
    }
    for name in ("apply", "memory", "start"):
        table(results[name])  # type: ignore[arg-type]
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def apply(voices: int, latency: int, limit: int, concurrency: int | str) -> dict[str, Any]:
    """One apply of so many creates against an account with this latency (ms) and limit."""
    with project(concurrency) as root:
        lines = ["voices:"]
        for number in range(voices):
            write_wav(root / f"samples/{number}.wav", 8000, number)
            lines += [f"  voice-{number}:", f"    title: Voice {number}"]
            lines += [f"    samples: [{{audio: ../samples/{number}.wav, transcript: Words.}}]"]
        (root / "voices/all.yaml").write_text("\n".join(lines) + "\n")
        with emulator("--latency", str(latency), "--concurrency-limit", str(limit)) as url:
            run = run_once(root, url)
            entries = log(url)
    creates = [entry for entry in entries if entry["method"] == "POST"]
    seconds = max(e["started"] + (e["duration"] or 0) for e in creates) - min(e["started"] for e in creates)
    refused = sum(entry["status"] == 429 for entry in entries)
    bound = round(voices * latency / 1000 / limit, 2)
    return {
        "apply": f"{voices} creates, {latency} ms, limit {limit}, concurrency {concurrency}",
        "bound_s": bound,
        "creating_s": round(seconds, 2),
        "of_bound": f"{bound / seconds:.1%}",
        "whole_run_s": run["seconds"],
        "cpu_s": run["cpu"],
        "requests": len(entries),
        "429": refused,
        "429_share": f"{refused / len(entries):.2%}",
    }


def memory(size: int) -> dict[str, Any]:
    """Peak memory of an apply of one voice with 20 samples of so many bytes each."""
    with project(4) as root:
        lines = ["voices:", "  large:", "    title: Large", "    samples:"]
        for number in range(20):
            write_wav(root / f"samples/{number}.wav", size, number)
            lines += [f"      - {{audio: ../samples/{number}.wav, transcript: Words.}}"]
        (root / "voices/all.yaml").write_text("\n".join(lines) + "\n")
        with emulator() as url:
            run = run_once(root, url)
    return {"memory": f"one voice, 20 samples of {size:,} bytes", **run}


def starts() -> list[dict[str, Any]]:
    """Medians of the time that small commands take."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="voicectl-bench-") as cache:
        # As an installed package has it: compiled once, whatever this environment says of bytecode.
        environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": cache}
        for what, arguments in (
            ("python -c pass", ["-c", "pass"]),
            ("voicectl --version", ["-m", "voicectl", "--version"]),
            ("voicectl validate (examples/acme)", ["-m", "voicectl", "validate", "--env", "production"]),
        ):
            times = []
            for _ in range(12):
                begun = time.perf_counter()
                subprocess.run([sys.executable, *arguments], cwd=ACME, env=environ, check=True, capture_output=True)
                times.append(time.perf_counter() - begun)
            warm = times[1:]
            rows.append({"start": what, "median_ms": round(statistics.median(warm) * 1000), "cold": f"{times[0]:.3f}"})
    return rows


@contextmanager
def project(concurrency: int | str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="voicectl-bench-") as directory:
        root = Path(directory)
        (root / "voices").mkdir()
        (root / "samples").mkdir()
        (root / "voicectl.yaml").write_text(f"catalog: bench\nconcurrency: {concurrency}\n")
        yield root


def write_wav(path: Path, size: int, seed: int) -> None:
    """A wav file of about this size and at most some minutes, mostly a hole in the file system; no two alike."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, min(192_000, max(8000, size // 400)), 0, "NONE", ""))
        file.writeframes(seed.to_bytes(4, "little"))
    data = size - size % 2
    with path.open("r+b") as file:
        file.truncate(44 + data)
        file.seek(4)
        file.write((36 + data).to_bytes(4, "little"))
        file.seek(40)
        file.write(data.to_bytes(4, "little"))


@contextmanager
def emulator(*arguments: str) -> Iterator[str]:
    directory = Path(tempfile.mkdtemp(prefix="voicectl-bench-"))
    database = str(directory / "account.db")
    command = [sys.executable, "-m", "voicectl", "--quiet", "emulator", "--port", "0", "--db", database, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(directory)


def run_once(root: Path, url: str) -> dict[str, Any]:
    """`voicectl apply` as a process: its time and its peak memory as the operating system counts it."""
    environ = {**os.environ, "FISH_API_URL": url, "FISH_API_KEY": KEY}
    command = [sys.executable, "-m", "voicectl", "apply", "--yes", "--quiet"]
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"apply ended with {process.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"seconds": round(seconds, 2), "cpu": round(cpu, 2), "peak_mb": round(usage.ru_maxrss / 1024, 1)}


def log(url: str) -> list[dict[str, Any]]:
    request = urllib.request.Request(f"{url}/_emulator/log", headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        entries: list[dict[str, Any]] = json.load(answer)["entries"]
    return entries


def table(rows: list[dict[str, Any]]) -> None:
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    print()
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
