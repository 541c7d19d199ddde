"""What GitHub Actions and GitLab are told besides: annotations, and lines that they fold."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.conftest import KEY, Hand, Project
from voicectl.emulator.settings import Fault

GITHUB = {"CI": "true", "GITHUB_ACTIONS": "true"}
GITLAB = {"CI": "true", "GITLAB_CI": "true"}
REGISTERED = {"error", "warning", "notice", "debug", "group", "endgroup", "add-mask", "set-env", "stop-commands"}


@dataclass(frozen=True)
class Command:
    """A workflow command as the runner reads it."""

    name: str
    file: str
    line: str
    data: str


def commands(text: str) -> list[Command]:
    """As actions/runner has it (ActionCommand.cs, TryParseV2 and TryParse)."""
    assert "##[" not in text
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*::(\S+?)(?: (.*?))?::(.*)", line)
        if match and match[1] in REGISTERED:
            pairs = dict(pair.split("=", 1) for pair in (match[2] or "").split(",") if pair)
            values = [pairs.get("file", ""), match[3]]
            for escaped, meant in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
                values = [value.replace(escaped, meant) for value in values]
            found.append(Command(match[1], values[0], pairs.get("line", ""), values[1]))
    return found


def annotated(text: str, *levels: str) -> list[Command]:
    return [found for found in commands(text) if found.name in (levels or ("error", "warning", "notice"))]


@pytest.fixture
def github(project: Project) -> Project:
    """A project in a folder of the repository that a runner checked out."""
    project.environ.update(GITHUB, GITHUB_WORKSPACE=str(project.root.parent))
    return project


@pytest.mark.parametrize(
    "arguments",
    [
        ("validate",),
        ("validate", "--format", "github"),
        ("validate", "--format", "json"),
        ("plan",),
        ("plan", "--format", "json"),
        ("drift",),
        ("apply", "--yes"),
        ("list",),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("broken", [False, True])
def test_standard_output_is_the_same_everywhere(
    local: Project, tmp_path: Path, arguments: tuple[str, ...], broken: bool
) -> None:
    short = {"samples": [{"audio": local.sample("short.wav", seconds=4)}]}
    local.voices({"a": short, "b": {}})
    local.apply()
    local.voices({"a": short, "b": {"visibility": "wide" if broken else "unlist"}, "c": {}})
    told = set()
    for number, environ in enumerate(({}, GITHUB, GITLAB, {**GITHUB, **GITLAB})):
        root = tmp_path / f"copy-{number}" / "project"
        shutil.copytree(local.root, root)
        done = Project(root, environ).run(*arguments)
        told.add((done.code, done.out))
    assert len(told) == 1


def test_problems_are_annotated_once_in_the_repositorys_paths(github: Project) -> None:
    github.voices({"a": {"visibility": "wide"}, "b": {"samples": [{"audio": github.sample("s.wav", seconds=4)}]}})
    for command in (("plan",), ("apply", "--yes"), ("validate",), ("-q", "plan")):
        done = github.run(*command).expect(1)
        found = annotated(done.err)
        assert sorted((each.name, each.file) for each in found) == [
            ("error", "project/voices/all.yaml"),
            ("warning", "project/voices/all.yaml"),
        ], command
        assert "wide" in annotated(done.err, "error")[0].data
        assert not commands(done.out)
    done = github.run("validate", "--format", "github").expect(1)
    assert len(annotated(done.out)) == 2
    assert not commands(done.err), "they stand on standard output already"
    done = github.run("plan", "--log-format", "json").expect(1)
    assert not commands(done.err)
    assert [json.loads(line)["event"] for line in done.err.splitlines()] == ["run", "error", "end"]


def test_no_more_than_github_shows_and_how_many_more(github: Project) -> None:
    github.voices({f"v{i}": {"visibility": "wide"} for i in range(13)})
    done = github.run("plan").expect(1)
    assert len(annotated(done.err, "error")) == 10
    assert [each.data for each in annotated(done.err, "notice")] == ["not annotated, but in the log: 3 more errors"]
    assert len(re.findall("^voices/all.yaml:", done.err, re.MULTILINE)) == 13


def test_refusals_and_warnings_of_a_plan_stand_at_their_voices(github: Project) -> None:
    rules = [
        {"message": "titles begin with the brand", "schema": {"properties": {"title": {"pattern": "^Acme "}}}},
        {"message": "short, please", "level": "warn", "schema": {"properties": {"title": {"maxLength": 5}}}},
    ]
    github.config(policy={"rules": rules})
    github.voices({"a": {"title": "Acme Anna"}, "b": {"title": "Bert"}})
    for command in (("plan",), ("apply", "--yes")):
        done = github.run(*command).expect(3)
        (error,) = annotated(done.err, "error")
        (warning,) = annotated(done.err, "warning")
        assert ("titles begin with the brand" in error.data, error.file) == (True, "project/voices/all.yaml")
        assert ("short, please" in warning.data, warning.file) == (True, "project/voices/all.yaml")
        assert error.line != warning.line


def test_failed_voices_stand_at_their_lines_and_the_result_outside_the_group(github: Project, hand: Hand) -> None:
    github.config(concurrency=1)
    github.voices({"a": {}, "b": {}, "c": {}})
    refused = Fault(kind="status", method=("POST",), path="/model", nth=(2,), status=400)
    hand.emulator.settings = replace(hand.emulator.settings, rules=(refused,))
    done = github.run("apply", "--yes").expect(1)
    names = [each.name for each in commands(done.err)]
    assert names == ["group", "endgroup", "error"], "the errors are not folded, and the sum of them is no problem more"
    (error,) = annotated(done.err)
    lines = (github.root / "voices/all.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[int(error.line) - 1].strip() == "b:"
    assert error.data.startswith("b: create failed: ")
    folded = done.err[done.err.index("::group::") : done.err.index("::endgroup::")]
    assert "a: create done (1 of 3)" in folded
    assert "error: not every voice" in done.err[done.err.index("::endgroup::") :]


def test_the_error_that_ends_a_run_is_annotated(github: Project) -> None:
    github.voices({"a": {}})
    (error,) = annotated(github.run("apply").expect(3).err)
    assert (error.name, error.file) == ("error", "")
    assert "nobody is here to confirm" in error.data
    assert annotated(github.run("plan", "--bogus").expect(1).err)
    github.lock_path.write_text("{", encoding="utf-8")
    (error,) = annotated(github.run("plan").expect(1).err)
    assert "voicectl.lock.json" in error.data + error.file


def test_quiet_folds_nothing(github: Project) -> None:
    github.voices({"a": {}})
    assert github.run("-q", "apply", "--yes").expect(0).err == ""


@pytest.mark.parametrize("environ", [GITHUB, GITLAB], ids=["github", "gitlab"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("twice", [False, True])
def test_what_is_folded_is_unfolded_when_interrupted(
    project: Project, hand: Hand, environ: dict[str, str], number: int, twice: bool
) -> None:
    project.config(concurrency=2)
    project.voices({f"v{i}": {} for i in range(6)})
    hand.emulator.settings = replace(hand.emulator.settings, latency=200)
    process = subprocess.Popen(
        [sys.executable, "-m", "voicectl", "apply", "--yes"],
        cwd=project.root,
        env={**os.environ, **project.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(hand.models()) < 2:
        time.sleep(0.01)
    process.send_signal(number)
    if twice:
        time.sleep(0.05)
        process.send_signal(number)
    err = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    begin, end = ("::group::", "::endgroup::") if environ is GITHUB else ("section_start:", "section_end:")
    assert err.count(begin) == err.count(end) == 1
    assert err.index(begin) < err.index(end) < err.index("error: interrupted")


def test_gitlab_has_sections_and_no_commands(project: Project) -> None:
    project.environ.update(GITLAB)
    project.voices({"a": {}})
    done = project.run("apply", "--yes").expect(0)
    marker = r"\x1b\[0Ksection_{}:\d+:(voicectl_[a-z0-9]+)\r\x1b\[0K"
    started = re.search(marker.format("start") + "voicectl apply: 1 change\n", done.err)
    ended = re.search(marker.format("end") + "\n", done.err)
    assert started
    assert ended
    assert started[1] == ended[1]
    assert started.end() <= done.err.index("a: create done") < ended.start()
    assert not commands(done.err)


HOSTILE = "::endgroup::\n::error file=x::forged\r\n##[error]y %0A::error::z \x1b[0Ksection_end:1:voicectl\r\x1b[0K"


@pytest.mark.parametrize("environ", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_hostile_text_issues_no_command_and_ends_no_group(
    project: Project, hand: Hand, environ: dict[str, str]
) -> None:
    project.environ.update(environ)
    project.config(concurrency=1)
    title = HOSTILE.replace("\x1b", "")
    project.voices({"a": {"title": title}, "b": {"title": title}})
    body = json.dumps({"message": f"{HOSTILE} {KEY}"})
    rules = (
        Fault(kind="status", method=("POST",), path="/model", nth=(1,), status=429, body=body),
        Fault(kind="status", method=("POST",), path="/model", nth=(2,), status=400, body=body),
    )
    hand.emulator.settings = replace(hand.emulator.settings, rules=rules)
    done = project.run("apply", "--yes").expect(1)
    assert KEY not in done.err + done.out
    assert "forged" in done.err, "it is told, as text"
    names = [each.name for each in commands(done.err)]
    if environ is GITHUB:
        assert names == ["group", "endgroup", "error"]
    else:
        assert names == []
        assert len(re.findall(r"section_(?:start|end):\d+:[\w.-]+\r\x1b\[0K", done.err)) == 2
    assert not commands(done.out)


def test_hostile_manifests_forge_no_annotation(github: Project) -> None:
    key = json.dumps(HOSTILE)
    github.write("voices/all.yaml", f"voices:\n  a: {{title: A, {key}: 1}}\n  {key}: {{title: B}}\n")
    github.write("voices/,line=1::x%0A.yaml", "voices: 1\n")
    done = github.run("plan").expect(1)
    found = commands(done.err)
    assert found
    assert {each.name for each in found} == {"error"}
    assert {each.file for each in found} <= {"project/voices/all.yaml", "project/voices/,line=1\\x3a:x%0A.yaml"}
