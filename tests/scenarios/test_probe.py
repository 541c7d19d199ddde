"""`doctor --live`: what it says of an account is what the account was set to do."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import Hand, Project
from voicectl.emulator.settings import Settings
from voicectl.engine import probe

WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"gone_status": 403},
    {"gone_status": 400},
    {"tag_filter": "no_colons"},
    {"tag_filter": "nothing"},
    {"patch_without_tags": "empty"},
    {"patch_empty_tags": "keep"},
    {"tag_length": 40},
    {"tag_count": 10},
    {"lower_tags": True},
    {"clean_tags": "nfkc"},
    {"colon_tags": "refuse"},
    {"colon_tags": "drop"},
    {"drop_tags": True},
)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "LAG", (0.0, 0.05, 0.1))


def probed(project: Project) -> dict[str, Any]:
    value: dict[str, Any] = project.run("doctor", "--live", "--yes", "--format", "json").expect(0).json
    return value


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_it_says_is_what_was_set(project: Project, hand: Hand, way: dict[str, Any]) -> None:
    hand.emulator.settings = replace(hand.emulator.settings, **way)
    project.voices({"a": {}})
    found = probed(project)
    assert found["settings"] == way
    assert {line["holds"] for line in found["assumptions"]} <= {"yes", "no", "unknown"}
    assert any(line["holds"] == "no" for line in found["assumptions"]) == bool(way)
    assert hand.models() == []
    Settings(**found["settings"])


def test_a_lag_is_measured(project: Project, hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    # By a clock that is five times as fast: what it calls 1.2 s is soon over.
    monkeypatch.setattr(probe, "time", SimpleNamespace(monotonic=lambda: 5 * time.monotonic()))
    monkeypatch.setattr(probe, "LAG", (0.0, 0.7 / 5, 0.7 / 5))
    hand.emulator.settings = replace(hand.emulator.settings, listing_lag=1.2 / 5, get_lag=1.1 / 5)
    project.voices({"a": {}})
    settings = probed(project)["settings"]
    assert 1.0 < settings["listing_lag"] < 4
    assert 1.0 < settings["get_lag"] < 4


def test_it_asks_first_and_names_its_model_before_anything_else(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    assert "--yes" in project.run("doctor", "--live").expect(3).err
    assert hand.mutating() == []
    done = project.run("doctor", "--live", "--yes").expect(0)
    assert "the probe's model is " in done.err
    assert "✓ the listing by marker finds the model" in done.out
    made = [path for method, path in hand.mutating() if method == "DELETE"]
    assert len(made) == 1


def test_what_a_killed_probe_left_is_deleted_by_the_next_only_if_its_id_was_written_down(
    project: Project, hand: Hand
) -> None:
    project.voices({"a": {}})
    known = hand.create("voicectl conformance probe 12345678")
    likely = hand.create("voicectl conformance probe 87654321")
    other = hand.create("Mine")
    (project.root / ".voicectl").mkdir()
    (project.root / ".voicectl/probe").write_text(known)
    done = project.run("doctor", "--live", "--yes").expect(0)
    assert {model["_id"] for model in hand.models()} == {likely, other}
    assert likely in done.err
    # An id that somebody else wrote there is no licence to delete what is no probe's.
    (project.root / ".voicectl/probe").write_text(other)
    project.run("doctor", "--live", "--yes").expect(0)
    assert other in {model["_id"] for model in hand.models()}


def test_plain_doctor_tells_what_it_fetches_anyhow(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    project.apply()
    done = project.run("doctor").expect(0)
    assert "requests at once" in done.out
    assert "listing" not in done.out
    hand.emulator.settings = replace(hand.emulator.settings, tag_filter="nothing")
    assert "the listing by tag does not show" in project.run("doctor").expect(0).out
    found = project.run("doctor", "--format", "json").expect(0).json
    assert {"listing"} <= {line["subject"] for line in found["findings"] if line["level"] == "warning"}
