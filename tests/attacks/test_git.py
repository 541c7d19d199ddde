"""A pull request wants Git to run its programs: from a directory that looks like a repository, or from hooks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.hosting.service import git

LOCKS = "voicectl/lockfiles"


@pytest.fixture
def checkout(tmp_path: Path, project: Project) -> Project:
    """A clone with the project in a folder of it, whose lockfile is kept on a branch of the remote."""
    bare, work = tmp_path / "remote.git", tmp_path / "work"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(bare))
    git(tmp_path, "clone", "-q", str(bare), str(work))
    for key, value in (("user.name", "Jane Roe"), ("user.email", "jane@example.com")):
        git(work, "config", key, value)
    made = Project(work / "catalog", project.environ)
    made.config()
    made.voices({"a": {}})
    made.apply()
    git(work, "add", "-A")
    git(work, "commit", "-qm", "voices")
    git(work, "push", "-q", "origin", "HEAD:main")
    made.run("ci", "push-lockfile", "--way", "branch").expect(0)
    return made


@pytest.fixture
def canary(checkout: Project, tmp_path: Path) -> Path:
    """What the pull request's program writes, from each place of a repository's configuration that names programs.

    The repository lies in the project's folder itself, as a commit can bring it.
    """
    canary, folder = tmp_path / "canary", checkout.root
    program = folder / "program.sh"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> "{canary}"\nexit 1\n')
    program.chmod(0o755)
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    for name in ("objects", "refs/heads", "hooks"):
        (folder / name).mkdir(parents=True)
    for name in ("reference-transaction", "pre-push", "post-index-change", "pre-auto-gc"):
        (folder / "hooks" / name).symlink_to(program)
    (folder / "config").write_text(
        f"[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = {folder}\n"
        f"\tfsmonitor = {program}\n\tsshCommand = {program}\n\thooksPath = {folder}/hooks\n"
        f"\talternateRefsCommand = {program}\n"
        f'[remote "origin"]\n\turl = ssh://nowhere.invalid/x\n\tuploadpack = {program}\n\treceivepack = {program}\n'
        f'[credential]\n\thelper = {program}\n[diff]\n\texternal = {program}\n[filter "x"]\n\tclean = {program}\n'
    )
    (folder / ".gitattributes").write_text("* filter=x diff=x\n")
    return canary


COMMANDS = [
    ["check-lockfile", "--staged"],
    ["check-lockfile", "--base", "HEAD"],
    ["fetch-lockfile", "--way", "branch"],
    ["push-lockfile", "--way", "branch"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_folder_that_looks_like_a_repository_runs_nothing(
    checkout: Project, canary: Path, command: list[str]
) -> None:
    done = checkout.run("ci", *command)
    assert not canary.exists(), canary.read_text()
    done.expect(0)  # and it works: the repository around the folder is the one that counts


def test_control_git_itself_would_run_it(checkout: Project, canary: Path) -> None:
    subprocess.run(["git", "status"], cwd=checkout.root, capture_output=True, check=False)
    assert canary.exists()


def test_hooks_that_are_files_of_the_work_tree_do_not_run(checkout: Project, tmp_path: Path) -> None:
    """Teams keep hooks in Git (`core.hooksPath = .hooks`): a pull request may change them."""
    canary, work = tmp_path / "canary", checkout.root.parent
    hooks = work / ".hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "pre-push", "post-index-change", "fsmonitor"):
        (hooks / name).write_text(f'#!/bin/sh\necho "$0" >> "{canary}"\n')
        (hooks / name).chmod(0o755)
    git(work, "config", "core.hooksPath", ".hooks")
    git(work, "config", "core.fsmonitor", ".hooks/fsmonitor")
    for command in COMMANDS:
        checkout.run("ci", *command).expect(0)
    assert not canary.exists(), canary.read_text()
    git(work, "update-ref", "refs/heads/control", "HEAD")
    assert canary.exists()


@pytest.mark.parametrize("kind", ["worktree", "submodule"])
def test_checkouts_whose_git_is_a_file_still_work(checkout: Project, tmp_path: Path, kind: str) -> None:
    work = checkout.root.parent
    top = tmp_path / kind
    if kind == "worktree":
        git(work, "worktree", "add", "-q", "-b", "other", str(top))
    else:
        git(tmp_path, "init", "-q", "-b", "main", str(tmp_path / "around"))
        allowed = ["-c", "protocol.file.allow=always"]
        git(tmp_path / "around", *allowed, "submodule", "--quiet", "add", str(tmp_path / "remote.git"), "inner")
        top = tmp_path / "around" / "inner"
    assert (top / ".git").is_file()
    inner = Project(top / "catalog", checkout.environ)
    inner.run("ci", "check-lockfile", "--staged").expect(0)
    inner.run("ci", "fetch-lockfile", "--way", "branch").expect(0)


def test_a_directory_in_no_checkout_is_said_so(project: Project) -> None:
    project.voices({"a": {}})
    done = project.run("ci", "check-lockfile", "--staged").expect(1)
    assert "is in no checkout of a Git repository" in done.err


def test_git_and_its_helpers_do_not_get_the_key(checkout: Project, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    helper = tmp_path / "upload-pack"
    helper.write_text(f'#!/bin/sh\nenv > "{seen}"\nexec git-upload-pack "$@"\n')
    helper.chmod(0o755)
    git(checkout.root.parent, "config", "remote.origin.uploadpack", str(helper))
    checkout.run("ci", "fetch-lockfile", "--way", "branch").expect(0)
    assert seen.exists()
    assert checkout.environ["FISH_API_KEY"] not in seen.read_text()
