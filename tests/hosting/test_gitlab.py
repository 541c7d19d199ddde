"""The same loop on GitLab, with the jobs of examples/gitops/.gitlab-ci.yml."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import KEY, Done, Hand
from tests.hosting.conftest import put_example
from tests.hosting.gitlab_service import PROJECT, GitLabService
from tests.hosting.runner import REAL
from tests.hosting.service import git
from tests.warm import warm


def _extended(pipeline: dict[str, Any], name: str) -> dict[str, Any]:
    """A job with what it extends (docs.gitlab.com, "CI/CD YAML syntax reference", `extends`)."""
    job = dict(pipeline[name])
    return {**_extended(pipeline, job["extends"]), **job} if "extends" in job else job


class Pipelines:
    """Runs jobs of the pipeline, each in a clone of its own, with GitLab's variables."""

    def __init__(self, service: GitLabService, hand: Hand, directory: Path) -> None:
        self.service, self.hand, self.directory = service, hand, directory
        self.token = service.project_token()
        self.number = 0
        self.path = f"{warm().on_path()}:{REAL}:/usr/local/bin:/usr/bin:/bin"
        self.work = directory

    def job(self, name: str, **variables: str) -> Done:
        """One job, for production."""
        self.number += 1
        self.work = self.directory / f"job-{self.number}"
        git(self.directory, "clone", "-q", str(self.service.bare), str(self.work))
        if "CI_MERGE_REQUEST_IID" in variables:
            git(self.work, "checkout", "-q", "--detach", f"origin/{variables['CI_MERGE_REQUEST_SOURCE_BRANCH_NAME']}")
        text = (self.work / ".gitlab-ci.yml").read_text(encoding="utf-8")
        job = _extended(yaml.safe_load(text), name)
        environment = {
            "PATH": self.path,
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_SERVER_URL": self.service.url,
            "CI_API_V4_URL": f"{self.service.url}/api/v4",
            "CI_PROJECT_ID": PROJECT,
            "CI_PROJECT_PATH": self.service.name,
            "CI_DEFAULT_BRANCH": "main",
            "CI_COMMIT_SHA": git(self.work, "rev-parse", "HEAD").strip(),
            "CI_PIPELINE_URL": f"{self.service.url}/pipelines/1",
            "GITLAB_TOKEN": self.token,
            "FISH_API_URL": self.hand.emulator.url,
            "FISH_API_KEY": KEY if name != "plan" else "",
            "VOICECTL_ENV": "production",
            **job.get("variables", {}),
            **variables,
        }

        def run(lines: list[str]) -> subprocess.CompletedProcess[str]:
            script = "\n".join(["set -eo pipefail", *lines])
            return subprocess.run(
                ["bash", "-c", script], cwd=self.work, env=environment, capture_output=True, text=True, check=False
            )

        done, late = run(job["script"]), run(job.get("after_script", []))
        assert late.returncode == 0, late.stderr
        for secret in filter(None, (KEY, self.token)):
            assert secret not in done.stdout + done.stderr + late.stdout + late.stderr
        return Done(done.returncode, done.stdout, done.stderr + late.stderr)

    def plan(self, branch: str, number: int = 1) -> Done:
        base = git(self.service.bare, "merge-base", "main", branch).strip()
        return self.job(
            "plan", CI_MERGE_REQUEST_IID=str(number), CI_MERGE_REQUEST_DIFF_BASE_SHA=base,
            CI_MERGE_REQUEST_SOURCE_BRANCH_NAME=branch,
        )  # fmt: skip

    def apply(self) -> Done:
        return self.job("production", CI_COMMIT_BRANCH="main")

    def change(self, branch: str, old: str, new: str, file: str = "voices/game.yaml") -> None:
        work = self.directory / "laptop"
        if not work.exists():
            git(self.directory, "clone", "-q", str(self.service.bare), str(work))
        git(work, "fetch", "-q", "origin")
        git(work, "checkout", "-q", "-B", branch, "origin/main")
        path = work / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        git(work, "commit", "-qam", new)
        git(work, "push", "-qf", "origin", f"HEAD:{branch}")

    def lock(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.service.read("main", "voicectl.production.lock.json") or "{}")
        return value


@pytest.fixture
def pipelines(tmp_path: Path, hand: Hand) -> Iterator[Pipelines]:
    with GitLabService(tmp_path / "service") as service:
        put_example(service.bare)
        yield Pipelines(service, hand, tmp_path)


def test_plan_apply_and_drift(pipelines: Pipelines) -> None:
    service, hand = pipelines.service, pipelines.hand
    pipelines.apply().expect(0)
    ids = {name: voice["id"] for name, voice in pipelines.lock()["voices"].items()}
    assert set(ids.values()) == {model["_id"] for model in hand.models()}
    assert "[skip ci]" in git(service.bare, "log", "-1", "--format=%B", "main")
    assert git(service.bare, "log", "-1", "--format=%an", "main").strip() == "voicectl"

    pipelines.change("kind", "A gruff guard", "A kind guard")
    pipelines.plan("kind").expect(0)
    (note,) = service.comments
    assert "A kind guard" in note["body"]
    assert (pipelines.work / "voicectl-plan.md").is_file()
    pipelines.change("kind", "A gruff guard", "A calm guard")
    pipelines.plan("kind").expect(0)
    (note,) = service.comments
    assert "A calm guard" in note["body"]
    assert note["edits"] == 1

    git(service.bare, "update-ref", "refs/heads/main", "kind")  # main had moved: the merge is a fast-forward
    pipelines.apply().expect(0)
    assert pipelines.lock()["voices"]["gatekeeper"]["applied"]["description"].startswith("A calm guard")

    pipelines.job("drift").expect(0)
    hand.patch(ids["narrator"], title="Somebody's")
    pipelines.job("drift").expect(2)
    pipelines.job("drift").expect(2)
    (issue,) = service.issues
    assert issue["title"] == "voicectl: drift in acme.production"
    assert "Somebody's" in issue["description"]
    assert "<testsuite" in (pipelines.work / "voicectl-drift.xml").read_text(encoding="utf-8")
    pipelines.apply().expect(0)
    pipelines.job("drift").expect(0)
    assert service.issues[0]["state"] == "closed"


def test_a_merge_request_that_is_invalid_or_edits_the_lockfile(pipelines: Pipelines) -> None:
    pipelines.apply().expect(0)
    pipelines.change("broken", "audio: ../samples/gatekeeper-1.opus", "audio: /etc/passwd")
    assert "voices/game.yaml" in pipelines.plan("broken").expect(1).err
    assert "/etc/passwd" in pipelines.service.comments[-1]["body"]
    pipelines.change("sly", '"protect": true', '"protect": false', "voicectl.production.lock.json")
    pipelines.plan("sly", 2).expect(0)
    assert "narrator: protect changed" in pipelines.service.comments[-1]["body"]


def test_without_a_token_the_plan_is_in_log_and_artifact_only(pipelines: Pipelines) -> None:
    pipelines.change("kind", "A gruff guard", "A kind guard")
    pipelines.token = ""
    pipelines.path = f"{REAL}:/usr/local/bin:/usr/bin:/bin"
    done = pipelines.plan("kind").expect(0)
    assert "no comment was written: GITLAB_TOKEN is not set" in done.err
    assert "3 to create" in done.out


def test_an_edit_is_told_also_where_main_was_merged_into_the_branch(pipelines: Pipelines) -> None:
    pipelines.apply().expect(0)
    narrator = pipelines.lock()["voices"]["narrator"]["id"]
    pipelines.change("sly", narrator, "e" * 32, "voicectl.production.lock.json")
    pipelines.change("kind", "A gruff guard", "A kind guard")
    git(pipelines.service.bare, "update-ref", "refs/heads/main", "kind")
    pipelines.apply().expect(0)
    work = pipelines.directory / "laptop"
    git(work, "fetch", "-q", "origin")
    git(work, "checkout", "-q", "-B", "sly", "origin/sly")
    git(work, "merge", "-q", "--no-edit", "origin/main")
    git(work, "push", "-q", "origin", "sly")
    pipelines.plan("sly").expect(0)
    (note,) = pipelines.service.comments
    assert f"narrator: {narrator} becomes {'e' * 32}" in note["body"]
    assert "gatekeeper" not in note["body"].split("This changes the lockfile")[1], (
        "main's own changes are nobody's edit"
    )
