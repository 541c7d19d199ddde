"""Guard rails: a team's own rules, consent over time, ids in use elsewhere, renames that nobody declared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Hand, Project

RULES = [
    {
        "message": "titles begin with the brand",
        "schema": {"properties": {"title": {"pattern": "^Acme "}}},
    },
    {
        "message": "no public voice without the legal tag",
        "schema": {
            "if": {"properties": {"visibility": {"const": "public"}}},
            "then": {"properties": {"tags": {"contains": {"const": "legal"}}}},
        },
    },
    {
        "message": "more than two samples rarely help",
        "level": "warn",
        "schema": {"properties": {"samples": {"maxItems": 2}}},
    },
]


def day(offset: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=offset)).isoformat()


def codes(plan: dict[str, Any], kind: str = "warnings") -> list[str]:
    return [notice["code"] for notice in plan[kind]]


@pytest.fixture
def ruled(project: Project) -> Project:
    project.config(policy={"rules": RULES})
    return project


def test_voices_that_fit_the_rules(ruled: Project) -> None:
    cover = ruled.root / "covers/a.png"
    cover.parent.mkdir()
    cover.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(32))
    ruled.voices(
        {
            "a": {"title": "Acme A"},
            "b": {"title": "Acme B", "visibility": "public", "tags": ["legal"], "cover_image": "../covers/a.png"},
        }
    )
    ruled.run("validate").expect(0)
    ruled.apply()
    ruled.settled()


def test_a_rule_that_denies_stops_validate_with_a_place_and_plan_as_a_refusal(ruled: Project, hand: Hand) -> None:
    ruled.voices({"a": {"title": "Acme A"}, "b": {"title": "Other"}})
    assert "voices/all.yaml:6:3: b: titles begin with the brand; title: 'Other' does not" in (
        ruled.run("validate").expect(1).err
    )
    assert "::error file=voices/all.yaml,line=6" in ruled.run("validate", "--format", "github").expect(1).out
    done = ruled.run("plan").expect(3)
    assert "titles begin with the brand" in done.out
    ruled.run("apply", "--yes").expect(3)
    assert hand.mutating() == []
    ruled.run("apply", "--yes", "--exclude", "b").expect(0)
    assert [model["title"] for model in hand.models()] == ["Acme A"]


def test_a_rule_that_warns_only_warns(ruled: Project) -> None:
    samples = [{"audio": ruled.sample(f"{n}.wav")} for n in range(3)]
    ruled.voices({"a": {"title": "Acme A", "samples": samples}})
    assert "warning: a: more than two samples rarely help" in ruled.run("validate").expect(0).err
    assert codes(ruled.plan()) == ["rule"]
    ruled.apply()


def test_defaults_and_environment_are_part_of_what_rules_see(project: Project) -> None:
    project.config(
        defaults={"tags": ["legal"]},
        environments={"staging": {"title_suffix": " (staging)"}, "production": {}},
        policy={
            "rules": [
                {"message": "staging says so", "schema": {"properties": {"title": {"pattern": r"\(staging\)$"}}}},
                {"message": "legal", "schema": {"properties": {"tags": {"contains": {"const": "legal"}}}}},
            ]
        },
    )
    project.voices({"a": {}})
    project.run("validate", "--env", "staging").expect(0)
    assert "staging says so" in project.run("validate", "--env", "production").expect(1).err


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"message": "m", "schema": {"type": "nonsense"}}, "this is no JSON Schema"),
        ({"message": "m", "schema": {"properties": {"title": {"pattern": "("}}}}, "is no regular expression"),
        ({"message": "m", "schema": {"$ref": "http://127.0.0.1:1/schema.json"}}, "leads out of the rule"),
        ({"message": "m", "schema": {"$ref": "file:///etc/passwd"}}, "leads out of the rule"),
        ({"message": "m", "schema": {"pattern": "a" * 501}}, "more than 500 characters"),
        ({"schema": {}}, "no 'message'"),
        ({"message": "m"}, "no 'schema'"),
        ({"message": "m", "schema": {}, "level": "denied"}, "did you mean 'deny'"),
        ({"message": "m", "shape": {}}, "unknown key 'shape'"),
        ("text", "must be a mapping"),
    ],
)
def test_a_rule_that_is_none_is_told_with_its_place(project: Project, rule: Any, said: str) -> None:
    project.config(policy={"rules": [rule]})
    project.voices({"a": {}})
    done = project.run("validate").expect(1)
    assert said in done.err
    assert "voicectl.yaml:" in done.err
    assert "internal error" not in done.err


def test_a_reference_inside_a_rule_works_and_a_missing_one_is_no_traceback(project: Project) -> None:
    schema = {"properties": {"title": {"$ref": "#/$defs/short"}}, "$defs": {"short": {"maxLength": 3}}}
    project.config(policy={"rules": [{"message": "too long", "schema": schema}]})
    project.voices({"a": {"title": "Abcd"}})
    assert "too long" in project.run("validate").expect(1).err
    for broken in ({"$ref": "#/$defs/gone"}, {"$ref": "#"}, {"properties": {"title": {"$ref": "#/properties/title"}}}):
        project.config(policy={"rules": [{"message": "too long", "schema": broken}]})
        assert "references lead nowhere" in project.run("validate").expect(1).err
        assert "references lead nowhere" in project.run("plan", "--offline").expect(3).out


def test_a_consent_that_ends_warns_thirty_days_ahead_and_then_blocks_what_is_new(project: Project, hand: Hand) -> None:
    def consent(offset: int) -> dict[str, Any]:
        return {"consent": {"speaker": "Jane Roe", "expires_on": day(offset)}}

    project.voices({"a": consent(31), "b": {}})
    project.apply()
    assert codes(project.plan()) == []
    project.voices({"a": consent(30), "b": {}})
    assert codes(project.plan()) == ["consent_expiring"]
    assert "in 30 days" in project.run("validate").expect(0).err
    project.voices({"a": consent(-1), "b": {}})
    project.settled()
    assert "ended" in project.run("plan").expect(0).out
    project.voices({"a": {**consent(-1), "visibility": "unlist"}, "b": {"title": "New"}})
    assert codes(project.plan(), "refusals") == ["consent_missing"]
    project.run("apply", "--yes", "--exclude", "a").expect(0)
    project.voices({"a": {**consent(-1), "title": "Still allowed"}, "b": {"title": "New"}})
    project.apply()
    project.voices({"b": {"title": "New"}, "c": {**consent(-1)}})
    project.sample("c.wav", "c")
    assert "consent_missing" in codes(project.plan("--only", "c"), "refusals")


@pytest.mark.parametrize(("visibility", "word"), [("private", ""), ("unlist", "unlisted"), ("public", "public")])
def test_a_replacement_says_when_others_may_use_the_id(
    project: Project, hand: Hand, visibility: str, word: str
) -> None:
    cover = project.root / "covers/a.png"
    cover.parent.mkdir()
    cover.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(32))
    voice = {"visibility": visibility, "cover_image": "../covers/a.png", "samples": [{"audio": "../samples/a.wav"}]}
    project.sample("a.wav")
    project.voices({"a": voice})
    project.apply()
    project.sample("a.wav", "another")
    change = project.plan()["changes"][0]
    assert change["action"] == "replace"
    assert [word in text for text in change["warnings"]] == ([True] if word else [])
    out = project.run("plan").out
    assert f"The id will change; tell the users of {change['id']}." in out
    assert ("may be using it elsewhere" in out) == bool(word)


def test_a_rename_without_moved_is_suggested(project: Project) -> None:
    project.config(policy={"max_deletes": 9})
    project.voices({"teller": {}, "other": {}})
    project.apply()
    sample = {"samples": [{"audio": "../samples/teller.wav"}], "title": "Teller"}
    project.voices({"narrator": sample, "other": {}})
    plan = project.plan()
    assert codes(plan) == ["moved_suggested"]
    assert "moved: [{from: teller, to: narrator}]" in plan["warnings"][0]["hint"]
    assert codes(project.plan("--offline")) == ["moved_suggested"]
    project.voices({"narrator": sample, "other": {}}, moved=[{"from": "teller", "to": "narrator"}])
    plan = project.plan()
    assert codes(plan) == []
    assert [(change["name"], change["action"]) for change in plan["changes"]] == [("narrator", "update")]


def test_a_new_voice_with_the_samples_of_one_that_stays_is_no_rename(project: Project) -> None:
    project.voices({"teller": {}})
    project.apply()
    project.voices({"teller": {}, "narrator": {"samples": [{"audio": "../samples/teller.wav"}]}})
    assert codes(project.plan()) == []
