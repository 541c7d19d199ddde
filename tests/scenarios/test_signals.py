"""Signals to real processes: at every moment the same exit code, one sentence, no traceback, and nothing goes on."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Hand, Project

CHILD = str(Path(__file__).with_name("interrupted_at.py"))
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def start(project: Project, *command: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=project.root,
        env={**os.environ, **project.environ},
        stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def caught(process: subprocess.Popen[str], number: int) -> bool:
    """Whether a process looks after a signal by now."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"SigCgt:\s*([0-9a-f]+)", status)
    return found is not None and bool(int(found[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("wait", [0, 0.01, 0.02, 0.03, 0.06, 0.08, 0.12, 0.2, 0.4, 0.8])
def test_a_signal_at_any_moment_ends_a_run_that_has_changed_nothing(
    project: Project, hand: Hand, number: int, wait: float
) -> None:
    project.voices({"a": {}})
    hand.emulator.settings = replace(hand.emulator.settings, latency=5000)
    process = start(project, "-m", "voicectl", "apply", "--yes")
    # SIGINT is Python's own until then; it and what it says before are not ours to change.
    until(lambda: caught(process, signal.SIGTERM))
    time.sleep(wait)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert err.count("interrupted") == 1
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert not hand.mutating()
    assert out == ""


def test_before_voicectl_is_there_python_ends_by_the_signal(project: Project) -> None:
    project.voices({"a": {}})
    for number in (signal.SIGTERM, signal.SIGHUP):
        process = start(project, "-m", "voicectl", "plan")
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        assert process.returncode in (-number, 130)
        assert "Traceback" not in err


def test_a_signal_at_any_call_of_a_function(local: Project) -> None:
    """Deterministic moments, from the first import to the last line; models are neither lost nor made twice."""
    local.voices({f"v{i}": {} for i in range(3)})
    whole = local.spawn_script(CHILD, "0", "15", "apply", "--yes", "--report", "json=r.json").expect(0)
    total = int(whole.err.rpartition("calls: ")[2])
    assert total > 10_000
    dice = random.Random(1)
    early = [dice.randrange(1, 2000) for _ in range(6)]
    for number, at in enumerate((*early, *(dice.randrange(2000, total - 200) for _ in range(24)))):
        local.voices({f"v{i}": {"title": f"Title {number}"} for i in range(3)})
        done = local.spawn_script(CHILD, str(at), str(ENDING[number % 3]), "apply", "--yes", "--report", "json=r.json")
        where = f"at call {at} of {total}: exit {done.code}\n{done.out}{done.err}"
        assert done.code == 130 or "calls: " in done.err, where
        assert done.code in (130, 0), where
        if done.code == 0:
            assert int(done.err.rpartition("calls: ")[2]) < at, where
        assert "Traceback" not in done.err, where
        assert "Exception ignored" not in done.err, where
        assert "never awaited" not in done.err, where
        assert done.err.count("error: interrupted") == (1 if done.code else 0), where
        assert "internal error" not in done.err, where
    local.apply()
    local.settled()
    names = [voice["name"] for voice in local.run("list", "--format", "json").json["voices"]]
    assert names == ["v0", "v1", "v2"]


@pytest.mark.parametrize("number", ENDING)
def test_what_is_ignored_at_the_start_stays_ignored(project: Project, hand: Hand, number: int) -> None:
    """As under `nohup`, and in a shell's background jobs."""
    project.voices({f"v{i}": {} for i in range(4)})
    hand.emulator.settings = replace(hand.emulator.settings, latency=150)

    def ignore() -> None:
        signal.signal(number, signal.SIG_IGN)

    process = start(project, "-m", "voicectl", "apply", "--yes", preexec_fn=ignore)
    while process.poll() is None:
        process.send_signal(number)
        time.sleep(0.02)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "interrupted" not in err
    assert len(hand.models()) == 4


LATE = """
import os, signal, sys
from voicectl import signals
from voicectl.cli import reports
from voicectl.cli.commands import apply as command
from voicectl.cli.log.json import JsonLog
from voicectl.engine import apply, verify
from voicectl.state.file import FileStore

def before(function):
    def wrapped(*arguments, **options):
        os.kill(os.getpid(), signal.SIGTERM)
        return function(*arguments, **options)
    return wrapped

match sys.argv.pop(1):
    case "save":  # the last one: of what was seen when the account was looked at again
        verified = verify.refresh
        def refresh(*arguments):
            FileStore.save = before(FileStore.save)
            arguments[1]._changes += 1
            return verified(*arguments)
        apply.refresh = refresh
    case "report":
        reports.write = before(reports.write)
    case "result":
        command._report = before(command._report)
    case "end":
        JsonLog.end = before(JsonLog.end)
from voicectl.cli.main import entry
entry()
"""


@pytest.mark.parametrize("moment", ["save", "result", "report", "end"])
def test_a_signal_after_the_run_takes_nothing_of_what_is_told(project: Project, hand: Hand, moment: str) -> None:
    project.voices({"a": {}, "b": {}})
    script = str(project.write("late.py", LATE))
    arguments = ("apply", "--yes", "--format", "json", "--report", "markdown=report.md", "--log-format", "json")
    done = project.spawn_script(script, moment, *arguments)
    assert done.code == (0 if moment == "end" else 130), done.err
    assert len(done.json["results"]) == 2
    assert [result["status"] for result in done.json["results"]] == ["done", "done"]
    assert re.search("2 (changes )?done", (project.root / "report.md").read_text(encoding="utf-8"))
    last = json.loads(done.err.splitlines()[-1])
    assert (last["event"], last["exit_code"]) == ("end", done.code)
    assert len(project.lock["voices"]) == len(hand.models()) == 2
    project.settled()


def test_ctrl_c_at_the_question_ends_the_run_at_once(project: Project, hand: Hand) -> None:
    pty = pytest.importorskip("pty", reason="needs a pseudo-terminal")
    project.voices({"a": {}})
    for number in ENDING:
        master, slave = pty.openpty()
        process = start(project, "-c", ASKING, stdin=slave)
        os.close(slave)
        assert process.stderr is not None
        while "Type 'yes'" not in (line := process.stderr.readline()):
            assert line, "it ended without asking"
        process.send_signal(number)
        _, err = process.communicate(timeout=10)
        os.close(master)
        assert process.returncode == 130
        assert err.count("interrupted") == 1
        assert "Traceback" not in err
        assert not hand.mutating()


ASKING = """
import sys
sys.argv = ["voicectl", "apply"]
from voicectl.cli import confirm
confirm.printing.in_ci = lambda: False
confirm.sys.stdout.isatty = lambda: True
from voicectl.cli.log.text import TextLog
TextLog.question = lambda self, text: print(text, file=sys.stderr, flush=True)
from voicectl.__main__ import entry
entry()
"""

HANGING = """
import sys, time
sys.argv = ["voicectl", "validate"]
from voicectl.manifest.hashing import FileCache
def hang(self, path):
    print("reading", file=sys.stderr, flush=True)
    time.sleep(600)
FileCache._read = hang
from voicectl.__main__ import entry
entry()
"""


@pytest.mark.parametrize("number", ENDING)
def test_a_disk_that_hangs_holds_nobody_up(project: Project, number: int) -> None:
    project.voices({f"v{i}": {} for i in range(20)})
    process = start(project, "-c", HANGING)
    assert process.stderr is not None
    process.stderr.readline()
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "error: interrupted" in err
    assert time.monotonic() - began < 5
