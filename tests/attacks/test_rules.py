"""A pull request wants CI to hang: with a rule, or with a text that an honest rule takes for ever to read."""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Done, Project
from voicectl.errors import Place
from voicectl.model.catalog import Policy, Rule
from voicectl.model.voice import Metadata, Voice
from voicectl.plan import rules

SECONDS = 60.0
"""Far more than the bounds, far less than for ever."""
EVIL = "^(a|aa)+$"
TEXT = "a" * 60 + "!"


def voices(count: int = 3, **more: Any) -> dict[str, Any]:
    return {f"v{n}": {"title": TEXT, "metadata": {TEXT: 1, "list": [{"n": n} for n in range(3)]}} for n in range(count)}


HANGING: dict[str, dict[str, Any]] = {
    "pattern": {"properties": {"title": {"pattern": EVIL}}},
    "not pattern": {"properties": {"title": {"not": {"pattern": EVIL}}}},
    "propertyNames": {"properties": {"metadata": {"propertyNames": {"pattern": EVIL}}}},
    "patternProperties": {"properties": {"metadata": {"patternProperties": {EVIL: True}}}},
    "additionalProperties": {
        "properties": {"metadata": {"patternProperties": {EVIL: True}, "additionalProperties": False}}
    },
    "another dialect inside": {
        "properties": {
            "metadata": {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "patternProperties": {EVIL: True},
            }
        }
    },
    "through a reference": {
        "properties": {"metadata": {"$ref": "#/$defs/m"}},
        "$defs": {"m": {"additionalProperties": False, "patternProperties": {EVIL: True}}},
    },
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A tenth of the time for each text. What hangs in this process in spite of that ends it, which fails the test."""
    monkeypatch.setattr(rules, "PATIENCE", rules.PATIENCE / 10)
    faulthandler.dump_traceback_later(SECONDS, exit=True, file=2)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("level", ["deny", "warn"])
@pytest.mark.parametrize("rule", HANGING)
def test_a_pattern_has_an_end_and_is_told_once(project: Project, rule: str, level: str) -> None:
    project.voices(voices())
    project.config(policy={"rules": [{"message": "our rule", "level": level, "schema": HANGING[rule]}]})
    told_once(project.run("validate"), project.run("plan", "--offline"))


def test_a_pattern_has_an_end_within_the_real_bounds(project: Project) -> None:
    project.voices(voices())
    project.config(policy={"rules": [{"message": "our rule", "schema": HANGING["through a reference"]}]})
    told_once(project.spawn("validate", timeout=SECONDS), project.spawn("plan", "--offline", timeout=SECONDS))


def told_once(validation: Done, plan: Done) -> None:
    assert validation.expect(1).err.count("the rule takes too long for this catalog: simplify it") == 1
    assert plan.expect(3).out.count("the rule takes too long") == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"patternProperties": {EVIL: True}, "unevaluatedProperties": False}, "does not go together"),
        ({"allOf": [{"patternProperties": {EVIL: True}}], "unevaluatedProperties": False}, "does not go together"),
        ({"properties": {"title": {"pattern": "((a{1000}){1000}){1000}"}}}, "repeats its parts"),
        ({"properties": {"title": {"pattern": "((a{1,1000}){ 1 , 1000 }){1000,}"}}}, "repeats its parts"),
    ],
)
def test_what_has_no_bound_is_no_rule(project: Project, schema: dict[str, Any], said: str) -> None:
    project.voices(voices())
    project.config(policy={"rules": [{"message": "our rule", "schema": schema}]})
    done = project.run("validate").expect(1)
    assert said in done.err
    assert "voicectl.yaml:" in done.err


@pytest.mark.usefixtures("impatient")
def test_many_items_are_not_each_compared_with_each(project: Project) -> None:
    entry: dict[str, Any] = {"title": "T", "metadata": {"list": [{"n": n} for n in range(40_000)]}}
    project.voices({"a": entry})
    schema = {"properties": {"metadata": {"properties": {"list": {"uniqueItems": True}}}}}
    project.config(policy={"rules": [{"message": "our rule", "schema": schema}]})
    project.run("validate").expect(0)
    entry["metadata"]["list"][1] = {"n": 0}
    project.voices({"a": entry})
    assert "uniqueItems" in project.run("validate").expect(1).err


def test_the_budget_is_one_for_all_voices_and_all_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each single check is quick here; only together they take too long."""
    monkeypatch.setattr(rules, "ONE_RULE", 0.2)
    monkeypatch.setattr(rules, "ALL_RULES", 0.5)
    monkeypatch.setattr(rules, "PER_VOICE", 0.0)
    rule = Rule(
        {"properties": {"title": {"pattern": "^(a|b|ab)*$"}, "name": {"minLength": 1}}},
        "m",
        "warn",
        Place("voicectl.yaml"),
    )
    every = [Voice(f"v{n}", Place("voices/a.yaml"), metadata=Metadata(title="ab" * 500)) for n in range(20_000)]
    found = list(rules.breaches(every, Policy(rules=(rule,) * 5)))
    assert [breach.rule.level for breach in found] == ["deny"] * 5
    assert found[0].voice is not every[0]


def test_control_rules_within_their_budget_say_what_they_said(project: Project) -> None:
    project.voices(voices(1))
    schema = {
        "properties": {
            "metadata": {"patternProperties": {"^l": {"type": "string"}}, "additionalProperties": {"type": "string"}}
        }
    }
    for keys, said in (("list", "patternProperties"), ("other", "additionalProperties")):
        project.config(policy={"rules": [{"message": "our rule", "schema": schema}]})
        project.voices({"a": {"metadata": {keys: 1}}})
        assert "does not fit type: 'string'" in project.run("validate").expect(1).err, said
        project.voices({"a": {"metadata": {keys: "text"}}})
        project.run("validate").expect(0)
