"""What a run shows while it works, on a terminal and in a log."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from tests.conftest import ROOT, Hand, Project
from voicectl.emulator.settings import Fault

pty = pytest.importorskip("pty", reason="needs a pseudo-terminal")


def on_a_terminal(project: Project, *arguments: str) -> str:
    """What a command writes to a terminal as wide as most, its control sequences taken out."""
    master, slave = pty.openpty()
    environ = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR", "TERM")}
    process = subprocess.Popen(
        [sys.executable, "-m", "voicectl", *arguments],
        cwd=project.root,
        env={**environ, **project.environ, "TERM": "xterm", "COLUMNS": "140"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=slave,
    )
    os.close(slave)
    written = b""
    with contextlib.suppress(OSError):  # Linux ends a pseudo-terminal with EIO
        while piece := os.read(master, 65536):
            written += piece
    os.close(master)
    assert process.wait(30) == 0, written.decode()
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())


def test_a_terminal_shows_how_far_it_is_at_what_pace_and_what_is_retried(project: Project, hand: Hand) -> None:
    project.config(concurrency=2)
    project.voices({f"v{i}": {} for i in range(6)})
    fault = Fault(kind="status", method=("POST",), path="/model", nth=(3,), status=429)
    hand.emulator.settings = replace(hand.emulator.settings, latency=150, rules=(fault,))
    shown = on_a_terminal(project, "apply", "--yes")
    assert "of 6 changes · 2 at a time" in shown
    assert "of 6 changes · 1 at a time" in shown, "the limit in force goes down with a refusal"
    assert re.search(r"uploaded [0-9.]+ kB of [0-9.]+ kB", shown)
    assert re.search(r"v\d: retrying: too many requests at once \(429\).*again in", shown)
    assert "verifying" in shown


def test_a_terminal_that_goes_away_does_not_end_the_run(project: Project, hand: Hand) -> None:
    project.config(concurrency=1)
    project.voices({f"v{i}": {} for i in range(8)})
    refused = Fault(kind="status", method=("POST",), path="/model", nth=(6,), status=400)
    hand.emulator.settings = replace(hand.emulator.settings, latency=100, rules=(refused,))
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "voicectl", "apply", "--yes"],
        cwd=project.root,
        env={**{k: v for k, v in os.environ.items() if k != "CI"}, **project.environ, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=slave,
    )
    os.close(slave)
    while len(hand.models()) < 2:
        os.read(master, 65536)
    os.close(master)
    assert process.wait(30) == 1
    assert len(project.lock["voices"]) == 7, "one was refused, and all others were made"


def test_a_twin_that_others_make_meanwhile_waits_for_a_plan_and_is_no_change_of_this_one(
    project: Project, hand: Hand
) -> None:
    project.config(concurrency=1)
    project.voices({"a": {}, "b": {}})
    hand.emulator.settings = replace(hand.emulator.settings, latency=200)
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/hurried.py"), "apply", "--yes"],
        cwd=project.root,
        env={**os.environ, **project.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not hand.models():
        time.sleep(0.02)
    twin = hand.create("Twin", tags=hand.models()[0]["tags"])
    told = process.communicate(timeout=30)[1]
    assert process.returncode == 1, told
    assert twin in {model["_id"] for model in hand.models()}
    (change,) = project.plan()["changes"]
    assert (change["action"], change["id"], change["reason"]) == ("retire", twin, "duplicate")
    assert "(2 of 2)" in told
    assert "(3 of 2)" not in told


def test_lines_of_a_log_count(project: Project) -> None:
    project.voices({"a": {}, "b": {}})
    lines = project.apply().err.splitlines()
    assert [line for line in lines if "create done" in line][-1].endswith("(2 of 2)")
