"""Two branches that were both applied, merged by Git itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from tests.conftest import Project

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="needs git")


def git(project: Project, *arguments: str, code: int = 0) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *arguments], cwd=project.root, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def repository(project: Project) -> Project:
    project.voices({"a": {}}, file="voices/a.yaml")
    project.voices({"b": {}}, file="voices/b.yaml")
    project.apply()
    git(project, "init", "-q", "-b", "main")
    project.write(".gitattributes", "voicectl*.lock.json merge=voicectl\n")
    git(project, "config", "merge.voicectl.driver", f"{sys.executable} -m voicectl state merge %O %A %B")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "base")
    git(project, "branch", "other")
    return project


def commit(project: Project, name: str, **values: str) -> None:
    project.voices({name: values}, file=f"voices/{name}.yaml")
    project.apply()
    git(project, "add", "-A")
    git(project, "commit", "-qm", name)


def test_both_sides_land(repository: Project) -> None:
    commit(repository, "a", title="New A")
    commit(repository, "c")
    main = repository.lock
    git(repository, "checkout", "-q", "other")
    commit(repository, "b", title="New B")
    git(repository, "merge", "-q", "main", "-m", "merge")
    lock = repository.lock
    assert set(lock["voices"]) == {"a", "b", "c"}
    assert {name: lock["voices"][name]["id"] for name in main["voices"]} == {
        name: record["id"] for name, record in main["voices"].items()
    }
    repository.apply()
    repository.settled()


def test_two_models_for_one_name_are_a_conflict_for_a_person(repository: Project) -> None:
    commit(repository, "c")
    git(repository, "checkout", "-q", "other")
    lock = repository.lock
    lock["voices"]["c"] = json.loads(json.dumps(lock["voices"]["a"])) | {"id": "f" * 32}
    repository.lock_path.write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n")
    git(repository, "commit", "-qam", "by hand")
    assert "on one side and" in git(repository, "merge", "-q", "main", "-m", "merge", code=1)
    json.loads(repository.lock_path.read_text())
