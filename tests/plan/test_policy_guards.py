"""What a team's own policy refuses, and warns of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.memory import HERE, OPEN, catalog, voice
from tests.plan.sides import TODAY, creation, leaves, lock, model, prune, record, seen
from voicectl.model.catalog import Limit, Policy, Rule
from voicectl.model.voice import Consent
from voicectl.plan import policy_guards
from voicectl.plan.actions import Task
from voicectl.plan.case import UNFINISHED
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Action, Change, Notice, Refusal


@pytest.mark.parametrize(
    ("limit", "size", "names", "refused"),
    [
        # A share is rounded down: three tenths of 9 are 2.
        ("30%", 9, 2, False),
        ("30%", 9, 3, True),
        # One voice may always go, however small the catalog and the share.
        ("30%", 1, 1, False),
        ("30%", 2, 2, True),
        ("0%", 50, 1, False),
        # A number is meant as it stands, 0 included.
        ("0", 50, 1, True),
        ("2", 50, 2, False),
    ],
)
def test_a_limit_allows_a_share_rounded_down_and_at_least_one(limit: str, size: int, names: int, refused: bool) -> None:
    policy = replace(OPEN, max_deletes=Limit.parse(limit))
    found = list(policy_guards.check_limits([leaves(f"v{n}") for n in range(names)], policy, size))
    assert [refusal.code for refusal in found] == (["max_deletes"] if refused else [])


def test_a_limit_counts_voices_not_models_and_only_what_counts_towards_it() -> None:
    several_models = [leaves("a"), leaves("a"), leaves("a")]
    uncounted = [leaves("b", limit=None), leaves("c", limit="max_replaces")]
    one = replace(OPEN, max_deletes=Limit(1), max_replaces=Limit(0))
    (refusal,) = policy_guards.check_limits([*several_models, *uncounted], one, 10)
    assert (refusal.code, refusal.voices) == ("max_replaces", ("c",))


def test_unfinished_deletions_over_the_limit_name_both_ways_out() -> None:
    none = replace(OPEN, max_deletes=Limit(0))
    (begun,) = policy_guards.check_limits([leaves("a", UNFINISHED)], none, 3)
    assert "--max-deletes 1" in begun.hint
    assert "voicectl destroy --only NAME" in begun.hint
    (fresh,) = policy_guards.check_limits([leaves("a")], none, 3)
    assert "destroy" not in fresh.hint


@pytest.mark.parametrize(
    ("manifest", "recorded", "refused"),
    [(False, False, False), (True, False, True), (False, True, True), (True, True, True), (None, True, True)],
)
def test_protection_holds_until_manifest_and_lockfile_agree(
    manifest: bool | None, recorded: bool, refused: bool
) -> None:
    wanted = None if manifest is None else voice("a", protect=manifest)
    holding = Holding("a", wanted, record("m", voice("a"), protect=recorded))
    for task in (leaves("a"), prune("a", deleting=True)):
        found = list(policy_guards.check_protection([holding], [task], TODAY))
        assert [refusal.code for refusal in found] == (["protected"] if refused else [])


def test_protection_yields_to_a_withdrawn_consent_from_its_day_on() -> None:
    def refused(withdrawn_in: int) -> bool:
        consent = Consent("Jane", withdrawn_on=TODAY + timedelta(days=withdrawn_in))
        wanted = replace(voice("a", protect=True), consent=consent)
        return bool(list(policy_guards.check_protection([Holding("a", wanted)], [leaves("a")], TODAY)))

    assert refused(1)
    assert not refused(0)


def test_rules_refuse_or_warn_as_their_level_says() -> None:
    schema = {"required": ["consent"]}
    policy = replace(OPEN, rules=tuple(Rule(schema, "consent, please", level, HERE) for level in ("deny", "warn")))
    denied, warned = policy_guards.check_rules([Holding("a", voice("a")), Holding("left")], policy)
    assert (type(denied), type(warned)) == (Refusal, Notice)
    assert denied.message == "voices/all.yaml:2: a: consent, please"


@pytest.mark.parametrize(
    ("allowed", "wanted", "refused"),
    [("private", "private", False), ("private", "unlist", True), ("unlist", "unlist", False),
     ("unlist", "public", True), ("public", "public", False)],
)  # fmt: skip
def test_no_voice_is_made_beyond_the_widest_visibility(allowed: Any, wanted: str, refused: bool) -> None:
    task = creation("a", visibility=wanted)
    found = list(policy_guards.check_visibility([task], Policy(max_visibility=allowed)))
    assert [refusal.voices for refusal in found] == ([("a",)] if refused else [])


@pytest.mark.parametrize(("limit", "refused"), [(None, False), (2, True), (3, False)])
def test_the_models_of_a_catalog_are_counted_with_those_that_come_and_go(limit: int | None, refused: bool) -> None:
    wanted = catalog(voice("a"), voice("b"), policy=Policy(max_models=limit))
    account = seen(model("a-1", "a"), model("b-1", "b"), model("foreign"))
    tasks: list[Task] = [creation("c"), creation("d"), prune("b")]
    assert bool(list(policy_guards.check_models(tasks, lock(), account, wanted))) == refused
    assert not list(policy_guards.check_models([prune("a")], lock(), account, wanted)), "nothing is made"


def test_showing_voices_to_more_people_is_said_once() -> None:
    tasks = [Task(change=Change(name, Action.UPDATE, widens=name != "c")) for name in "abc"]
    (notice,) = policy_guards.warn_of_widening(tasks)
    assert notice.voices == ("a", "b")
    assert notice.message.startswith("2 voices are shown to more people")
