"""Random edits under random faults: whatever happens, one undisturbed apply afterwards puts everything right.

A short run is part of the tests; `make test-chaos` runs 500 schedules. Failing schedules are shrunk.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Project, hasten
from tests.crash.world import World
from voicectl.emulator.server import RunningEmulator
from voicectl.emulator.settings import Fault, Settings
from voicectl.engine import create, training
from voicectl.provider.fish.bounds import Patience
from voicectl.provider.fish.client import FishClient

EXAMPLES = int(os.environ.get("VOICECTL_CHAOS", "12"))
NAMES = ("a", "b", "c", "d")


@dataclass(frozen=True)
class Edit:
    """One change of one voice in Git; `value` chooses among titles, samples and so on."""

    name: str
    what: str
    value: int


@dataclass(frozen=True)
class Round:
    """Edits, then an apply under faults; `kill` ends it with SIGKILL at that request."""

    edits: tuple[Edit, ...]
    rules: tuple[Fault, ...]
    kill: int | None
    lose_lock: bool


edits = st.builds(
    Edit,
    st.sampled_from(NAMES),
    st.sampled_from(("there", "away", "title", "sample", "visibility", "tags", "cover")),
    st.integers(0, 2),
)
rules = st.builds(
    Fault,
    kind=st.sampled_from(("status", "reset_before", "reset_after", "reset_upload", "truncate", "html", "delay")),
    method=st.sampled_from((("POST",), ("PATCH",), ("GET",), ("POST", "PATCH"), ())),
    nth=st.one_of(st.just(()), st.tuples(st.integers(1, 4))),
    probability=st.sampled_from((0.2, 0.5, 1.0)),
    seed=st.integers(0, 99),
    times=st.integers(1, 3),
    after=st.booleans(),
    status=st.sampled_from((429, 500, 503)),
    ms=st.sampled_from((5.0, 30.0)),
)
rounds = st.builds(
    Round,
    st.lists(edits, min_size=1, max_size=5).map(tuple),
    st.lists(rules, max_size=3).map(tuple),
    st.one_of(st.none(), st.none(), st.none(), st.integers(1, 12)),
    st.sampled_from((False, False, False, True)),
)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same protocol with pauses of milliseconds."""
    quick = Patience(connect=2, read=5, first_pause=0.005, longest_pause=0.02, deadline=5)
    monkeypatch.setitem(FishClient.__init__.__kwdefaults__ or {}, "patience", quick)
    monkeypatch.setattr(create, "FIRST_PAUSE", 0.005)
    monkeypatch.setattr(training, "FIRST_LOOK", 0.01)
    hasten(monkeypatch, grace=0.05, looks=(0.0, 0.01))


def edited(voices: dict[str, dict[str, Any]], edit: Edit) -> None:
    if edit.what == "away":
        voices.pop(edit.name, None)
        return
    voice = voices.setdefault(edit.name, {})
    match edit.what:
        case "title":
            voice["title"] = f"Title {edit.value}"
        case "visibility":
            voice["visibility"] = ("private", "unlist", "private")[edit.value]
        case "tags":
            voice["tags"] = ["x", "y", "z"][: edit.value]
        case "sample":
            voice["sample"] = edit.value
        case "cover":
            voice["cover"] = edit.value


def write(project: Project, voices: dict[str, dict[str, Any]]) -> None:
    full = {}
    for name, voice in voices.items():
        rest = {key: value for key, value in voice.items() if key not in ("sample", "cover")}
        number = voice.get("sample", 0)
        if "cover" in voice:
            cover = f"covers/{voice['cover']}.png"
            project.write(cover, "").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes([voice["cover"]]) * 64)
            rest["cover_image"] = f"../{cover}"
        full[name] = {**rest, "samples": [{"audio": project.sample(f"{name}-{number}.wav")}]}
    project.voices({**full, "always": {}})


def wrong(emulator: RunningEmulator, project: Project, served: set[str]) -> Iterator[str]:
    """What is not as promised after an undisturbed apply."""
    if project.run("plan", "--detailed-exitcode").code != 0:
        yield "the plan is not empty\n" + project.run("plan").out
    lock = project.lock
    models = {model["_id"]: model for model in emulator.store.models()}
    known = {gone["id"] for entry in lock["removed"].values() for gone in entry["retired"]}
    for name, record in lock["voices"].items():
        known |= {record["id"], *(gone["id"] for gone in record["retired"])}
        if record["id"] not in models:
            yield f"{name} has no model"
        if any(tag.endswith(":retired") for tag in models.get(record["id"], {}).get("tags", [])):
            yield f"{name} is served by a retired model"
    yield from (
        f"{i} is unknown to the lock" for i, m in models.items() if "voicectl:acme" in m["tags"] and i not in known
    )
    markers = [tag for m in models.values() for tag in m["tags"] if tag.count(":") == 3]  # a retired twin is none
    yield from (f"twice {tag}" for tag in sorted(set(markers)) if markers.count(tag) > 1)
    yield from (f"{i} served after a successful apply and was lost" for i in sorted(served - models.keys()))


@given(st.lists(rounds, min_size=1, max_size=4))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    print_blob=True,
)
def test_one_apply_puts_everything_right(schedule: list[Round]) -> None:
    with tempfile.TemporaryDirectory(prefix="voicectl-chaos-") as directory:
        world = World(Path(directory) / "world")
        world.root.mkdir()
        with world.served() as emulator:
            project = world.project
            project.root.mkdir()
            project.config(policy={"max_deletes": 9, "max_replaces": 9}, concurrency=3)
            voices: dict[str, dict[str, Any]] = {}
            served: set[str] = set()
            for each in schedule:
                for edit in each.edits:
                    edited(voices, edit)
                write(project, voices)
                if each.lose_lock:
                    project.lock_path.unlink(missing_ok=True)
                disturbed(world, emulator, each)
                if settled(world, emulator):
                    served |= {record["id"] for record in project.lock["voices"].values()}
            emulator.settings = Settings()
            project.run("apply", "--yes", "--quiet").expect(0)
            assert list(wrong(emulator, project, served)) == []


def disturbed(world: World, emulator: RunningEmulator, each: Round) -> None:
    """An apply under a round's faults, however it ends; nothing but a sentence may come of it."""
    emulator.settings = replace(Settings(), rules=each.rules)
    if each.kill is not None:
        assert world.killer is not None
        world.killer.methods.clear()
        world.killed_at_request(each.kill, "after", "apply", "--yes", "--quiet")
        return
    done = world.project.run("apply", "--yes", "--quiet")
    assert done.code in (0, 1, 3), done.err
    assert "internal error" not in done.err, done.err


def settled(world: World, emulator: RunningEmulator) -> bool:
    """Whether an undisturbed plan is empty now."""
    emulator.settings = Settings()
    return world.project.run("plan", "--detailed-exitcode").code == 0
