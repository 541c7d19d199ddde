"""How near an apply comes to what the account allows, and what large samples cost.

The bound of an apply is its creates x latency / limit; its time is from the first create's arrival to the
last one's answer. The whole run's time stands beside it: listings before and after it come on top.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.process import VOICECTL, Row, account, bare, creation, emulator, log, run
from tests.bench.projects import write_large, write_project

APPLY = (*VOICECTL, "apply", "--yes", "--quiet")


def measure(voices: int, large_mb: int) -> list[Row]:
    """Two applies of many creates, and one voice with large samples."""
    rows = _creates(voices, 500, 5, 5, 0.95)
    rows += _creates(voices, 1000, 50, "auto", 0.85)
    return [*rows, _memory(large_mb)]


def _creates(voices: int, latency: int, limit: int, concurrency: int | str, goal: float) -> list[Row]:
    """One apply of so many creates against an account with this latency (ms) and limit."""
    with tempfile.TemporaryDirectory(prefix="voicectl-bench-") as directory:
        place = Path(directory)
        root = write_project(place / "project", voices, 8000, concurrency)
        options = ("--latency", str(latency), "--concurrency-limit", str(limit))
        with emulator(place / "account.db", *options) as url:
            whole = run(APPLY, root, account(url))
            entries = log(url)
        with emulator(place / "control.db", *options) as url:
            audio = (root / "samples/voice-00000.wav").read_bytes()
            control, _ = bare(url, [creation(str(number), audio) for number in range(voices)], limit)
    creates = [entry for entry in entries if entry["method"] == "POST"]
    seconds = max(e["started"] + (e["duration"] or 0) for e in creates) - min(e["started"] for e in creates)
    bound = voices * latency / 1000 / limit
    refused = sum(entry["status"] == 429 for entry in entries) / len(entries)
    what = f"{voices} creates, {latency} ms, limit {limit}, concurrency {concurrency}"
    rows = [
        Row(
            what,
            f"{seconds:.1f} s of creating",
            f"bound {bound:.1f} s",
            f"{bound / seconds:.1%} of it",
            f"{goal:.0%}",
            bound / seconds >= goal,
            f"{control:.1f} s",
        ),
        Row(
            f"{what}: the whole run",
            f"{whole.seconds:.1f} s",
            f"bound {bound:.1f} s",
            f"{bound / whole.seconds:.1%} of it",
            "-",
            True,
            f"{control:.1f} s",
        ),
    ]
    if concurrency == "auto":
        count = f"{refused:.2%}"
        rows.append(Row(f"{what}: answered 429", count, f"{len(entries)} requests", count, "under 2 %", refused < 0.02))
    return rows


def _memory(large_mb: int) -> Row:
    peaks = []
    for size in (50_000, large_mb * 1_000_000):
        with tempfile.TemporaryDirectory(prefix="voicectl-bench-") as directory:
            place = Path(directory)
            write_large(place / "project", 20, size)
            with emulator(place / "account.db") as url:
                peaks.append(run(APPLY, place / "project", account(url)).peak_mb)
    small, large = peaks
    texts = f"{large:.0f} MB", f"{small:.0f} MB with 20 of 50 kB", f"{large - small:+.0f} MB", "at most +40 MB"
    return Row(f"memory of an apply, 20 samples of {large_mb} MB", *texts, large - small <= 40)
