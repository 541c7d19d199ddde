"""Catalogs and accounts of real sizes: what a plan of them asks of the provider, and that nothing is lost."""

from __future__ import annotations

import pytest

from tests.conftest import KEY, Hand, Project
from voicectl.emulator.entity import Draft, workspace_of


def reads(hand: Hand) -> int:
    assert hand.mutating() == []
    return len(hand.requests())


@pytest.mark.parametrize("files", [1, 10_000])
def test_ten_thousand_voices_in_one_file_or_in_as_many(project: Project, files: int) -> None:
    audio = project.sample("one.wav")
    names = [f"v{number:05}" for number in range(10_000)]
    for number in range(files):
        lines = [f"  {name}: {{title: {name}, samples: [{{audio: {audio}}}]}}" for name in names[number::files]]
        project.write(f"voices/{number}.yaml", "voices:\n" + "\n".join(lines) + "\n")
    plan = project.plan("--offline")
    assert plan["summary"]["create"] == 10_000
    assert [change["name"] for change in plan["changes"]] == names


def test_the_cost_of_a_plan_follows_the_catalog_not_the_account(project: Project, hand: Hand) -> None:
    """50,000 models of which ten are ours: N/100 + 2 requests at most."""
    project.voices({f"v{number}": {} for number in range(10)})
    project.apply()
    workspace = workspace_of(KEY)
    hand.store.create_many(Draft(workspace, f"Another {number}", tags=("theirs",)) for number in range(50_000))
    hand.emulator.log.clear()
    project.settled()
    assert reads(hand) <= 2
    project.lock_path.unlink()
    hand.emulator.log.clear()
    assert {change["action"] for change in project.plan()["changes"]} == {"refresh"}
    assert reads(hand) <= 2 + 10, "each found by its marks, and confirmed"
