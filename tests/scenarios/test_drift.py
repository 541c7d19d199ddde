"""The auditor's question: has anybody changed a voice by hand?"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from tests.conftest import Hand, Project
from voicectl.cli.commands import schema as schemas

FORMATS = ("text", "json", "markdown", "junit", "sarif")


@pytest.fixture
def applied(project: Project) -> Project:
    project.config(policy={"max_deletes": 9, "max_replaces": 9})
    project.voices({name: {"description": "As applied", "tags": ["x"]} for name in ("a", "b", "c")})
    project.apply()
    return project


def model(project: Project, name: str = "a") -> str:
    return str(project.lock["voices"][name]["id"])


def report(project: Project, *arguments: str, code: int | None = None) -> dict[str, Any]:
    done = project.run("drift", "--format", "json", *arguments)
    assert code is None or done.code == code, done.err
    value: dict[str, Any] = done.json
    jsonschema.validate(value, schemas.schema("drift"))
    return value


def voice(value: dict[str, Any], name: str = "a") -> dict[str, Any]:
    (found,) = (row for row in value["voices"] if row["name"] == name)
    return dict(found)


def test_in_step_with_get_requests_only(applied: Project, hand: Hand) -> None:
    hand.emulator.log.clear()
    value = report(applied, code=0)
    assert {row["status"] for row in value["voices"]} == {"in_step"}
    assert value["summary"] == {**dict.fromkeys(value["summary"], 0), "in_step": 3}
    assert voice(value)["unverifiable"] == ["samples", "enhance_audio_quality"]
    assert hand.mutating() == []
    assert len(hand.requests()) <= 2
    assert "No drift." in applied.run("drift").expect(0).out


def edited(project: Project, hand: Hand) -> None:
    hand.patch(model(project), title="By hand", tags=["y", *(t for t in hand.get(model(project))["tags"] if t != "x")])


def deleted(project: Project, hand: Hand) -> None:
    hand.delete(model(project))


def unmarked(project: Project, hand: Hand) -> None:
    hand.patch(model(project), tags=["x"])


def failed(project: Project, hand: Hand) -> None:
    hand.raw(model(project), state="failed")


def taken_down(project: Project, hand: Hand) -> None:
    hand.raw(model(project), dmca_taken_down=True)


def retiring(project: Project, hand: Hand) -> None:
    hand.raw(model(project), pvc_release_state="retiring")


def training(project: Project, hand: Hand) -> None:
    hand.raw(model(project), state="training")


def consent(project: Project, hand: Hand) -> None:
    ended = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    voices = {name: {"description": "As applied", "tags": ["x"]} for name in ("a", "b", "c")}
    project.voices({**voices, "a": {**voices["a"], "consent": {"speaker": "Jane", "expires_on": ended}}})


@pytest.mark.parametrize(
    ("happens", "status", "code"),
    [
        (edited, "changed", 2),
        (unmarked, "changed", 2),
        (deleted, "missing", 2),
        (failed, "failed", 2),
        (taken_down, "taken_down", 2),
        (retiring, "retiring", 0),
        (training, "not_ready", 0),
        (consent, "consent_expired", 0),
    ],
)
def test_statuses(
    applied: Project, hand: Hand, happens: Callable[[Project, Hand], None], status: str, code: int
) -> None:
    happens(applied, hand)
    hand.emulator.log.clear()
    value = report(applied, code=code)
    assert voice(value)["status"] == status
    assert (value["summary"][status], value["summary"]["in_step"]) == (1, 2)
    assert hand.mutating() == []
    report(applied, "--fail-on", status, code=2)
    report(applied, "--fail-on", "unmanaged", code=0)
    report(applied, "--exclude", "a", code=0)
    for fmt in FORMATS:
        out = applied.run("drift", "--format", fmt).expect(code).out
        assert "\x1b" not in out


def test_what_was_changed_and_when(applied: Project, hand: Hand) -> None:
    edited(applied, hand)
    fields = {field["field"]: field for field in voice(report(applied))["fields"]}
    assert fields["title"] == {"field": "title", "recorded": "A", "observed": "By hand"}
    assert fields["tags"] == {"field": "tags", "recorded": ["x"], "observed": ["y"]}
    text = applied.run("drift").out
    assert 'last applied  "A"' in text
    assert 'account now   "By hand"' in text
    assert "the provider does not tell by whom" in text
    assert "voices/all.yaml:2" in text
    page = applied.run("drift", "--format", "markdown").out
    assert 'title: "By hand"' in page
    assert 'tags: ["y"]' in page


def test_a_manifest_that_is_ahead_is_no_drift(applied: Project, hand: Hand) -> None:
    applied.voices({"a": {"title": "New", "description": "As applied", "tags": ["x"]}, "b": {}, "d": {}})
    value = report(applied, code=0)
    assert value["summary"]["in_step"] == 3
    assert value["summary"]["pending"] == 4, "a and b changed, c left, d is new"


def test_invalid_manifests_are_told_and_left_out(applied: Project, hand: Hand) -> None:
    (applied.root / "voices/all.yaml").write_text("voices: [")
    edited(applied, hand)
    done = applied.run("drift", "--format", "json").expect(2)
    assert "so this compares lockfile and account only" in done.err
    assert voice(done.json)["status"] == "changed"


def test_samples_are_not_opened(applied: Project) -> None:
    for path in (applied.root / "samples").iterdir():
        path.unlink()
    report(applied, code=0)


def test_unmanaged_foreign_and_orphaned(applied: Project, hand: Hand) -> None:
    mine = hand.create("Made by hand")
    hand.create("Theirs", tags=["voicectl:other", "voicectl:other:z:0123456789ab"])
    assert report(applied, code=0)["unmanaged"] == []
    value = report(applied, "--unmanaged", code=0)
    assert [row["id"] for row in value["unmanaged"]] == [mine]
    assert (value["summary"]["unmanaged"], value["summary"]["foreign"]) == (1, 1)
    report(applied, "--unmanaged", "--fail-on", "unmanaged", code=2)
    orphan = hand.create("Orphan", tags=["voicectl:acme", "voicectl:acme:gone:0123456789ab"])
    value = report(applied, code=2)
    assert value["orphaned"] == [{"id": orphan, "name": "gone", "title": "Orphan"}]


def test_retired_generations_count(applied: Project, hand: Hand) -> None:
    applied.voices(
        {"a": {"description": "As applied", "tags": ["x"]}, "b": {"description": "As applied", "tags": ["x"]}}
    )
    applied.apply()
    report(applied, code=0)
    gone = applied.lock["removed"]["c"]["retired"][0]["id"]
    hand.delete(gone)
    value = report(applied, code=2)
    assert (voice(value, "c")["status"], voice(value, "c")["id"]) == ("missing", gone)


def test_ignored_and_blocked_fields_are_no_drift(project: Project, hand: Hand) -> None:
    project.voices({"a": {"description": "From Git", "lifecycle": {"ignore": ["description"]}}})
    project.apply()
    hand.patch(model(project), description="From the web app")
    report(project, code=0)


def test_external_voices_are_looked_up(project: Project, hand: Hand) -> None:
    other = hand.create("A library voice")
    project.voices({"a": {}, "guest": {"model": other, "external": True, "title": "Guest"}})
    project.apply()
    hand.patch(other, title="Its owner renamed it")
    report(project, code=0)
    hand.delete(other)
    assert voice(report(project, code=2), "guest")["status"] == "missing"


def test_junit_has_a_case_a_voice(applied: Project, hand: Hand) -> None:
    edited(applied, hand)
    hand.patch(model(applied, "b"), title="\x1b[2J\u202e<script>&\uffff")
    root = ET.fromstring(applied.run("drift", "--format", "junit").expect(2).out)
    (suite,) = root
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "2", "0")
    cases = {case.get("name"): case.find("failure") for case in suite.iter("testcase")}
    assert [name for name, failure in cases.items() if failure is not None] == ["a", "b"]
    assert suite[0].tag == "properties"
    assert [child.tag for child in suite][-2:] == ["system-out", "system-err"]


def test_sarif_points_at_the_manifest(applied: Project, hand: Hand) -> None:
    edited(applied, hand)
    (run,) = json.loads(applied.run("drift", "--format", "sarif").expect(2).out)["runs"]
    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("voices/all.yaml", 2)
    assert (result["ruleId"], result["level"]) == ("changed", "error")
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "changed"
    again = json.loads(applied.run("drift", "--format", "sarif").expect(2).out)["runs"][0]["results"][0]
    assert again["partialFingerprints"] == result["partialFingerprints"]


def test_nothing_to_compare_with_and_a_wrong_account(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    assert "nothing to compare" in project.run("drift").expect(1).err
    project.apply()
    lock = project.lock
    lock["provider"]["account"] = "f" * 32
    project.lock_path.write_text(json.dumps(lock))
    assert "the key opens account" in project.run("drift").expect(1).err
    assert "is empty" in project.run("drift", "--fail-on", "").expect(1).err
    done = project.run("drift", "--format", "json", "--fail-on", "nonsense").expect(1)
    assert done.json["error"]["code"] == "usage"


def test_a_selector_that_matches_nothing(applied: Project) -> None:
    assert "matches no voice" in applied.run("drift", "--only", "nobody").expect(1).err
    assert "2 left out" in applied.run("drift", "--only", "a").expect(0).out


def test_requests_follow_the_catalog(project: Project, hand: Hand) -> None:
    project.voices({f"v{number:03}": {} for number in range(250)})
    project.apply()
    hand.emulator.log.clear()
    report(project, code=0)
    assert len(hand.requests()) <= 250 / 100 + 2


def test_a_retired_generation_that_is_public_again_and_a_stray(applied: Project, hand: Hand) -> None:
    applied.voices({name: {"description": "As applied", "tags": ["x"]} for name in ("a", "b")})
    applied.apply()
    hand.raw(applied.lock["removed"]["c"]["retired"][0]["id"], visibility="public")
    assert voice(report(applied, code=2), "c")["status"] == "changed"
    hand.raw(applied.lock["removed"]["c"]["retired"][0]["id"], visibility="private")
    report(applied, code=0)
    stray = hand.create("Stray", tags=["voicectl:acme", "voicectl:acme:a:0123456789ab"])
    assert [row["id"] for row in report(applied, code=2)["orphaned"]] == [stray]


def test_consents_that_end_are_counted_whatever_else_is_wrong(project: Project, hand: Hand) -> None:
    soon = (datetime.now(UTC).date() + timedelta(days=10)).isoformat()
    consent = {"speaker": "Jane Roe", "document": "contracts/1.pdf", "expires_on": soon}
    project.voices({"a": {"consent": consent}, "b": {"consent": consent}, "c": {}})
    project.apply()
    hand.patch(project.lock["voices"]["b"]["id"], title="By hand")
    report = project.run("drift", "--format", "json").expect(2).json
    assert report["summary"]["consent_expiring"] == 2
    assert [voice["status"] for voice in report["voices"]] == ["changed", "consent_expiring", "in_step"], "worst first"
    assert "Jane Roe (contracts/1.pdf)" in report["voices"][1]["notes"][-1]
    project.apply("--only", "b")
    project.run("drift").expect(0)
    done = project.run("drift", "--fail-on", "consent_expiring").expect(2)
    assert "renew the consent before then" in done.out
    project.config(policy={"consent_warning_days": 5})
    project.run("drift", "--fail-on", "consent_expiring,consent_expired").expect(0)


def test_a_report_says_what_apply_does_and_how_to_keep_the_accounts_value(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "b": {}})
    project.apply()
    hand.patch(project.lock["voices"]["a"]["id"], title="By hand")
    hand.delete(project.lock["voices"]["b"]["id"])
    text = project.run("drift").expect(2).out
    assert text.index("b  is gone") < text.index("a  was changed")
    assert "the next apply makes it again, with another id" in text
    assert "`voicectl pull --only a` takes the account's values into Git" in text
