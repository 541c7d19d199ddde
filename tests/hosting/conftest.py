"""A team's repository at a GitHub of the tests, its machines, and the account that it applies to."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import KEY, Hand
from tests.hosting.github_service import GitHubService
from tests.hosting.runner import ROOT, Event, Job, Kill, Runner, Settings
from tests.hosting.service import git

EXAMPLE = ROOT / "examples" / "gitops"


@dataclass
class Team:
    """What people do: clone, edit, push, open, merge. And what the hosting does then."""

    service: GitHubService
    runner: Runner
    directory: Path
    hand: Hand

    def clone(self, name: str = "laptop") -> Path:
        path = self.directory / name
        if not path.exists():
            git(self.directory, "clone", "-q", str(self.service.bare), str(path))
        return path

    def change(self, branch: str, files: Mapping[str, str | bytes | None], *, since: str = "origin/main") -> str:
        """A commit on a branch, pushed; the branch may exist. None takes a file away."""
        work = self.clone()
        git(work, "fetch", "-q", "origin")
        known = self.service.tip(branch)
        git(work, "checkout", "-q", "-B", branch, f"origin/{branch}" if known else since)
        for name, text in files.items():
            if text is None:
                git(work, "rm", "-q", name)
                continue
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(text.encode() if isinstance(text, str) else text)
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", f"Change {', '.join(files)}")
        git(work, "push", "-q", "origin", f"HEAD:refs/heads/{branch}")
        return git(work, "rev-parse", "HEAD").strip()

    def file(self, name: str, revision: str = "main") -> str:
        text = self.service.read(revision, name)
        assert text is not None, name
        return text

    def edited(self, name: str, old: str, new: str) -> dict[str, str | None]:
        text = self.file(name)
        assert old in text
        return {name: text.replace(old, new, 1)}

    def plan(self, number: int, *, fork: bool = False) -> list[Job]:
        """What the hosting does when a pull request is opened or pushed to."""
        head = self.service.head(number)
        sha = git(self.service.bare, "rev-parse", f"refs/pull/{number}/merge").strip()
        repository = {"full_name": "stranger/voices" if fork else self.service.name}
        payload = {
            "pull_request": {
                "number": number,
                "title": self.service.pull(number)["title"],
                "head": {"sha": head, "repo": repository},
                "base": {"sha": self.service.tip(), "ref": "main"},
            }
        }
        return self.runner.run(Event("pull_request", f"refs/pull/{number}/merge", sha, payload, fork))

    def merge(self, number: int) -> Event:
        return self.pushed(self.service.merge(number))

    def pushed(self, sha: str | None = None) -> Event:
        commit = sha or self.service.tip()
        assert commit
        return Event("push", "refs/heads/main", commit)

    def apply(self, event: Event | None = None, kill: Kill | None = None) -> list[Job]:
        """What a push to main sets off; without one, somebody starts the workflow by hand."""
        by_hand = Event("workflow_dispatch", "refs/heads/main", self.service.tip() or "")
        return [job for job in self.runner.run(event or by_hand, kill=kill) if job.name.startswith("apply")]

    def night(self) -> list[Job]:
        sha = self.service.tip()
        assert sha
        return self.runner.run(Event("schedule", "refs/heads/main", sha, {"schedule": "17 3 * * *"}))

    def lock(self, environment: str = "production", revision: str = "main") -> dict[str, Any]:
        text = self.service.read(revision, f"voicectl.{environment}.lock.json")
        value: dict[str, Any] = json.loads(text) if text else {"voices": {}}
        return value

    def ids(self, environment: str = "production", revision: str = "main") -> dict[str, str]:
        return {name: voice["id"] for name, voice in self.lock(environment, revision)["voices"].items()}

    def titles(self) -> list[str]:
        return sorted(model["title"] for model in self.hand.models())


def put_example(bare: Path) -> None:
    """Push examples/gitops to a bare repository, as a team copied it."""
    with tempfile.TemporaryDirectory() as directory:
        start = Path(directory) / "start"
        shutil.copytree(EXAMPLE, start, ignore=shutil.ignore_patterns(".voicectl"))
        git(start, "init", "-q", "-b", "main")
        git(start, "add", "-A")
        git(start, "commit", "-q", "-m", "Our voices")
        git(start, "push", "-q", str(bare), "main")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[GitHubService]:
    with GitHubService(tmp_path / "service") as running:
        yield running


@pytest.fixture
def both(service: GitHubService, hand: Hand, tmp_path: Path) -> Team:
    """The repository of examples/gitops, as a team copied it; nothing is applied yet."""
    put_example(service.bare)
    secrets = {"FISH_API_KEY": KEY}
    settings = Settings(environments={"voicectl": {"branches": ["main"], "secrets": secrets}})
    runner = Runner(service, tmp_path, settings, {"FISH_API_URL": hand.emulator.url})
    return Team(service, runner, tmp_path, hand)


@pytest.fixture
def team(both: Team) -> Team:
    """The same with one environment, production: where staging would show nothing new, it costs half of the time."""
    both.runner.narrowed = {"environment": ["production"]}
    name = ".github/workflows/apply.yml"
    staging = re.compile(r"      - name: Staging\n.*?(?=      - name: Production)", re.DOTALL)
    text, count = staging.subn("", both.file(name))
    assert count == 1
    work = both.clone("settings")
    (work / name).write_text(text, encoding="utf-8")
    git(work, "commit", "-qam", "Production only")
    git(work, "push", "-q", "origin", "main")
    return both


def passed(jobs: list[Job]) -> list[Job]:
    """The jobs that ran, none of which failed."""
    ran = [job for job in jobs if not job.skipped]
    assert ran, "nothing ran"
    for job in ran:
        assert not job.failed, f"{job.name}\n{job.log}"
    return ran
