"""Many catalogs in one answer."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from tests.conftest import Hand, Project
from tests.warm import warm


@pytest.fixture(autouse=True)
def _warm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicectl.cli.fleet.COMMAND", [f"{warm().on_path()}/voicectl"])


@pytest.fixture
def fleet(project: Project) -> Project:
    """Three projects in one repository, one of them in two environments."""
    projects: list[tuple[str, str, dict[str, Any]]] = [
        ("brand", "brand", {"environments": {"production": {}, "staging": {}}}),
        ("games/one", "one", {}),
        ("games/two", "two", {}),
    ]
    for directory, catalog, more in projects:
        place = Project(project.root / directory, project.environ)
        place.write("voicectl.yaml", yaml.safe_dump({"catalog": catalog, **more}))
        place.voices({"a": {"title": f"A of {catalog}"}})
    (project.root / "voicectl.yaml").unlink()
    return project


def member(project: Project, directory: str) -> Project:
    return Project(project.root / directory, project.environ)


def rows(project: Project, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = project.run("fleet", *arguments, "--format", "json").expect(code)
    return {f"{each['catalog']}.{each['environment']}": each for each in done.json["catalogs"]}


def test_every_project_and_environment_is_listed_in_one_table(fleet: Project) -> None:
    member(fleet, "games/one").apply()
    done = fleet.run("fleet", "list", "--format", "csv").expect(0)
    table = list(csv.DictReader(io.StringIO(done.out)))
    assert [(row["directory"], row["environment"], row["name"]) for row in table] == [
        ("brand", "production", "a"),
        ("brand", "staging", "a"),
        ("games/one", "", "a"),
        ("games/two", "", "a"),
    ]
    assert table[2]["id"] == member(fleet, "games/one").lock["voices"]["a"]["id"]
    assert "GAMES" not in fleet.run("fleet", "list", "--root", "brand").expect(0).out
    assert "A of two" in fleet.run("fleet", "list", "--columns", "name,title").expect(0).out


def test_the_worst_exit_code_counts(fleet: Project, hand: Hand) -> None:
    assert {each["exit"] for each in rows(fleet, "validate").values()} == {0}
    assert rows(fleet, "plan")["one.None"]["result"] == "1 to create, 0 unchanged"
    rows(fleet, "plan", "--detailed-exitcode", code=2)
    for directory in ("games/one", "games/two"):
        member(fleet, directory).apply()
    hand.patch(member(fleet, "games/two").lock["voices"]["a"]["id"], title="By hand")
    found = rows(fleet, "drift", code=1)
    assert found["two.None"]["exit"] == 2
    assert found["brand.staging"]["exit"] == 1, "nothing was ever applied there"
    member(fleet, "brand").apply("-e", "production")
    member(fleet, "brand").apply("-e", "staging")
    rows(fleet, "drift", code=2)
    text = fleet.run("fleet", "drift").expect(2).out
    assert "1 changed" in text
    assert "a  was changed in the account" in text
    page = fleet.run("fleet", "drift", "--format", "markdown", "--report", "sarif=d.sarif", "--report", "junit=d.xml")
    assert page.expect(2).out.startswith("### voicectl fleet drift")
    runs = json.loads((fleet.root / "d.sarif").read_text())["runs"]
    assert len(runs) == 4
    (result,) = [result for run in runs for result in run["results"]]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "games/two/voices/all.yaml"
    assert len(list(ET.parse(fleet.root / "d.xml").getroot())) == 4


def test_a_project_that_does_not_load_does_not_stop_the_others(fleet: Project) -> None:
    (fleet.root / "games/two/voices/all.yaml").write_text("voices: [\n")
    found = rows(fleet, "validate", code=1)
    assert found["two.None"]["error"]
    assert found["one.None"]["exit"] == 0
    (fleet.root / "games/one/voicectl.yaml").write_text("catalog: [")
    found = rows(fleet, "plan", "--offline", code=1)
    assert found["games/one.None"]["error"]
    assert found["brand.staging"]["exit"] == 0


def test_a_row_says_why_a_project_does_not_load(fleet: Project) -> None:
    (fleet.root / "games/two/voices/all.yaml").write_text("voices:\n  a: {titel: A, samples: []}\n")
    error = rows(fleet, "validate", code=1)["two.None"]["error"]
    assert error.startswith("voices/all.yaml:2:")
    assert error.endswith("more)")


def test_sarif_names_files_from_the_top_of_the_checkout_and_each_lockfile_where_it_is(
    fleet: Project, hand: Hand
) -> None:
    (fleet.root / ".git").mkdir()
    (fleet.root / "games/two/voicectl.yaml").write_text("catalog: two\nstate: state/two.lock.json\n")
    two = member(fleet, "games/two")
    two.voices({"a": {}, "b": {}})
    two.apply()
    two.voices({"b": {}})
    for name in ("a", "b"):
        hand.patch(json.loads((two.root / "state/two.lock.json").read_text())["voices"][name]["id"], title="By hand")
    done = fleet.run("fleet", "drift", "--root", "games", "--format", "sarif").expect(1)
    results = [result for run in json.loads(done.out)["runs"] for result in run["results"]]
    places = {each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in results}
    assert places == {"games/two/state/two.lock.json", "games/two/voices/all.yaml"}


def test_exit_codes_are_numbers_in_a_spreadsheet(fleet: Project) -> None:
    table = list(csv.DictReader(io.StringIO(fleet.run("fleet", "validate", "--format", "csv").expect(0).out)))
    assert {row["exit"] for row in table} == {"0"}


def test_two_projects_with_one_catalog_are_named(fleet: Project) -> None:
    (fleet.root / "games/two/voicectl.yaml").write_text("catalog: one\n")
    done = fleet.run("fleet", "validate").expect(1)
    assert done.out.count("another project has the catalog one, too: both would own the same marks") == 2


def test_models_that_nobody_claims_are_named_once(fleet: Project, hand: Hand) -> None:
    for directory in ("games/one", "games/two"):
        member(fleet, directory).apply()
    stranger = hand.create("A stranger")
    done = fleet.run("fleet", "drift", "--root", "games", "--unmanaged", "--format", "json").expect(0).json
    assert [each["id"] for each in done["unmanaged"]] == [stranger]
    assert fleet.run("fleet", "drift", "--root", "games", "--unmanaged").expect(0).out.count(stranger) == 1
    flags = ("--unmanaged", "--fail-on", "unmanaged", "--format", "junit")
    cases = ET.fromstring(fleet.run("fleet", "drift", "--root", "games", *flags).expect(2).out).iter("testcase")
    assert sum(stranger in ET.tostring(case, encoding="unicode") for case in cases) == 1


def test_what_counts_as_drift_is_said_in_every_format(fleet: Project) -> None:
    one = member(fleet, "games/one")
    consent = {"speaker": "Jane Roe", "granted_on": "2020-01-01", "expires_on": "2020-02-01"}
    for each in (one, member(fleet, "games/two")):
        each.apply()
    one.voices({"a": {"title": "A of one", "consent": consent}})
    done = fleet.run("fleet", "drift", "--root", "games", "--fail-on", "changed, consent_expired").expect(2)
    assert "No drift" not in done.out
    assert fleet.run("fleet", "drift", "--root", "games", "--fail-on", "nonsense").expect(1).err.count("nonsense") == 1


def test_where_there_is_no_project_the_way_out_is_named(tmp_path: Path, project: Project) -> None:
    (project.root / "voicectl.yaml").unlink()
    assert "name the repository with --root DIR" in project.run("fleet", "list").expect(1).err
    (project.root / ".hidden").mkdir()
    (project.root / ".hidden/voicectl.yaml").write_text("catalog: a\n")
    project.run("fleet", "list").expect(1)
    assert "does not exist" in project.run("fleet", "list", "--root", "gone").expect(1).err


def test_a_fleet_changes_nothing(fleet: Project, hand: Hand) -> None:
    before = {
        path: path.read_bytes() for path in fleet.root.rglob("*") if path.is_file() and ".voicectl" not in path.parts
    }
    for kind in ("list", "validate", "plan", "drift"):
        fleet.run("fleet", kind)
    assert hand.mutating() == []
    after = {
        path: path.read_bytes() for path in fleet.root.rglob("*") if path.is_file() and ".voicectl" not in path.parts
    }
    assert before == after


def test_the_callers_environment_is_not_each_projects(fleet: Project) -> None:
    before = fleet.run("fleet", "validate").expect(0).out
    fleet.environ["VOICECTL_ENV"] = "staging"
    assert fleet.run("fleet", "validate").expect(0).out == before
