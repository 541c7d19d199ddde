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
import sys
import tempfile
import time
import wave
from pathlib import Path
from typing import Any

from tests.bench.process import account, emulator, request, run_command, table


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
        environ = account(url)
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


def control(root: Path, url: str) -> dict[str, Any]:
    """Send every sample once by a bare client (urllib), four at a time, and delete what that made."""
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


def report(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{options.voices} voices of one sample of {options.sample_bytes} bytes; {machine}")
    table(rows, ("what", "seconds", "cpu", "peak_mb", "get", "mutating"))
    if options.json:
        options.json.write_text(
            json.dumps({"machine": machine, "options": str(options), "rows": rows}, indent=2) + "\n"
        )


if __name__ == "__main__":
    main()
