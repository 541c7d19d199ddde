"""What starting costs, how fast samples are hashed, how many requests an action takes."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import peers
from tests.bench.process import VOICECTL, Row, account, emulator, log, quick, run
from tests.bench.projects import edit, write_project

ROUNDS = 20
ACME = Path(__file__).resolve().parents[2] / "examples" / "acme"
_HASH = (
    "import sys; from pathlib import Path; from voicectl.manifest.hashing import FileCache; "
    "FileCache(Path('nowhere')).facts(sys.argv[1:])"
)


def starts() -> list[Row]:
    """Medians of the time that small commands take, against an interpreter that does nothing.

    They take turns: a machine that is slower for a while is slower for all of them.
    """
    with tempfile.TemporaryDirectory(prefix="voicectl-bench-") as cache:
        # As an installed package has it: compiled once, whatever this environment says of bytecode.
        environ = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        project = Path(shutil.copytree(ACME, Path(cache) / "acme", ignore=shutil.ignore_patterns(".voicectl")))
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "voicectl --version": [*VOICECTL, "--version"],
            "voicectl validate (examples/acme, its cache cold)": [*VOICECTL, "validate", "--env", "production"],
        }
        times: dict[str, list[float]] = {what: [] for what in commands}
        for _ in range(ROUNDS + 1):
            for what, command in commands.items():
                shutil.rmtree(project / ".voicectl", ignore_errors=True)
                times[what].append(run(command, project, environ).seconds)
    nothing, *others = ((what, statistics.median(found[1:])) for what, found in times.items())
    rows = []
    for (what, seconds), goal in zip(others, (6, 20), strict=True):
        ratio = seconds / nothing[1]
        texts = f"{seconds * 1000:.0f} ms", f"{nothing[0]} {nothing[1] * 1000:.0f} ms"
        rows.append(Row(what, *texts, f"{ratio:.1f} ×", f"at most {goal} ×", ratio <= goal))
    return rows


def hashing(files: int, size: int) -> list[Row]:
    """Digests of cold samples against what openssl reaches on one core, times the cores."""
    with tempfile.TemporaryDirectory(prefix="voicectl-bench-") as directory:
        root = Path(directory) / "project"
        write_project(root, files, size)
        samples = sorted((root / "samples").iterdir())
        peer = peers.openssl(samples)
        start = quick(3, [sys.executable, "-c", _HASH], root, dict(os.environ))
        ours = quick(3, [sys.executable, "-c", _HASH, *map(str, samples)], root, dict(os.environ)) - start
    if peer is None:
        return []
    cores = os.cpu_count() or 1
    total = sum([size] * files) / 1e6
    share = (total / ours) / (cores * total / peer.seconds)
    texts = f"{total / ours:,.0f} MB/s", f"openssl {total / peer.seconds:,.0f} MB/s on one of {cores} cores"
    return [Row(f"hashing {files} samples of {size / 1e6:g} MB", *texts, f"{share:.0%} per core", "80 %", share >= 0.8)]


def requests(voices: int) -> list[Row]:
    """What the emulator's log says of each kind of action."""
    with tempfile.TemporaryDirectory(prefix="voicectl-bench-") as directory:
        place = Path(directory)
        root = write_project(place / "project", voices, 8000)
        (root / "voicectl.yaml").write_text("catalog: bench\nretain: 0\npolicy: {max_deletes: 100%}\n")
        with emulator(place / "account.db") as url:
            environ = account(url)

            def mutating(command: str = "apply") -> int:
                run([*VOICECTL, command, *(["--yes"] if command == "apply" else []), "--quiet"], root, environ)
                entries = log(url)
                return sum((entry["method"] == "GET") == (command == "plan") for entry in entries)

            rows = [_count("create", voices, mutating(), 2 * voices)]
            count = mutating("plan")
            rows.append(
                Row(
                    f"requests of a plan of {voices} voices",
                    str(count),
                    "-",
                    str(count),
                    f"at most {voices // 100 + 2}",
                    count <= voices // 100 + 2,
                )
            )
            edit(root, "title: Voice", "title: Changed")
            rows.append(_count("metadata update", voices, mutating(), voices))
            edit(root, "  voice-00000:", "  other:")
            log(url)
            rows.append(_count("create and prune at once", 1, mutating(), 3))
    return rows


def _count(what: str, actions: int, count: int, allowed: int) -> Row:
    each, goal = f"{count / actions:g} each", f"at most {allowed / actions:g} each"
    return Row(f"mutating requests of {actions} × {what}", str(count), "-", each, goal, count <= allowed)


MEASURES: dict[str, Callable[[], list[Row]]] = {
    "starts": starts,
    "hashing": lambda: hashing(40, 10_000_000),
    "requests": lambda: requests(300),
}
