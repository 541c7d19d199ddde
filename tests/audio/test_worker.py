"""Work in processes that die or hang: every piece has exactly one result."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from voicectl.audio import worker
from voicectl.audio.worker import Processes
from voicectl.model.recording import Unheard


def work(given: tuple[str, int]) -> int:
    """Doubles a number; `die` and `hang` do what they say, `once` dies the first time only."""
    kind, number = given
    if kind == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "hang":
        time.sleep(600)
    if kind.startswith("/"):
        try:
            os.close(os.open(kind, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return number * 2
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "key":
        return int(any(os.environ.get(name) == "secret" for name in os.environ))
    if kind == "large":
        bytearray(worker.MEMORY + 1024**3)
    return number * 2


def results(given: dict[int, tuple[str, int]], workers: int = 2) -> dict[int, int | Unheard]:
    found = list(Processes(work, workers).each(given))
    assert len(found) == len(given)
    return dict(found)


def test_every_piece_has_its_result() -> None:
    assert results({n: ("", n) for n in range(30)}) == {n: 2 * n for n in range(30)}


def test_a_piece_that_kills_its_process_costs_nobody_elses_result() -> None:
    given = {n: ("die" if n in (3, 17) else "", n) for n in range(20)}
    found = results(given)
    assert {n for n, result in found.items() if isinstance(result, Unheard)} == {3, 17}
    assert all(found[n] == 2 * n for n in range(20) if n not in (3, 17))


def test_a_process_that_somebody_killed_is_replaced(tmp_path: Path) -> None:
    assert results({0: (str(tmp_path / "once"), 4), 1: ("", 5)}) == {0: 8, 1: 10}


def test_a_piece_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "PATIENCE", 4.0)
    found = results({0: ("", 1), 1: ("hang", 1), 2: ("", 3)})
    assert found[0] == 2
    assert found[2] == 6
    assert isinstance(found[1], Unheard)


@pytest.mark.skipif(sys.platform != "linux", reason="no other system bounds it reliably")
def test_a_piece_that_needs_too_much_memory_is_given_up() -> None:
    found = results({0: ("large", 0), 1: ("", 1)})
    assert found[0] == Unheard("needs more than 2 GiB of memory to decode", "export it again")
    assert found[1] == 2


def test_no_worker_has_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FISH_API_KEY", "GITHUB_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN"):
        monkeypatch.setenv(name, "secret")
    assert results({0: ("key", 0)}) == {0: 0}


def test_a_parent_that_was_killed_leaves_no_worker_behind() -> None:
    script = "from tests.audio import test_worker as t;list(t.Processes(t.work, 1).each({0: ('hang', 0)}))"
    # A pipe that all of them hold: it ends with the last one.
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE) as running:
        time.sleep(1.5)
        running.kill()
        assert running.stdout is not None
        assert select.select([running.stdout], [], [], 20)[0], "a worker lives on"
        assert running.stdout.read() == b""
