"""The repository's own workflows: pinned, with the least rights, and free of text that others can write."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / ".github/workflows").glob("*.y*ml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")

WRITES = {
    ("release.yml", "provenance"): {"id-token", "attestations"},
    ("release.yml", "publish"): {"id-token"},
    ("release.yml", "github"): {"contents"},
}
"""Every right to write, by file and job."""


def load(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return value


def steps() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path in FILES:
        for name, job in load(path)["jobs"].items():
            for step in job.get("steps", []):
                yield path.name, name, step


def used() -> list[str]:
    return [use.strip() for path in FILES for use in re.findall(r"\buses:\s*(.+)", path.read_text(encoding="utf-8"))]


def test_there_are_workflows() -> None:
    assert {"ci.yml", "release.yml"} <= {path.name for path in FILES}
    assert len(used()) >= 10


def test_every_action_is_pinned_by_its_commit_and_says_its_version() -> None:
    assert not [use for use in used() if not use.startswith("./") and not PINNED.fullmatch(use)]


def test_an_action_is_the_same_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for use in used():
        name, _, pin = use.partition("@")
        pins.setdefault("/".join(name.split("/")[:2]), set()).add(pin)
    assert not {name: found for name, found in pins.items() if len(found) > 1}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_granted_that_is_not_needed(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for name, job in workflow["jobs"].items():
        granted = job.get("permissions", {})
        assert isinstance(granted, dict), f"{name}: name the rights one by one"
        assert {right for right, how in granted.items() if how == "write"} == WRITES.get((path.name, name), set())
        assert job["timeout-minutes"] <= 60


def test_no_expression_stands_in_a_script() -> None:
    """What an expression brings into a script is part of the script: a branch's name could be a command."""
    assert not [step["run"] for _, _, step in steps() if "${{" in step.get("run", "")]


def test_a_checkout_leaves_no_token_behind() -> None:
    checkouts = [step for _, _, step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_workflow_runs_strangers_code_with_rights_of_its_own() -> None:
    for path in FILES:
        # YAML 1.1 reads the key `on` as true.
        triggers = load(path).get(True) or load(path)["on"]  # type: ignore[call-overload]
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(triggers), path.name
        assert "secrets." not in path.read_text(encoding="utf-8"), path.name


def test_every_make_target_exists() -> None:
    made = {name for _, _, step in steps() for name in re.findall(r"^make ([\w-]+)", step.get("run", ""), re.M)}
    assert {"test", "check", "build", "test-release"} <= made
    rules = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert made <= set(rules)


def test_every_script_is_bash() -> None:
    for name, job, step in steps():
        if "run" in step:
            done = subprocess.run(["bash", "-n", "-c", step["run"]], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{name}: {job}: {done.stderr}"


def test_a_release_publishes_what_was_tested() -> None:
    """One job builds; the others take its files, and none of them runs before the tests are through."""
    jobs = load(ROOT / ".github/workflows/release.yml")["jobs"]
    order = [step.get("run", "") for step in jobs["build"]["steps"]]
    place = [next(i for i, run in enumerate(order) if words in run) for words in ("check", "make test", "make build")]
    place.append(next(i for i, run in enumerate(order) if "test-release DIST=dist" in run))
    assert place == sorted(place)
    for name, job in jobs.items():
        if name != "build":
            assert "build" in job["needs"]
            assert not any("checkout@" in step.get("uses", "") for step in job["steps"])
    assert jobs["publish"]["environment"] == "release"
    assert "publish" in jobs["github"]["needs"]
