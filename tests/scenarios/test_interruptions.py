"""Runs that are interrupted, that meet each other, or that can't save what they did."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Hand, Project
from tests.warm import warm
from voicectl.emulator.settings import Fault

CHILD = str(Path(__file__).resolve().parents[1] / "crash" / "child.py")


REAL = (sys.executable, "-m", "voicectl")


def start(project: Project, *arguments: str, command: tuple[str, ...] = REAL) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*command, *arguments],
        cwd=project.root,
        env={**os.environ, **project.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_new_work_saves_and_says_what_next(project: Project, hand: Hand, number: int) -> None:
    project.config(concurrency=2)
    project.voices({f"v{i}": {} for i in range(10)})
    hand.emulator.settings = replace(hand.emulator.settings, latency=300)
    process = start(project, "apply", "--yes")
    until(lambda: len(hand.models()) >= 2)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "run the same command again" in err
    assert "interrupted: requests in flight get up to 5 s to finish; again leaves at once" in err
    assert "not tried" in out
    made = len(hand.models())
    assert 2 <= made < 10, "what was in flight was finished, and nothing new begun"
    assert {record["id"] for record in project.lock["voices"].values()} == {model["_id"] for model in hand.models()}
    hand.emulator.settings = replace(hand.emulator.settings, latency=0)
    project.apply()
    assert len(hand.models()) == 10
    project.settled()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_planning_ends_it_with_130(project: Project, hand: Hand, number: int) -> None:
    project.voices({"a": {}})
    hand.emulator.settings = replace(hand.emulator.settings, latency=5000)
    process = start(project, "apply", "--yes")
    until(lambda: bool(hand.requests()), 30)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err


def test_a_second_signal_leaves_at_once_and_nothing_is_lost(project: Project, hand: Hand) -> None:
    project.config(concurrency=2)
    project.voices({f"v{i}": {} for i in range(4)})
    slow = Fault("delay", method=("POST",), ms=2000)
    hand.emulator.settings = replace(hand.emulator.settings, rules=(slow,))
    process = start(project, "apply", "--yes", "--quiet")
    until(lambda: ("POST", "/model") in hand.requests(), 30)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - began < 1.7, "it did not wait for the answers"
    hand.emulator.settings = replace(hand.emulator.settings, rules=())
    until(lambda: not hand.emulator.log.in_flight)
    project.apply()
    assert len(hand.models()) == 4
    project.settled()


def test_eight_runs_on_one_checkout(project: Project, hand: Hand) -> None:
    project.voices({f"v{i}": {} for i in range(5)})
    warmed = (f"{warm().on_path()}/voicectl",)
    runs = [start(project, "apply", "--yes", "--lock-timeout", "60", command=warmed) for _ in range(8)]
    for run in runs:
        _, err = run.communicate(timeout=90)
        assert run.returncode == 0, err
    assert len(hand.models()) == 5
    project.settled()


def test_eight_clones_on_one_account(project: Project, hand: Hand, tmp_path: Path) -> None:
    # Where a clone recorded the younger of two twins, its id changes, and `max_replaces` would count that.
    project.config(policy={"max_deletes": 9, "max_replaces": 9})
    project.voices({f"v{i}": {"visibility": "unlist"} for i in range(4)})
    clones = []
    for number in range(8):
        shutil.copytree(project.root, tmp_path / f"clone-{number}")
        clones.append(Project(tmp_path / f"clone-{number}", project.environ))
    runs = [start(clone, "apply", "--yes", "--quiet", command=(f"{warm().on_path()}/voicectl",)) for clone in clones]
    for run in runs:
        run.communicate(timeout=90)
        assert run.returncode in (0, 1)
    later = clones[3]
    later.run("apply", "--yes", "--quiet", "--recreate-missing").expect(0)
    later.settled()
    models = [model for model in hand.models() if "voicectl:acme" in model["tags"]]
    serving = [model for model in models if not any(tag.endswith(":retired") for tag in model["tags"])]
    assert sorted(model["title"] for model in serving) == ["V0", "V1", "V2", "V3"]
    assert {record["id"] for record in later.lock["voices"].values()} == {model["_id"] for model in serving}


def test_the_run_that_holds_the_lock_is_named_and_a_dead_one_holds_nothing(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    hand.emulator.settings = replace(hand.emulator.settings, latency=1500)
    holder = start(project, "apply", "--yes")
    until(lambda: bool(hand.requests()))
    refused = project.spawn("apply", "--yes").expect(4)
    assert f"pid {holder.pid}" in refused.err
    assert "--lock-timeout" in refused.err
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    hand.emulator.settings = replace(hand.emulator.settings, latency=0)
    project.apply()


def test_a_disk_that_is_full_before_the_first_change(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    done = project.spawn_script(CHILD, "full", "1", "apply", "--yes").expect(1)
    assert "No space left" in done.err
    assert not hand.mutating()


def test_a_disk_that_fills_up_half_way(project: Project, hand: Hand) -> None:
    project.config(concurrency=1)
    project.voices({f"v{i}": {} for i in range(12)})
    hand.emulator.settings = replace(hand.emulator.settings, latency=100)
    done = project.spawn_script(CHILD, "full", "2", "apply", "--yes").expect(1)
    made = {model["_id"] for model in hand.models()}
    assert 0 < len(made) < 12, "the run stopped at once"
    assert all(model in done.out for model in made), "every id that is not on disk is printed"
    hand.emulator.settings = replace(hand.emulator.settings, latency=0)
    project.apply()
    assert made <= {record["id"] for record in project.lock["voices"].values()}
    assert len(hand.models()) == 12
    project.settled()


def test_a_destroy_saves_once_for_many_models(project: Project, hand: Hand) -> None:
    project.voices({f"v{i:02}": {} for i in range(60)})
    project.apply()
    done = project.spawn_script(CHILD, "after", "0", "destroy", "--confirm", "acme").expect(0)
    assert hand.models() == []
    saves = int(done.err.rpartition("saves: ")[2])
    assert saves <= 12, "two groups, and what half a second at a time adds"


@pytest.mark.parametrize("command", ["apply --yes", "pull", "state rebuild --yes"])
def test_what_waits_for_another_run_reads_the_files_afterwards(project: Project, command: str) -> None:
    """Files are read under the lease: before, they may be of another time."""
    project.voices({"a": {"title": "Before"}})
    project.apply()
    script = project.write("script.py", READING)
    done = project.spawn_script(str(script), *command.split()).expect(0)
    order = [line for line in done.err.splitlines() if line in ("lease", "manifests", "clock")]
    assert order[0] == "lease", order
    assert order.index("lease") < order.index("manifests")
    if command.startswith("apply"):
        assert order.index("lease") < order.index("clock")


READING = """
import sys
from voicectl.manifest import load
from voicectl.state import codec
from voicectl.state.file import FileStore

def saying(word, function):
    def wrapped(*arguments, **options):
        print(word, file=sys.stderr)
        return function(*arguments, **options)
    return wrapped

FileStore.lease = saying("lease", FileStore.lease)
load.load_all = saying("manifests", load.load_all)
codec.now = saying("clock", codec.now)
from voicectl.__main__ import entry
entry()
"""


def test_an_apply_that_waited_applies_what_is_there_by_then(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    hand.emulator.settings = replace(hand.emulator.settings, latency=400)
    first = start(project, "apply", "--yes")
    until(lambda: bool(hand.mutating()), 30)
    second = start(project, "apply", "--yes", "--lock-timeout", "60")
    assert second.stderr is not None
    assert "waiting up to 60 s for another run" in second.stderr.readline()
    project.voices({"a": {}, "b": {}})
    hand.emulator.settings = replace(hand.emulator.settings, latency=0)
    first.communicate(timeout=60)
    _, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert sorted(project.lock["voices"]) == ["a", "b"]
