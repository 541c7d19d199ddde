"""The review of a pull request: what its readers see, from the comment to the history, kept as golden files.

One recording changes, one voice is published, twenty descriptions change, and one voice is removed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import seen as golden
from tests.audio import sounds
from tests.conftest import Project
from tests.hosting.service import git
from tests.manifest.conftest import PNG

GOLDEN = Path(__file__).with_name("golden") / "review"
STAGING = {"title_suffix": " (staging)", "policy": {"max_visibility": "private"}}


def seen(name: str, text: str) -> None:
    golden.seen(GOLDEN / name, text)


def commit(project: Project, message: str) -> None:
    git(project.root, "add", "-A", ":!.voicectl", ":!page")
    git(project.root, "-c", "user.name=Ana", "commit", "-q", "-m", message)


def voices(project: Project) -> dict[str, Any]:
    crowd = {
        f"citizen-{number:02}": {"title": f"Citizen {number}", "description": "A voice of the crowd."}
        for number in range(1, 21)
    }
    return {
        "narrator": {
            "title": "The Narrator",
            "tags": ["english", "warm"],
            "samples": [{"audio": "../samples/narrator.wav", "transcript": "It was a bright cold day in April."}],
        },
        "host": {
            "title": "The Host",
            "cover_image": "../covers/host.png",
            "samples": [{"audio": project.sample("host.wav")}],
        },
        "jingle": {"title": "The Jingle", "samples": [{"audio": project.sample("jingle.wav")}]},
        **crowd,
    }


@pytest.fixture
def applied(project: Project) -> Project:
    """Both environments, applied and in Git."""
    environments: dict[str, Any] = {"staging": STAGING, "production": {}}
    project.config(environments=environments, policy={"max_deletes": 0})
    for name in ("covers", "samples"):
        (project.root / name).mkdir()
    (project.root / "covers/host.png").write_bytes(PNG)
    (project.root / "samples/narrator.wav").write_bytes(sounds.wav(sounds.part(sounds.speech(), 0, 12)))
    project.voices(voices(project))
    git(project.root, "init", "-q", "-b", "main")
    commit(project, "Our voices")
    for name in environments:
        project.apply("--env", name)
    commit(project, "Lockfiles")
    return project


def change(project: Project) -> dict[str, Any]:
    """What the pull request does."""
    (project.root / "samples/narrator-2.wav").write_bytes(sounds.wav(sounds.part(sounds.speech(), 1, 13)))
    made = voices(project)
    made["narrator"]["samples"] = [
        {"audio": "../samples/narrator-2.wav", "transcript": "It was a bright warm day in April."}
    ]
    made["host"]["visibility"] = "public"
    for name, voice in made.items():
        if name.startswith("citizen"):
            voice["description"] = "A voice of the market square."
    del made["jingle"]
    project.voices(made)
    return made


def test_a_review(applied: Project) -> None:
    project = applied
    change(project)
    commit(project, "Spring casting")

    comment = project.run("plan", "--env", "production", "--format", "markdown").expect(3).out
    seen("comment.md", comment)
    assert comment.index("1 to publish") < comment.index("A voice of the market square.")
    assert comment.count("A voice of the market square.") == 1, "twenty equal changes are one block"
    assert "samples/narrator-2.wav" in comment
    seen("plan.txt", project.run("plan", "--env", "production").expect(3).out)

    pytest.importorskip("jinja2", reason="voicectl[preview] is not installed")
    project.run("preview", "--env", "production", "--public", "--out", "page").expect(0)
    page = (project.root / "page/index.html").read_text(encoding="utf-8")
    assert page.count('<section class="card') == 23
    assert "<del>cold " in page
    assert "<ins>warm " in page
    recordings = {path.read_bytes() for path in (project.root / "page/audio").iterdir()}
    assert {(project.root / f"samples/{name}.wav").read_bytes() for name in ("narrator", "narrator-2")} <= recordings


def test_staging_refuses_to_publish_until_it_is_told_what_to_show(applied: Project) -> None:
    project = applied
    made = change(project)
    before = (project.root / "voicectl.staging.lock.json").read_bytes()
    refused = project.run("apply", "--env", "staging", "--yes", "--max-deletes", "1").expect(3)
    seen("staging.txt", refused.out + refused.err)
    assert (project.root / "voicectl.staging.lock.json").read_bytes() == before
    # The way out that the message names.
    config = project.config_of()
    config["environments"]["staging"]["voices"] = {"host": {"visibility": "private"}}
    project.write("voicectl.yaml", yaml.safe_dump(config))
    project.apply("--env", "staging", "--max-deletes", "1")
    project.settled("--env", "staging")
    assert made["host"]["visibility"] == "public"


def test_what_was_refused_is_allowed_once_and_stands_in_the_history(applied: Project) -> None:
    project = applied
    change(project)
    commit(project, "Spring casting")
    seen("production.txt", project.run("apply", "--env", "production", "--yes").expect(3).err)
    approved = project.apply("--env", "production", "--max-deletes", "1")
    assert re.search(r"Applied: \d+ changes done", approved.out)
    commit(project, "Lockfile after the approval")
    history = project.run("history", "--env", "production", "--format", "markdown").expect(0).out
    seen("history.md", "".join(line for line in history.splitlines(True) if "citizen-" not in line))
    seen("host.txt", project.run("history", "host", "--env", "production").expect(0).out)
