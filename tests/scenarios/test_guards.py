"""Guard rails: a team's own rules, consent over time, ids in use elsewhere, renames that nobody declared."""

from __future__ import annotations

import time
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
    assert "voices/all.yaml:6:3: b: titles begin with the brand; title does not fit pattern: '^Acme '" in (
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
        ({"message": "m", "schema": {"type": "nonsense"}}, "this is not a JSON Schema"),
        ({"message": "m", "schema": {"properties": {"title": {"pattern": "("}}}}, "is not a regular expression"),
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
    for broken in ({"$ref": "#"}, {"properties": {"title": {"$ref": "#/properties/title"}}}):
        project.config(policy={"rules": [{"message": "too long", "schema": broken}]})
        assert "can't be applied" in project.run("validate").expect(1).err
        assert "can't be applied" in project.run("plan", "--offline").expect(3).out
    for lost, said in (
        ("#/$defs/gone", "leads nowhere"),
        ("#/$defs/text", "is not a schema"),
        ("#nowhere", "leads nowhere"),
    ):
        rule = {
            "message": "m",
            "schema": {"properties": {"title": {"$ref": lost}}, "$defs": {"text": {"const": 1}, "n": True}},
        }
        rule["schema"]["$defs"]["text"] = 5 if lost == "#/$defs/text" else True  # type: ignore[index]
        project.config(policy={"rules": [rule]})
        assert project.run("validate").expect(1).err.count("voicectl.yaml:") >= 1, said


def test_a_breach_never_shows_what_is_private(project: Project) -> None:
    private = {"consent": {"speaker": "Jane Roe-Private"}, "metadata": {"phone": "555-0100"}}
    schemas = [{"not": {}}, {"properties": {"metadata": {"maxProperties": 0}}}, {"properties": {"consent": False}}]
    for schema in schemas:
        project.config(policy={"rules": [{"message": "m", "schema": schema}]})
        project.voices({"a": private})
        for command in (("validate",), ("plan", "--offline"), ("plan", "--offline", "--format", "json")):
            done = project.run(*command)
            assert "Private" not in done.out + done.err
            assert "555" not in done.out + done.err


def test_a_consent_warns_thirty_days_before_it_expires_and_then_blocks_new_models(project: Project, hand: Hand) -> None:
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
    assert "expired on" in project.run("plan").expect(0).out
    project.voices({"a": {**consent(-1), "visibility": "unlist"}, "b": {"title": "New"}})
    assert codes(project.plan(), "refusals") == ["consent_expired"]
    project.run("apply", "--yes", "--exclude", "a").expect(0)
    project.voices({"a": {**consent(-1), "title": "Still allowed"}, "b": {"title": "New"}})
    project.apply()
    project.voices({"b": {"title": "New"}, "c": {**consent(-1)}})
    project.sample("c.wav", "c")
    assert "consent_expired" in codes(project.plan("--only", "c"), "refusals")


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


def test_a_pattern_that_takes_for_ever_is_given_up(project: Project) -> None:
    schema = {"properties": {"title": {"pattern": "^(a|a)*$"}}}
    project.config(policy={"rules": [{"message": "only a", "schema": schema}]})
    project.voices({"v": {"title": "a" * 40 + "!"}})
    begun = time.monotonic()
    assert "simplify it" in project.run("validate").expect(1).err
    assert time.monotonic() - begun < 30, "it would take years"


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"propertis": {"title": {"pattern": "x"}}}, "did you mean 'properties'"),
        ({"properties": {"titel": {"pattern": "x"}}}, "did you mean 'title'"),
        ({"properties": {"title": {"patern": "x"}}}, "did you mean 'pattern'"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "another dialect"),
    ],
)
def test_a_rule_that_could_never_deny_is_an_error(project: Project, schema: Any, said: str) -> None:
    project.config(policy={"rules": [{"message": "m", "schema": schema}]})
    project.voices({"a": {}})
    assert said in project.run("validate").expect(1).err


@pytest.mark.parametrize("empty", ["description", "tags"])
def test_a_value_that_is_kept_stays_kept_where_nothing_was_applied_before(
    project: Project, hand: Hand, empty: str
) -> None:
    project.config(policy={"on_drift": "keep"})
    project.voices({"a": {}})
    project.apply()
    model = project.lock["voices"]["a"]["id"]
    marks = hand.get(model)["tags"]
    by_hand = {"description": "by hand"} if empty == "description" else {"tags": ["hand", *marks]}
    hand.patch(model, **by_hand)
    for title in ("A", "B", "B"):
        project.voices({"a": {"title": title}})
        assert codes(project.plan()) == ["kept"]
        project.apply()
        assert set(hand.get(model)["tags"]) == set(by_hand.get("tags", marks))
        assert hand.get(model)["description"] == by_hand.get("description", "")


def test_forgetting_names_every_model_that_loses_its_marks(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "b": {}})
    project.apply()
    first = project.lock["voices"]["a"]["id"]
    project.sample("a.wav", "another")
    project.config(policy={"max_replaces": 9, "max_deletes": 9})
    project.apply()
    project.voices({"b": {}}, removed=[{"name": "a", "keep_model": True}])
    (change,) = project.plan()["changes"]
    assert any(first in warning for warning in change["warnings"])


def test_a_consent_that_will_be_withdrawn_is_announced(project: Project) -> None:
    project.voices({"a": {"consent": {"speaker": "Jane", "withdrawn_on": day(10)}}})
    assert "the first apply from then on deletes every generation" in project.run("plan").expect(0).out


def test_a_restoration_says_which_id_ends(project: Project) -> None:
    project.config(policy={"max_replaces": 9})
    project.voices({"a": {}})
    project.apply()
    before = (project.root / "samples/a.wav").read_bytes()
    project.sample("a.wav", "another")
    project.apply()
    now = project.lock["voices"]["a"]["id"]
    (project.root / "samples/a.wav").write_bytes(before)
    text = project.run("plan").out
    assert f"{now} serves until then: tell its users" in text
    assert "The model that serves now is kept until" in text


def test_an_id_that_changed_behind_the_lockfile_is_told(project: Project) -> None:
    project.config(policy={"max_replaces": 9})
    project.voices({"a": {}})
    project.apply()
    old = project.lock_path.read_bytes()
    first = project.lock["voices"]["a"]["id"]
    project.sample("a.wav", "another")
    project.apply()
    project.lock_path.write_bytes(old)
    assert f"the lockfile says {first}: tell its users" in project.run("plan").out
    assert first in project.run("plan", "--format", "markdown").out.partition("Needs care")[2]


def test_showing_a_voice_to_more_people_is_said_first_and_counted(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "b": {}, "c": {}})
    project.apply()
    cover = project.root / "covers/a.png"
    cover.parent.mkdir()
    cover.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(32))
    project.voices(
        {"a": {"visibility": "public", "cover_image": "../covers/a.png"}, "b": {"visibility": "unlist"}, "c": {}}
    )
    text = project.run("plan").expect(0).out
    assert "1 to publish, 1 to unlist" in text
    assert text.count("making it private again does not call it back") == 1
    assert "covers/a.png sha256:" in text
    page = project.run("plan", "--format", "markdown").expect(0).out
    assert page.index("#### Warnings") < page.index("#### Needs care") < page.index("<details>")
    assert "**Everybody will see it" in page
    changes = {change["name"]: change["widens"] for change in project.plan()["changes"]}
    assert changes == {"a": True, "b": True}


def test_max_visibility_bounds_what_may_be_shown_also_in_one_environment(project: Project, hand: Hand) -> None:
    project.config(
        policy={"max_visibility": "unlist"},
        environments={"production": {}, "staging": {"policy": {"max_visibility": "private"}}},
    )
    project.voices({"a": {"visibility": "unlist"}, "b": {}})
    project.apply("-e", "production")
    done = project.run("plan", "-e", "staging").expect(3)
    assert "a would be unlist; policy.max_visibility is private" in done.out
    project.run("apply", "-e", "staging", "--yes").expect(3)
    project.apply("-e", "staging", "--exclude", "a")
    # The rest of the policy is the project's.
    project.config(
        policy={"max_visibility": "private"}, environments={"production": {"policy": {"max_deletes": 5}}, "staging": {}}
    )
    # What is shown already is not narrowed, and not refused.
    project.settled("-e", "production")


def test_max_models_counts_retired_generations(project: Project) -> None:
    project.config(policy={"max_models": 3})
    project.voices({"a": {}, "b": {}})
    project.apply()
    project.sample("a.wav", "another")
    project.apply()
    project.sample("b.wav", "another")
    done = project.run("plan").expect(3)
    assert "the catalog would have 4 models, retired ones included; policy.max_models is 3" in done.out


def test_equal_changes_of_many_voices_are_one_block(project: Project) -> None:
    names = [f"v{number}" for number in range(20)]
    project.voices({name: {} for name in names})
    project.apply()
    project.voices({name: {"description": "The same for all."} for name in names})
    page = project.run("plan", "--format", "markdown").expect(0).out
    assert page.count("<details>") == 1
    assert "<b>20 voices</b> update: description" in page
    assert all(name in page for name in names)
