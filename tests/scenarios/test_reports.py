"""`--report FORMAT=FILE`: one run, several documents, also where it fails."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from tests.conftest import Hand, Project

EVERY = {
    "plan": ("text", "json", "markdown"),
    "apply --yes": ("json", "markdown"),
    "drift": ("text", "json", "markdown", "junit", "sarif"),
}


def options(formats: tuple[str, ...]) -> list[str]:
    return [word for fmt in formats for word in ("--report", f"{fmt}=report.{fmt}")]


def read(project: Project, fmt: str) -> str:
    return (project.root / f"report.{fmt}").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", EVERY)
def test_every_format_says_what_format_says(project: Project, hand: Hand, command: str) -> None:
    project.voices({"a": {}, "b": {}})
    if command != "apply --yes":
        project.apply()
        hand.patch(project.lock["voices"]["a"]["id"], title="By hand")
    done = project.run(*command.split(), *options(EVERY[command]))
    assert done.code in (0, 2)
    for fmt in EVERY[command]:
        assert read(project, fmt)
    document = json.loads(read(project, "json"))
    if command != "apply --yes":
        for fmt in EVERY[command]:
            again = project.run(*command.split(), "--format", fmt)
            if fmt not in ("json", "junit", "text"):
                assert again.out == read(project, fmt)
        assert document["format_version"] == "1.0"
        assert "By hand" in read(project, "markdown")
    else:
        assert {result["status"] for result in document["results"]} == {"done"}
        assert "Applied: 2 changes done" in read(project, "markdown")


@pytest.mark.parametrize("command", EVERY)
def test_a_failure_is_reported_too(project: Project, command: str) -> None:
    for fmt in EVERY[command]:
        (project.root / f"report.{fmt}").write_text("of an earlier run", encoding="utf-8")
    project.write("voicectl.yaml", "catalog: NO\nnonsense: 1\n")
    project.run(*command.split(), *options(EVERY[command])).expect(1)
    name = command.split()[0]
    assert read(project, "markdown").startswith(f"### voicectl {name}: failed\n")
    assert "voicectl.yaml:1:10" in read(project, "markdown")
    assert json.loads(read(project, "json"))["error"]["code"] == "invalid_files"
    if "text" in EVERY[command]:
        assert "voicectl.yaml:1:10: catalog" in read(project, "text")
    if "junit" in EVERY[command]:
        suite = ET.fromstring(read(project, "junit")).find("testsuite")
        assert suite is not None
        assert suite.get("errors") == "1"
        assert suite.find("testcase/error") is not None
    if "sarif" in EVERY[command]:
        (run,) = json.loads(read(project, "sarif"))["runs"]
        assert run["invocations"][0]["executionSuccessful"] is False, "a report of an earlier run is not this one's"


@pytest.mark.parametrize("code", ["no key", "unreachable"])
def test_an_audit_that_can_not_be_made_is_an_error_in_junit(project: Project, code: str) -> None:
    project.voices({"a": {}})
    project.apply()
    project.environ["FISH_API_KEY" if code == "no key" else "FISH_API_URL"] = (
        "" if code == "no key" else "http://[::1]:9"
    )
    project.run("drift", "--report", "junit=drift.xml").expect(1)
    assert "<error" in (project.root / "drift.xml").read_text(encoding="utf-8")


def test_what_failed_in_an_apply_is_in_its_report(project: Project, hand: Hand) -> None:
    from dataclasses import replace

    hand.emulator.settings = replace(hand.emulator.settings, fail_training=("A",))
    project.voices({"a": {}, "b": {"title": "</td><script>alert(1)</script> | `x` @all"}})
    project.run("apply", "--yes", "--report", "markdown=apply.md").expect(1)
    page = (project.root / "apply.md").read_text(encoding="utf-8")
    assert "#### To look after" in page
    assert "a: " in page
    assert "<script>" not in page
    assert project.lock["voices"]["b"]["id"] in page


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("markdown=voices/all.yaml", "ends like a file of the project"),
        ("json=voicectl.lock.json", "ends like a file of the project"),
        ("nonsense=x", "is not FORMAT=FILE"),
        ("markdown", "is not FORMAT=FILE"),
        ("markdown=", "is not FORMAT=FILE"),
    ],
)
def test_a_report_that_makes_no_sense(project: Project, value: str, words: str) -> None:
    project.voices({"a": {}})
    before = (project.root / "voices/all.yaml").read_bytes()
    assert words in project.run("plan", "--report", value).expect(1).err
    assert (project.root / "voices/all.yaml").read_bytes() == before


def test_two_reports_in_one_file_and_one_nowhere(project: Project) -> None:
    project.voices({"a": {}})
    assert "is named twice" in project.run("plan", "--report", "json=x", "--report", "text=x").expect(1).err
    assert "can't be written" in project.run("plan", "--report", "json=no/where/x").expect(1).err


def test_a_report_that_can_not_be_written_hides_nothing(project: Project) -> None:
    project.voices({"a": {}})
    (project.root / "late.md").write_text("of an earlier run", encoding="utf-8")
    wanted = ("--report", "json=no/where.json", "--report", "markdown=late.md")
    done = project.run("apply", "--yes", *wanted).expect(1)
    assert "Applied: 1 change done" in done.out
    assert "no/where.json can't be written" in done.err
    assert "no/where.json can't be written" in (project.root / "late.md").read_text(encoding="utf-8")
    project.settled()
    one = project.run("apply", "--yes", "--format", "json", *wanted).expect(1)
    assert one.json["results"] == [], "one document, on a failure that comes after it too"
    assert "error" in project.run("plan", "--format", "json", *wanted).expect(1).json


def test_files_are_relative_to_the_directory_that_was_chosen(project: Project) -> None:
    project.voices({"a": {}})
    other = Project(project.root.parent, project.environ)
    other.run("plan", "--report", "markdown=plan.md", "-C", "project").expect(0)
    assert (project.root / "plan.md").is_file()
