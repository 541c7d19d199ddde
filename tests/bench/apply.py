"""How near an apply comes to what the account allows, what large samples and starting cost.

    python -m tests.bench.apply --json result.json

The emulator runs in a process of its own, over loopback TCP. The bound of an apply is its creates x latency /
limit; its time is from the first create's arrival to the last one's answer. The whole run's time stands
beside it: the listings before and after it come one after the other, whatever the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.process import account, emulator, request, run_command, table

APPLY = [sys.executable, "-m", "voicectl", "apply", "--yes", "--quiet"]
ACME = Path(__file__).resolve().parents[2] / "examples" / "acme"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voices", type=int, default=500)
    parser.add_argument("--large-mb", type=int, default=50, help="of each of 20 samples")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(machine)
    results: dict[str, Any] = {
        "machine": machine,
        "apply": [apply(options.voices, 500, 5, 5), apply(options.voices, 1000, 50, "auto")],
        "memory": [memory(50_000), memory(options.large_mb * 1_000_000)],
        "start": starts(),
    }
    for rows in (results["apply"], results["memory"], results["start"]):
        print()
        table(rows, tuple(rows[0]))
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
        with emulator(root / "account.db", "--latency", str(latency), "--concurrency-limit", str(limit)) as url:
            run = run_command(APPLY, root, account(url))
            entries = request(f"{url}/_emulator/log")["entries"]
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
        with emulator(root / "account.db") as url:
            run = run_command(APPLY, root, account(url))
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


if __name__ == "__main__":
    main()
