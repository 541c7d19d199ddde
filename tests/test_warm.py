"""What is started warm is like a process that was started for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.warm import warm

REAL = str(Path(sys.executable).parent)


def shell(script: str, project: Project, first: str) -> tuple[int, str, str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("VOICECTL_", "FISH_"))}
    environ |= {"PATH": f"{first}:{os.environ['PATH']}", "VOICECTL_ENV": "staging"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=project.root, env=environ, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "script",
    [
        "voicectl --version",
        "voicectl plan --detailed-exitcode",
        "VOICECTL_ENV=no voicectl plan",
        "cd voices && voicectl validate -v",
        "voicectl plan --format 'a b' ''",
        "voicectl help concepts | head -2; echo ${PIPESTATUS[*]}",
        "voicectl plan >plan.txt 2>&1; cat plan.txt; wc -c <plan.txt",
        "echo no | voicectl apply",
        "umask 077; voicectl plan --out plan.json >/dev/null; stat -c %a plan.json",
        "TZ=Asia/Tokyo voicectl completion bash | tail -1",
    ],
)
def test_streams_environment_directory_and_exit_code(local: Project, script: str) -> None:
    local.config(provider="emulator", environments={"production": None, "staging": None})
    local.voices({"a": {}})
    assert shell(script, local, warm().on_path()) == shell(script, local, REAL)


WAITING = """
import os, signal, sys, time
print(os.getpid(), *(int(signal.getsignal(n) == signal.SIG_IGN) for n in (1, 2, 15)), flush=True)
time.sleep(30)
"""


def waiting(local: Project, *, ignored: int | None = None) -> subprocess.Popen[str]:
    """A client on a PATH whose command waits: a script, which the client takes for the command."""
    script = local.write("waiting.py", WAITING)
    client = f"from tests.warm import client; client.COMMAND = {str(script)!r}; client.main({warm().address!r}, [])"
    return subprocess.Popen(
        [sys.executable, "-c", client], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=(lambda: signal.signal(ignored, signal.SIG_IGN)) if ignored else None,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_both(local: Project, number: signal.Signals) -> None:
    process = waiting(local)
    assert process.stdout is not None
    pid, *ignored = (int(word) for word in process.stdout.readline().split())
    assert ignored == [0, 0, 0]
    process.send_signal(number)
    process.communicate(timeout=10)
    assert process.returncode == -number
    assert gone(pid)


def test_what_is_ignored_stays_ignored(local: Project) -> None:
    process = waiting(local, ignored=signal.SIGHUP)
    assert process.stdout is not None
    pid, *ignored = (int(word) for word in process.stdout.readline().split())
    assert ignored == [1, 0, 0]
    process.send_signal(signal.SIGHUP)
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGTERM
    assert gone(pid)


def test_a_command_ends_with_its_client(local: Project) -> None:
    process = waiting(local)
    assert process.stdout is not None
    pid = int(process.stdout.readline().split()[0])
    process.kill()
    process.communicate(timeout=10)
    assert gone(pid)


def gone(pid: int) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False
