"""A pull request wants files of the machine shown, or a run that never ends: with links and pipes in its tree."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.attacks.hostile_server import document, serving
from tests.conftest import KEY, Done, Hand, Project
from tests.hosting.service import git
from voicectl.provider.fish.uploads import HashedFile
from voicectl.provider.port import InputChanged, Upload

SECRET = "hunter2-of-the-machine"
SECONDS = 20.0
"""Whoever waits for a pipe's other end waits for ever."""


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory of the machine, with a secret in its files and in their names."""
    directory = tmp_path / "outside"
    (directory / "below").mkdir(parents=True)
    for name in ("lock.json", "voicectl.lock.json", f"{SECRET}.yaml", f"below/{SECRET}.yaml"):
        (directory / name).write_text(f'{{"format_version": 1, "catalog": "{SECRET}"}}\n')
    return directory


def silent(done: Done) -> None:
    assert SECRET not in done.out + done.err


READING = (["list"], ["plan"], ["output"], ["drift"], ["state", "rebuild", "--yes"], ["apply", "--yes"])


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_the_lockfile_of_an_environment_is_a_link_out(project: Project, outside: Path, command: list[str]) -> None:
    project.config(environments={"staging": {}})
    project.voices({"a": {}})
    (project.root / "voicectl.staging.lock.json").symlink_to(outside / "lock.json")
    done = project.run(*command, "--env", "staging")
    silent(done)
    done.expect(1)
    assert "voicectl.yaml:1:1: state: 'voicectl.staging.lock.json' is outside the project" in done.err


def test_its_directory_is_a_link_out(project: Project, outside: Path) -> None:
    project.config(environments={"staging": {}}, state="locks/lock.json")
    project.voices({"a": {}})
    (project.root / "locks").symlink_to(outside)
    done = project.run("list", "--env", "staging")
    silent(done)
    assert "is outside the project" in done.expect(1).err


def test_a_lockfile_is_no_link_within_the_project_either(project: Project) -> None:
    """It would be replaced by a file at the first save."""
    project.config(environments={"staging": {}})
    project.voices({"a": {}})
    project.write("other.json", "{}")
    (project.root / "voicectl.staging.lock.json").symlink_to("other.json")
    assert "can't be the lockfile" in project.run("plan", "--env", "staging").expect(1).err


@pytest.mark.parametrize("target", ["the directory", "/", ".git", "below the pattern"])
def test_directories_elsewhere_are_not_listed(project: Project, outside: Path, target: str) -> None:
    (project.root / ".git" / SECRET).mkdir(parents=True)
    (project.root / ".git" / f"{SECRET}.yaml").write_text("")
    project.config(manifests=["voices/**/*"] if target != "below the pattern" else ["voices/below/*"])
    to = {"the directory": outside, "below the pattern": outside}.get(target, target)
    (project.root / "voices").symlink_to(to)
    for done in project.spawn_several(["validate"], ["plan"], timeout=SECONDS):
        silent(done)
        done.expect(1)
        assert "voices:1:1: this is a link to a directory, and such links are not followed" in done.err


def test_control_a_link_within_the_project_is_followed_where_a_pattern_names_it(project: Project) -> None:
    project.voices({"a": {}}, file="real/all.yaml")
    (project.root / "voices").symlink_to("real")
    project.run("validate").expect(0)


PIPES = (
    "voicectl.yaml", "voicectl.lock.json", "voices/pipe.yaml", "samples/a.wav", ".voicectl",
    ".voicectl/.gitignore", ".voicectl/lockfiles", ".voicectl/cache", ".voicectl/cache/files.json",
    ".voicectl/cache/catalog.json", ".voicectl/voicectl.lock.json.lease", ".voicectl/voicectl.lock.json.holder",
)  # fmt: skip


@pytest.mark.parametrize("path", PIPES)
def test_a_pipe_keeps_nobody_waiting(project: Project, path: str) -> None:
    project.voices({"a": {}})
    target = project.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    os.mkfifo(target)
    commands = (["validate"], ["plan"], ["apply", "--yes"], ["state", "unlock", "--yes"], ["doctor"])
    for done in project.spawn_several(*commands, timeout=SECONDS):
        assert "internal error" not in done.err
        assert "Traceback" not in done.err


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_sample_becomes_another_kind_of_file_after_the_plan(
    project: Project, hand: Hand, outside: Path, kind: str
) -> None:
    project.voices({"a": {}})
    project.run("plan", "--out", "plan.json").expect(0)
    sample = project.root / "samples/a.wav"
    content = sample.read_bytes()
    sample.unlink()
    if kind == "pipe":
        os.mkfifo(sample)
    else:
        (outside / "copy.wav").write_bytes(content)
        sample.symlink_to(outside / "copy.wav")
    done = project.spawn("apply", "--yes", "plan.json", timeout=SECONDS)
    assert done.code != 0
    assert hand.models() == []


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_what_is_uploaded_is_a_regular_file(tmp_path: Path, outside: Path, kind: str) -> None:
    """Here both have the size that was planned; a writer holds the pipe, or the control would wait for one."""
    path, size = tmp_path / "a.wav", 0
    if kind == "pipe":
        os.mkfifo(path)
        writer = os.open(path, os.O_RDWR)
    else:
        path.symlink_to(outside / "lock.json")
        size = path.stat().st_size
        writer = os.open(os.devnull, os.O_RDWR)
    with open(path, "rb"):  # the control: it can be opened
        pass
    with pytest.raises(InputChanged):
        HashedFile(Upload(path, "a.wav", "audio/wav", "sha256:" + "0" * 64, size), lambda size: None)
    os.close(writer)


def test_a_report_is_not_written_through_a_link_of_the_checkout(project: Project, outside: Path) -> None:
    project.voices({"a": {}})
    victim = outside / "lock.json"
    before = victim.read_bytes()
    (project.root / "report.md").symlink_to(victim)
    done = project.run("plan", "--report", "markdown=report.md").expect(1)
    assert "report.md is a link" in done.err
    assert victim.read_bytes() == before
    assert KEY not in done.err


@pytest.mark.parametrize("command", ["comment", "issue"])
def test_no_file_of_the_machine_is_posted_as_a_report(project: Project, outside: Path, command: str) -> None:
    project.voices({"a": {}})
    git(project.root, "init", "-q")
    event = project.write(
        "event.json", '{"pull_request": {"number": 1, "head": {"sha": "a"}, "base": {"ref": "main"}}}'
    )
    (project.root / "report.md").symlink_to(outside / "lock.json")
    posted: list[str] = []

    def answer(method: str, path: str) -> Iterable[bytes]:
        posted.append(method)
        return document([])

    with serving(answer) as url:
        project.environ |= {
            "GITHUB_ACTIONS": "true", "GITHUB_TOKEN": "token-of-the-tests", "GITHUB_REPOSITORY": "acme/voices",
            "GITHUB_API_URL": url, "GITHUB_EVENT_PATH": str(event), "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_REF": "refs/pull/1/merge", "GITHUB_SHA": "a" * 40, "GITHUB_SERVER_URL": url, "GITHUB_RUN_ID": "1",
        }  # fmt: skip
        done = project.spawn("ci", command, "report.md", "--exit-code", "2", timeout=SECONDS).expect(1)
    assert "report.md is a link" in done.err
    assert "POST" not in posted
