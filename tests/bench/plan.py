"""Plans at size, over loopback TCP: caches cold (as in CI), warm, and with every voice changed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.bench import peers
from tests.bench.process import VOICECTL, Ask, Row, Run, account, bare, emulator, repeated, run
from tests.bench.projects import edit, write_project

PLAN = (*VOICECTL, "plan")
GOALS = {1000: (3, 5, 40), 5000: (6, 10, 20)}
"""By size: times faster than terraform cold, and warm, and percent of its memory."""


def measure(sizes: list[int], sample_bytes: int) -> list[Row]:
    """The rows of all sizes; growth is from the first to the last."""
    rows, cold = [], {}
    for size in sizes:
        found, cold[size] = _one_size(size, sample_bytes)
        rows += found
    if len(sizes) > 1:
        rows += _growth(sizes[0], cold[sizes[0]], sizes[-1], cold[sizes[-1]])
    return rows


def _one_size(size: int, sample_bytes: int) -> tuple[list[Row], Run]:
    with tempfile.TemporaryDirectory(prefix="voicectl-bench-") as directory:
        place = Path(directory)
        root = write_project(place / "project", size, sample_bytes)
        with emulator(place / "account.db") as url:
            environ = account(url)
            run([*VOICECTL, "apply", "--yes", "--quiet"], root, environ)
            pages = [
                Ask("GET", f"/model?self=true&page_size=100&page_number={number}&sort_by=created_at&tag=voicectl:bench")
                for number in range(1, -(-size // 100) + 1)
            ]
            control = f"{bare(url, pages)[0]:.2f} s"
            cold = repeated(3, PLAN, root, lambda: shutil.rmtree(root / ".voicectl", True), environ=environ)
            warm = repeated(3, PLAN, root, environ=environ)
            edit(root, "title: Voice", "title: Changed")
            changed = repeated(3, PLAN, root, lambda: shutil.rmtree(root / ".voicectl", True), environ=environ)
        peer = peers.terraform(root / "samples", place / "terraform") if size in GOALS else None
        other = peers.octodns(size, place / "octodns") if size in GOALS else None
    what = f"plan of {size:,} voices without change"
    rows = [_against(f"{what}, caches cold", cold, peer, GOALS.get(size, (None,))[0], control)]
    if size in GOALS:
        rows.append(_against(f"{what}, warm", warm, peer, GOALS[size][1], control))
        rows.append(_memory(what, cold, peer, GOALS[size][2]))
        if other is not None:
            rows.append(_against(f"{what}, caches cold", cold, other, None, control, "octoDNS"))
    ratio = changed.seconds / cold.seconds
    row = Row(
        f"plan of {size:,} voices, each changed",
        f"{changed.seconds:.2f} s",
        f"{cold.seconds:.2f} s unchanged",
        f"{ratio:.2f} ×",
        "at most 3 ×",
        ratio <= 3,
        control,
    )
    return [*rows, row], cold


def _against(what: str, ours: Run, peer: Run | None, goal: int | None, control: str, name: str = "terraform") -> Row:
    if peer is None:
        return Row(what, f"{ours.seconds:.2f} s", "-", "-", "-", True, control)
    faster = peer.seconds / ours.seconds
    wanted = f"{goal} × faster" if goal else "-"
    met = goal is None or faster >= goal
    return Row(
        what, f"{ours.seconds:.2f} s", f"{name} {peer.seconds:.2f} s", f"{faster:.1f} × faster", wanted, met, control
    )


def _memory(what: str, ours: Run, peer: Run | None, goal: int) -> Row:
    if peer is None:
        return Row(f"{what}: memory", f"{ours.peak_mb:.0f} MB", "-", "-", "-", True)
    share = 100 * ours.peak_mb / peer.peak_mb
    texts = f"{ours.peak_mb:.0f} MB", f"terraform {peer.peak_mb:.0f} MB", f"{share:.0f} %", f"at most {goal} %"
    return Row(f"{what}: memory", *texts, share <= goal)


def _growth(small: int, first: Run, large: int, last: Run) -> list[Row]:
    times = large / small
    what = f"from {small:,} to {large:,} voices"
    rows = []
    for name, unit, before, after in (
        ("time", "s", first.seconds, last.seconds),
        ("memory", "MB", first.peak_mb, last.peak_mb),
    ):
        growth = after / before
        texts = f"{after:.1f} {unit}", f"{before:.1f} {unit}", f"{growth:.1f} ×", f"at most {times:.0f} ×"
        rows.append(Row(f"growth of {name} {what}", *texts, growth <= times))
    return rows
