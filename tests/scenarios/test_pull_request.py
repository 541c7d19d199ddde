"""A pull request's story, from the change to the lockfile; what people see of it is kept as golden files.

`make golden` writes them anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import seen as golden
from tests.conftest import KEY, Hand, Project
from tests.crash.world import World

GOLDEN = Path(__file__).with_name("golden") / "pull_request"


def seen(name: str, text: str) -> None:
    golden.seen(GOLDEN / name, text)


def sample(project: Project, name: str, text: str = "") -> dict[str, object]:
    return {"samples": [{"audio": project.sample(f"{name}.wav", text), "transcript": f"The words of {name}."}]}


def main_branch(project: Project) -> None:
    project.config(concurrency=1, policy={"max_deletes": 1, "max_replaces": 1})
    project.voices(
        {
            "narrator": {"title": "Acme Narrator", "tags": ["english", "warm"], **sample(project, "narrator")},
            "host": {"title": "Acme Host", "visibility": "unlist", **sample(project, "host")},
            "jingle": {"title": "Acme Jingle", **sample(project, "jingle")},
            "anchor": {"title": "Acme Anchor", **sample(project, "anchor")},
        }
    )
    project.apply()


def change(project: Project) -> None:
    """One create, one update, one replacement, one removal."""
    project.voices(
        {
            "narrator": {"title": "Acme Storyteller", "tags": ["english", "calm"], **sample(project, "narrator")},
            "host": {"title": "Acme Host", "visibility": "unlist", **sample(project, "host", "recorded anew")},
            "guide": {"title": "Acme Guide", "description": "For museums.", **sample(project, "guide")},
            "anchor": {"title": "Acme Anchor", **sample(project, "anchor")},
        }
    )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    with made.served():
        made.project.root.mkdir()
        yield made


@pytest.fixture
def hand(world: World) -> Iterator[Hand]:
    assert world.emulator is not None
    with httpx.Client(base_url=world.emulator.url, headers={"Authorization": f"Bearer {KEY}"}) as http:
        yield Hand(world.emulator, http)


def test_a_pull_request(world: World, hand: Hand) -> None:
    project = world.project
    main_branch(project)
    before = {name: record["id"] for name, record in project.lock["voices"].items()}

    # The author checks, and the pipeline writes its comment and keeps the plan.
    change(project)
    project.run("validate").expect(0)
    seen("offline.txt", project.run("plan", "--offline").expect(0).out)
    hand.emulator.log.clear()
    seen("comment.md", project.run("plan", "--format", "markdown", "--out", "plan.json").expect(0).out)
    assert hand.mutating() == []
    seen("plan.txt", project.run("show-plan", "plan.json").expect(0).out)

    # It is merged and applied; the runner dies when the second model is made, before it hears of it.
    assert world.killer is not None
    world.killer.methods.clear()
    assert world.killed_at_request(4, "after", "apply", "plan.json", "--yes") == -9
    assert [method for method, _ in hand.mutating()] == ["PATCH", "POST", "POST"]

    # The same file again finishes it: nothing twice, nothing lost.
    seen("finished.txt", project.run("apply", "plan.json", "--yes").expect(0).out)
    project.settled()
    after = {name: record["id"] for name, record in project.lock["voices"].items()}
    assert (after["narrator"], after["anchor"]) == (before["narrator"], before["anchor"])
    assert after["host"] != before["host"]
    assert project.lock["voices"]["host"]["retired"][0]["id"] == before["host"]
    assert project.lock["removed"]["jingle"]["retired"][0]["id"] == before["jingle"]
    assert len(hand.models()) == 6

    # The next change is planned, and somebody edits a voice in the web app before it is applied.
    text = (project.root / "voices/all.yaml").read_text()
    (project.root / "voices/all.yaml").write_text(text.replace("Acme Guide", "Acme City Guide"))
    project.run("plan", "--out", "plan.json").expect(0)
    hand.patch(after["guide"], title="Museum Guide")
    hand.emulator.log.clear()
    refused = project.run("apply", "plan.json", "--yes").expect(4)
    seen("stale.txt", refused.err)
    assert hand.mutating() == []
    seen("conflict.txt", project.run("plan").expect(3).out)

    # git revert of the first change brings both models back with their ids.
    change_back = text.replace("Acme Guide", "Museum Guide")
    (project.root / "voices/all.yaml").write_text(change_back)
    project.apply()
    main_voices = {"host": {"title": "Acme Host", "visibility": "unlist", **sample(project, "host")}}
    main_voices["jingle"] = {"title": "Acme Jingle", **sample(project, "jingle")}
    main_voices["narrator"] = {"title": "Acme Storyteller", "tags": ["english", "calm"], **sample(project, "narrator")}
    main_voices["anchor"] = {"title": "Acme Anchor", **sample(project, "anchor")}
    project.voices(main_voices)
    seen("reverted.md", project.run("plan", "--format", "markdown").expect(0).out)
    project.apply()
    back = {name: record["id"] for name, record in project.lock["voices"].items()}
    assert back == before
