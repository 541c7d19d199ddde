"""A team's own rules over the desired form of its voices. What hostile rules try: `attacks/test_rules.py`."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.memory import HERE, OPEN, catalog, voice
from tests.plan.sides import TODAY
from voicectl.errors import Place, Problem
from voicectl.model.catalog import Policy, Rule
from voicectl.model.voice import Consent, Voice
from voicectl.plan import rules
from voicectl.plan.rules import breach_problems, breaches, desired_form, findings


def policy(*schemas: dict[str, Any], level: Any = "deny") -> Policy:
    return replace(OPEN, rules=tuple(Rule(schema, "do as we do", level, HERE) for schema in schemas))


def broken(schema: dict[str, Any], *voices: Voice) -> list[str]:
    return [breach.where for breach in breaches(voices, policy(schema))]


FULL = replace(
    voice("a", tags=("x",), cover="one", retain=timedelta(days=1.5), ignore=["title", "tags"]),
    consent=Consent("Jane", expires_on=TODAY),
    free={"team": "audio"},
    speech_model="s2.1-pro",
)


def test_the_desired_form_is_json_without_what_has_no_value() -> None:
    form = desired_form(FULL)
    assert json.loads(json.dumps(form)) == form
    assert set(form) == set(rules.FORM) - {"model"}
    assert form["lifecycle"] == {"protect": False, "ignore": ["tags", "title"], "retain_days": 1.5}
    assert form["consent"] == {
        "speaker": "Jane",
        "expires_on": "2026-11-22",
        "visibilities": ["private"],
    }
    assert form["samples"] == [{"audio": "samples/one.wav", "format": "wav", "size": 1000}]
    assert form["cover_image"] == "covers/one.png"


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"required": ["consent"]}, "the voice does not fit required: ['consent']"),
        ({"properties": {"title": {"maxLength": 2}}}, "title does not fit maxLength: 2"),
        ({"properties": {"samples": {"items": {"required": ["transcript"]}}}}, "samples.0 does not fit required"),
        ({"properties": {"title": {"pattern": "^B"}}}, "title does not fit pattern: '^B'"),
        ({"properties": {"tags": {"uniqueItems": True}}}, ""),
        ({"properties": {"title": {"pattern": "^S"}}}, ""),
        ({"properties": {"metadata": {"additionalProperties": False}}}, "metadata does not fit additionalProperties"),
        (
            {"properties": {"metadata": {"patternProperties": {"^t": True}, "additionalProperties": False}}},
            "",
        ),
        ({"properties": {"metadata": {"patternProperties": {"^t": {"type": "number"}}}}}, "metadata.team does not fit"),
    ],
)
def test_a_breach_says_which_part_of_the_voice_does_not_fit_what(schema: dict[str, Any], where: str) -> None:
    found = broken(schema, replace(voice("a", title="Secret", tags=("x", "y")), free={"team": "audio"}))
    assert len(found) == bool(where)
    assert all(where in each for each in found)


def test_what_a_voice_says_is_never_repeated_since_it_may_be_private() -> None:
    schemas: tuple[dict[str, Any], ...] = (
        {"properties": {"metadata": {"const": {}}}},
        {"properties": {"title": {"pattern": "^B"}}},
    )
    for schema in schemas:
        (where,) = broken(schema, replace(voice("a", title="Secret"), free={"phone": "Secret"}))
        assert "Secret" not in where


@pytest.mark.parametrize(
    ("items", "fits"), [([1, True], True), ([1, 1.0], False), ([{"a": 1}, {"a": 1}], False), ([[1], [2]], True)]
)
def test_items_are_equal_as_json_schema_has_it(items: list[Any], fits: bool) -> None:
    schema = {"properties": {"metadata": {"properties": {"list": {"uniqueItems": True}}}}}
    assert (broken(schema, replace(voice("a"), free={"list": items})) == []) == fits


def test_breaches_come_by_voice_and_then_by_rule() -> None:
    strict = policy({"required": ["consent"]}, {"required": ["model"]})
    found = [(b.voice.name, b.rule.schema["required"]) for b in breaches([voice("b"), voice("a")], strict)]
    assert found == [("b", ["consent"]), ("b", ["model"]), ("a", ["consent"]), ("a", ["model"])]


@pytest.mark.parametrize(
    "schema", [{"$ref": "#"}, {"$ref": "https://example.com/rule.json"}], ids=["leads back to itself", "is elsewhere"]
)
def test_a_rule_that_can_not_be_applied_lets_nothing_pass(schema: dict[str, Any]) -> None:
    assert broken(schema, voice("a")) == ["the rule can't be applied: do its references lead back to themselves?"]


def test_a_rule_that_runs_out_of_time_is_said_once_and_refuses_whatever_its_level(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "ONE_RULE", 0.0)
    monkeypatch.setattr(rules, "PER_VOICE", 0.0)
    (breach,) = breaches([voice("a"), voice("b")], policy({"required": ["consent"]}, level="warn"))
    assert breach.rule.level == "deny"
    assert "takes too long" in breach.where


def test_the_level_of_a_rule_makes_an_error_or_a_warning() -> None:
    for level, expected in (("deny", "error"), ("warn", "warning")):
        (problem,) = breach_problems(catalog(voice("a"), policy=policy({"required": ["consent"]}, level=level)))
        assert (problem.level, problem.place, problem.message) == (expected, HERE, "a: do as we do")


def test_findings_stand_in_the_order_of_the_files() -> None:
    late, early = (replace(voice(name), source=Place(f"{name}.yaml")) for name in ("z", "a"))
    warned = Problem(Place("m.yaml"), "something", level="warning")
    wanted = replace(catalog(late, early, policy=policy({"required": ["consent"]})), warnings=(warned,))
    assert [problem.place.file for problem in findings(wanted, TODAY)] == ["a.yaml", "m.yaml", "z.yaml"]
