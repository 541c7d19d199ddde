"""Recordings in Git LFS: a checkout without them plans like one with them, and an apply fetches what it uploads."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Hand, Project
from voicectl.hosting.lfs import LfsObjects, Pointed
from voicectl.manifest.pointer import read_pointer

pytestmark = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")
IDENTITY = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@b.c",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@b.c",
}
VOICES = 40


def git(where: Path, *arguments: str, **more: str) -> str:
    environ = {**os.environ, **IDENTITY, **more}
    return subprocess.run(
        ["git", *arguments], cwd=where, env=environ, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def gitconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's Git configuration, with git-lfs set up."""
    config = tmp_path / "gitconfig"
    config.write_text('[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    git(tmp_path, "lfs", "install", "--skip-repo")
    return config


@pytest.fixture
def full(project: Project, tmp_path: Path, gitconfig: Path) -> Project:
    """A clone with all recordings, pushed to a bare repository."""
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    git(project.root, "init", "--quiet")
    git(project.root, "remote", "add", "origin", str(tmp_path / "remote.git"))
    git(project.root, "lfs", "track", "*.wav")
    project.voices({f"v{number}": {} for number in range(VOICES)})
    commit(project)
    return project


def commit(project: Project) -> None:
    git(project.root, "add", ".gitattributes", "voicectl.yaml", "voices", "samples")
    git(project.root, "commit", "--quiet", "-m", "voices")
    git(project.root, "push", "--quiet", "origin", "HEAD:main")


@pytest.fixture
def thin(full: Project, tmp_path: Path) -> Project:
    """Another clone, whose recordings are pointers."""
    git(tmp_path, "clone", "--quiet", str(tmp_path / "remote.git"), "thin", GIT_LFS_SKIP_SMUDGE="1")
    assert (tmp_path / "thin/samples/v1.wav").read_text().startswith("version https://git-lfs")
    return Project(tmp_path / "thin", full.environ)


def objects(project: Project) -> list[Path]:
    return [path for path in (project.root / ".git/lfs/objects").rglob("*") if path.is_file()]


def told(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan without what alone may differ: how long samples last, that they were not looked at, and the clock."""
    without = {"reason": "", "undo_until": None}
    changes = [{**change, **without, "samples": _without_seconds(change["samples"])} for change in plan["changes"]]
    warnings = [warning for warning in plan["warnings"] if warning["code"] != "not_looked_at"]
    return {**plan, "changes": changes, "warnings": warnings}


def _without_seconds(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{side: {**known, "seconds": None} if known else None for side, known in each.items()} for each in samples]


def test_a_checkout_without_recordings_agrees_with_a_full_one(full: Project, thin: Project) -> None:
    assert f"({VOICES} not looked at: Git LFS pointers)" in thin.run("validate").expect(0).out
    assert told(thin.plan("--offline")) == told(full.plan("--offline"))
    assert told(thin.plan()) == told(full.plan())
    assert "40 samples not looked at" in thin.run("plan").expect(0).out
    full.apply()
    shutil.copy(full.lock_path, thin.lock_path)
    thin.settled()
    assert thin.run("drift").expect(0).out == full.run("drift").expect(0).out
    assert thin.run("list").expect(0).out == full.run("list").expect(0).out
    full.sample("v3.wav", "another recording")
    commit(full)
    git(thin.root, "pull", "--quiet", "origin", "main", GIT_LFS_SKIP_SMUDGE="1")
    assert thin.actions() == full.actions() == [("v3", "replace")]
    assert told(thin.plan()) == told(full.plan())


def test_each_accepts_the_others_saved_plan(full: Project, thin: Project) -> None:
    thin.run("plan", "--only", "v1", "--out", "thin.plan").expect(0)
    full.run("plan", "--only", "v2", "--out", "full.plan").expect(0)
    full.run("apply", "--yes", str(thin.root / "thin.plan")).expect(0)
    shutil.copy(full.lock_path, thin.lock_path)
    thin.run("apply", "--yes", str(full.root / "full.plan")).expect(0)


def test_an_apply_fetches_what_it_uploads_and_no_more(full: Project, thin: Project, hand: Hand) -> None:
    thin.apply("--only", "v1", "--only", "v2")
    assert len(objects(thin)) == 2
    assert not (thin.root / ".voicectl/lfs").exists(), "what was fetched does not stay"
    shutil.copy(thin.lock_path, full.lock_path)
    assert full.run("plan", "--only", "v1", "--only", "v2", "--detailed-exitcode").code == 0
    assert [model["samples"] for model in hand.models()]


def test_what_the_clone_has_already_needs_no_git_lfs(
    full: Project, thin: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(thin.root, "lfs", "fetch", "--include", "samples/v1.wav")
    monkeypatch.setattr("voicectl.hosting.lfs.shutil.which", lambda name: None)
    thin.apply("--only", "v1")
    assert len(objects(thin)) == 1


def test_without_git_lfs_nothing_is_changed_and_the_command_is_named(
    thin: Project, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicectl.hosting.lfs.shutil.which", lambda name: None)
    done = thin.run("apply", "--yes", "--only", "v1", "--only", "v2").expect(1)
    assert "git-lfs is not installed, and 2 recordings are Git LFS pointers here" in done.err
    assert "git lfs pull --include=samples/v1.wav,samples/v2.wav" in done.err
    assert hand.mutating() == []


def test_an_object_that_the_server_lacks_is_named_before_anything_is_changed(
    thin: Project, tmp_path: Path, hand: Hand
) -> None:
    oid = (thin.root / "samples/v2.wav").read_text().partition("sha256:")[2][:64]
    (tmp_path / f"remote.git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}").unlink()
    done = thin.run("apply", "--yes", "--only", "v1", "--only", "v2").expect(1)
    assert "samples/v2.wav can't be had from Git LFS" in done.err
    assert "git lfs pull --include=samples/v2.wav" in done.err
    assert hand.mutating() == []


@pytest.mark.parametrize("line", ["url = https://elsewhere.example/lfs", "pushurl = https://elsewhere.example/lfs"])
def test_a_checkout_can_not_send_git_lfs_elsewhere(thin: Project, hand: Hand, line: str) -> None:
    thin.write(".lfsconfig", f"[lfs]\n\t{line}\n")
    done = thin.run("apply", "--yes", "--only", "v1").expect(1)
    assert ".lfsconfig sends git-lfs to elsewhere.example, but the remote is a directory" in done.err
    assert hand.mutating() == []
    git(thin.root, "add", ".lfsconfig")
    (thin.root / ".lfsconfig").unlink()  # git-lfs reads it from the index then
    assert "elsewhere.example" in thin.run("apply", "--yes", "--only", "v1").expect(1).err


@pytest.mark.parametrize(
    "text",
    [
        "[include]\n\tpath = more.cfg\n",
        '[includeIf "gitdir:/"]\n\tpath = more.cfg\n',
        '[lfs]\n\tfetchinclude = "a\\nlfs.url=https://elsewhere.example/lfs"\n',
        '[lfs "url=https://elsewhere.example/lfs"]\n\tx = 1\n',
        "[lfs]\n\turl = https://elsewhere.example/lfs\n\turl = https://example.com/lfs\n",
        "[lfs]\n\tgitprotocol = https\n",
        "[remote]\n\tlfsdefault = https://elsewhere.example/lfs\n",
    ],
)
def test_what_only_git_lfs_reads_as_an_address_is_refused(thin: Project, hand: Hand, text: str) -> None:
    git(thin.root, "remote", "set-url", "origin", "https://example.com/voices.git")
    thin.write("more.cfg", "[lfs]\n\turl = https://elsewhere.example/lfs\n")
    thin.write(".lfsconfig", text)
    done = thin.run("apply", "--yes", "--only", "v1").expect(1)
    assert ".lfsconfig holds" in done.err or ".lfsconfig sends git-lfs to elsewhere.example" in done.err
    assert hand.mutating() == []


def test_a_remote_may_have_another_name(thin: Project) -> None:
    git(thin.root, "remote", "rename", "origin", "upstream")
    git(thin.root, "remote", "set-url", "upstream", "https://example.invalid/voices.git")
    thin.write(".lfsconfig", "[lfs]\n\turl = https://example.invalid/other.git/info/lfs\n")
    done = thin.run("apply", "--yes", "--only", "v1").expect(1)
    assert "can't be had from Git LFS: Error downloading object" in done.err


def test_an_object_with_other_bytes_is_named_before_anything_is_changed(thin: Project, hand: Hand) -> None:
    git(thin.root, "lfs", "fetch")
    spoilt = next(path for path in objects(thin))
    spoilt.chmod(0o644)
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"?")
    done = thin.run("apply", "--yes").expect(1)
    assert "has other bytes than its pointer names" in done.err
    assert "git lfs fsck" in done.err
    assert hand.mutating() == []


def test_the_command_of_a_hint_is_safe_in_a_shell() -> None:
    from voicectl.hosting.lfs import pull

    for path in ('a"$(touch x)`id`.wav', "it's; rm.wav", "a,b\n.wav", "-x y*.wav"):
        words = shlex.split(pull([path]))
        assert words[:3] == ["git", "lfs", "pull"]
        assert len(words) == 4
        assert not set(words[3]) & {",", "\n"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_never_answers_does_not_keep_a_run_from_ending(thin: Project, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        git(thin.root, "remote", "set-url", "origin", f"http://127.0.0.1:{port}/voices.git")
        command = [sys.executable, "-m", "voicectl", "-C", str(thin.root), "apply", "--yes", "--only", "v1"]
        running = subprocess.Popen(
            command, env={**os.environ, **thin.environ}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            silent.settimeout(30)
            with silent.accept()[0] as connection:
                running.send_signal(number)
                assert running.wait(20) == 130
                # git-lfs is gone, too: it hung up.
                connection.settimeout(10)
                while connection.recv(65536):
                    pass
        finally:
            running.kill()
            running.wait()


def test_git_lfs_does_not_see_the_key(thin: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = tmp_path / "bin/git-lfs"
    spy.parent.mkdir()
    spy.write_text(f'#!/bin/sh\nenv > {tmp_path}/seen\nexec {shutil.which("git-lfs")} "$@"\n')
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("GIT_LFS_SKIP_SMUDGE", "1")  # as in the job that checks out without recordings
    thin.apply("--only", "v1")
    seen = (tmp_path / "seen").read_text()
    assert thin.environ["FISH_API_KEY"] not in seen


def test_in_ci_git_lfs_has_the_jobs_token_and_the_page_fetches_what_it_shows(
    thin: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("jinja2", reason="voicectl[preview] is not installed")
    spy = tmp_path / "bin/git-lfs"
    spy.parent.mkdir()
    spy.write_text(f'#!/bin/sh\nenv >> {tmp_path}/seen\nexec {shutil.which("git-lfs")} "$@"\n')
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy.parent}:{os.environ['PATH']}")
    job = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/voices", "GITHUB_TOKEN": "ghs_1"}
    for name, value in job.items():
        monkeypatch.setenv(name, value)
    done = thin.run("preview", "--out", "page", "--all", "--only", "v1").expect(0)
    assert len(list((thin.root / "page/audio").iterdir())) == 1, done.err
    told = (tmp_path / "seen").read_text()
    assert "=http.https://github.com/.extraheader" in told
    assert len(objects(thin)) == 1, "one recording is fetched"


def test_a_checkouts_filters_do_not_count(thin: Project) -> None:
    git(thin.root, "config", "lfs.fetchexclude", "*")
    thin.apply("--only", "v1")


def pointer(oid: str = "0" * 64, size: str = "5", version: str = "https://git-lfs.github.com/spec/v1") -> str:
    return f"version {version}\noid sha256:{oid}\nsize {size}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (pointer(oid="12"), "is a damaged Git LFS pointer"),
        (pointer(size="-5"), "is a damaged Git LFS pointer"),
        (pointer(size="0"), "is a Git LFS pointer to an empty file"),
        (pointer() + "oid sha256:11\n", "is a damaged Git LFS pointer"),
        (pointer() + "junk\n", "is a damaged Git LFS pointer"),
        (pointer() + "x 1\n" * 400, "longer than one"),
        (pointer(version="https://git-lfs.github.com/spec/v9"), "of an unknown version"),
        (pointer().replace("oid", "ext-0-crypt sha256:" + "1" * 64 + "\noid"), "with an extension (ext-0-crypt)"),
        ("/annex/objects/SHA256E-s5--00.wav\n", "is a git-annex pointer"),
        ("outs:\n- md5: 00\n  size: 5\n  path: a.wav\n", "is a DVC file"),
    ],
)
def test_pointers_that_nobody_can_follow(project: Project, text: str, words: str) -> None:
    project.write("samples/a.wav", text)
    project.voices({"a": {"samples": [{"audio": "../samples/a.wav"}]}})
    done = project.run("validate").expect(1)
    assert words in done.err
    assert "samples.audio" in done.err


def test_outside_of_any_clone_an_apply_says_so(project: Project, hand: Hand) -> None:
    project.write("samples/a.wav", pointer())
    project.voices({"a": {"samples": [{"audio": "../samples/a.wav"}]}})
    done = project.run("apply", "--yes").expect(1)
    assert "1 recording is a Git LFS pointer here" in done.err
    assert "put the recordings in place of the pointers" in done.err
    assert hand.mutating() == []


def test_line_ends_of_windows_do_not_break_a_pointer(project: Project) -> None:
    project.write("samples/a.wav", pointer().replace("\n", "\r\n"))
    project.voices({"a": {"samples": [{"audio": "../samples/a.wav"}]}})
    assert "1 not looked at" in project.run("validate").expect(0).out


def test_a_pointer_whose_size_is_wrong_is_refused(thin: Project, hand: Hand) -> None:
    path = thin.root / "samples/v1.wav"
    path.write_text(path.read_text().replace("size 8844", "size 8845"))
    assert "8845" in path.read_text()
    done = thin.run("apply", "--yes", "--only", "v1").expect(1)
    assert "samples/v1.wav can't be had from Git LFS" in done.err
    assert hand.mutating() == []


def test_a_pointer_to_what_is_no_recording_is_refused(full: Project, tmp_path: Path, hand: Hand) -> None:
    (full.root / "samples/v1.wav").write_bytes(archive())
    commit(full)
    git(tmp_path, "clone", "--quiet", str(tmp_path / "remote.git"), "other", GIT_LFS_SKIP_SMUDGE="1")
    other = Project(tmp_path / "other", full.environ)
    done = other.run("apply", "--yes", "--only", "v1").expect(1)
    assert "samples/v1.wav" in done.err
    assert hand.mutating() == []


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        file.addfile(tarfile.TarInfo("x"))
    return buffer.getvalue()


def test_texts_and_pictures_are_needed_themselves(project: Project) -> None:
    project.write("samples/a.txt", pointer())
    project.write("covers/a.png", pointer())
    sample = {"audio": project.sample("a.wav"), "transcript_file": "../samples/a.txt"}
    project.voices({"a": {"samples": [sample], "cover_image": "../covers/a.png"}})
    done = project.run("validate").expect(1)
    assert "is a Git LFS pointer, not the text" in done.err
    assert "is a Git LFS pointer, not the picture" in done.err


def test_a_voice_can_be_heard_before_its_model_exists(thin: Project) -> None:
    text = (thin.root / "voices/all.yaml").read_text()
    text = text.replace("- audio: ../samples/v1.wav", "- audio: ../samples/v1.wav\n      transcript: Words.")
    (thin.root / "voices/all.yaml").write_text(text)
    thin.run("audition", "v1", "Good morning.", "-o", "out.mp3").expect(0)
    assert (thin.root / "out.mp3").stat().st_size > 100


def test_runs_side_by_side_keep_what_they_fetched(thin: Project) -> None:
    one, other = LfsObjects(thin.root), LfsObjects(thin.root)
    found = {}
    for place, name in ((one, "v1"), (other, "v2")):
        pointer = read_pointer((thin.root / f"samples/{name}.wav").read_bytes())
        found[name] = place.bring([Pointed(f"samples/{name}.wav", pointer.digest, pointer.size)])[pointer.digest]
    one.forget()
    assert not found["v1"].exists()
    assert found["v2"].exists()
    other.forget()
    assert not (thin.root / ".voicectl/lfs").exists()


def test_a_preview_of_earlier_recordings_leaves_nothing_behind(thin: Project) -> None:
    thin.apply("--only", "v1")
    git(thin.root, "add", "voicectl.lock.json")
    git(thin.root, "commit", "--quiet", "-m", "lockfile")
    shutil.rmtree(thin.root / ".git/lfs/objects")
    shutil.copy(wav(thin), thin.root / "samples/v1.wav")
    thin.run("preview", "--out", "out", "--only", "v1").expect(0)
    assert len(list((thin.root / "out/audio").iterdir())) == 2
    assert not (thin.root / ".voicectl/lfs").exists()


def wav(project: Project) -> Path:
    """Another recording."""
    return project.root / "voices" / project.sample("other.wav", "another")


def test_lint_names_a_pointer_from_the_top_of_the_checkout(thin: Project) -> None:
    (thin.root / "brand").mkdir()
    for name in ("voicectl.yaml", "voices", "samples"):
        shutil.move(thin.root / name, thin.root / "brand")
    done = Project(thin.root / "brand", thin.environ).run("lint", "--only", "v1").expect(1)
    assert "git lfs pull --include=brand/samples/v1.wav" in done.out


@pytest.mark.parametrize("output", ["head -c 8844 /dev/zero", "head -c 100000000 /dev/zero"], ids=["digest", "size"])
def test_what_git_lfs_hands_out_is_checked(
    thin: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hand: Hand, output: str
) -> None:
    liar = tmp_path / "bin/git-lfs"
    liar.parent.mkdir()
    liar.write_text(f"#!/bin/sh\n{output} && touch {tmp_path}/all\n")
    liar.chmod(0o755)
    monkeypatch.setenv("PATH", f"{liar.parent}:{os.environ['PATH']}")
    done = thin.run("apply", "--yes", "--only", "v1").expect(1)
    assert "is not the file that the pointer names: another size or digest" in done.err
    assert (tmp_path / "all").exists() == ("8844" in output), "no more is taken than the pointer says"
    assert hand.mutating() == []
