"""All names together: what is decided, in which order, and what a plan says beside its changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.memory import OPEN, catalog, voice
from tests.plan.sides import TODAY, asked, case, gone, lock, model, record, seen
from voicectl.model.catalog import Catalog, Limit
from voicectl.model.lock import Lock
from voicectl.model.observed import Model, Observation
from voicectl.model.voice import Consent
from voicectl.plan.actions import Prune
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Notice, Plan, Selectors
from voicectl.plan.planner import decide, make_plan


def plan(wanted: Catalog, held: Lock, observed: Observation, **values: Any) -> Plan:
    return make_plan(asked(wanted, **values), held, observed).plan


def changes(found: Plan) -> list[tuple[str, str]]:
    return [(change.name, change.action.value) for change in found.changes]


def test_unfinished_deletions_come_first_then_each_action_in_its_turn_then_names() -> None:
    over: Any = {"days": 30}
    held = lock(
        {
            "update": record("m1", voice("update")),
            "refresh": record("m2", voice("refresh")),
            "replace": record("m3", voice("replace", "before")),
            "restore": record("m4", voice("restore", "later"), generation=2, retired=(gone("m5", "one"),)),
            "forget": record("m6", voice("forget"), origin="adopted"),
            "retire": record("m7", voice("retire")),
        },
        removed={"z-prune": gone("m8", **over), "unfinished": gone("m9", deleting=True, **over)},
    )
    observed = seen(
        model("m1", "update", title="By hand"),
        model("m2", "refresh", title="New"),
        model("m3", "replace", "before"),
        model("m4", "restore", "later"),
        model("m5", "restore", "one", retired=True),
        model("m6", "forget", None),
        model("m7", "retire"),
        model("m8", "z-prune", retired=True),
        model("m9", "unfinished", retired=True),
    )
    wanted = catalog(
        *(voice(name) for name in ("update", "b-create", "a-create", "restore")),
        voice("replace", "after"),
        voice("refresh", title="New"),
    )
    assert changes(plan(wanted, held, observed)) == [
        ("unfinished", "prune"),
        ("refresh", "refresh"),
        ("update", "update"),
        ("a-create", "create"),
        ("b-create", "create"),
        ("replace", "replace"),
        ("restore", "restore"),
        ("forget", "forget"),
        ("retire", "retire"),
        ("z-prune", "prune"),
    ]


@pytest.mark.parametrize(("complete", "expected"), [(True, [("a", "prune")]), (False, [])])
def test_after_an_incomplete_listing_nothing_is_deleted(complete: bool, expected: list[Any]) -> None:
    held = lock(removed={"a": gone("m1", days=30)})
    found = plan(catalog(), held, seen(model("m1", "a", retired=True), complete=complete))
    assert changes(found) == expected


def test_a_share_is_one_of_the_voices_that_the_account_shows() -> None:
    """Neither a manifest nor a lockfile makes a catalog look larger than it is."""
    half = replace(OPEN, max_deletes=Limit(50, percent=True))
    held = lock({f"v{n}": record(f"m{n}", voice(f"v{n}")) for n in range(4)})
    shown = [model(f"m{n}", f"v{n}") for n in range(4)]
    keeps = [voice("v2"), voice("v3")]
    assert plan(catalog(*keeps, policy=half), held, seen(*shown)).refusals == ()
    padded = [voice(f"new{n}") for n in range(20)]
    found = plan(catalog(voice("v3"), *padded, policy=half), held, seen(*shown))
    assert [refusal.message for refusal in found.refusals] == [
        "3 of 4 voices would be retired or deleted; the limit is 2 (50%)"
    ]
    fake = replace(held, voices={**held.voices, **{f"x{n}": record(f"y{n}", voice(f"x{n}")) for n in range(20)}})
    assert "max_deletes" in [r.code for r in plan(catalog(voice("v3"), policy=half), fake, seen(*shown)).refusals]


def decided(holding: Holding, wanted: Catalog, **values: Any) -> list[str]:
    found = decide(case(holding, wanted, **values))
    return [each.code if isinstance(each, Notice) else type(each).__name__ for each in found]


CURRENT = {"record": record("m1", voice("a")), "current": model("m1", "a", title="By hand")}


@pytest.mark.parametrize(
    ("more", "expected", "destroyed"),
    [
        ({}, ["Update"], ["Prune"]),
        ({"foreign": model("m1", tags=("voicectl:other",))}, [], []),
        ({"contradiction": "its marks say b"}, [], ["Prune"]),
        ({"unreadable": "no access"}, ["unreadable"], ["unreadable"]),
    ],
)
def test_nothing_is_done_about_a_name_while_it_is_in_doubt(
    more: dict[str, Any], expected: list[str], destroyed: list[str]
) -> None:
    holding = Holding("a", voice("a"), **CURRENT, **more)  # type: ignore[arg-type]
    assert decided(holding, catalog(voice("a"))) == expected
    assert decided(holding, catalog(voice("a")), destroy=True) == destroyed


def test_withdrawn_consent_deletes_every_generation_at_once_and_counts() -> None:
    wanted = replace(voice("a", protect=True), consent=Consent("Jane", withdrawn_on=TODAY))
    pair = ((gone("m0", "zero"), model("m0", "a", "zero", retired=True)),)
    holding = Holding("a", wanted, retired=pair, **CURRENT)  # type: ignore[arg-type]
    notice, *tasks = decide(case(holding, catalog(wanted)))
    assert isinstance(notice, Notice)
    assert "although it is protected" in notice.message
    assert [(type(task), task.limit) for task in tasks if isinstance(task, Prune)] == [(Prune, "max_deletes")] * 2


def test_selectors_do_not_change_whose_a_model_is() -> None:
    """The twin of a voice that is left out is not taken for an orphan, nor a moved model for a new one."""
    held = lock({"old": record("m1", voice("old"))})
    wanted = catalog(voice("new"), voice("b", "two"), moved={"old": "new"})
    observed = seen(model("m1", "old"))
    only_b = plan(wanted, held, observed, selectors=Selectors(only=("b",)))
    assert (changes(only_b), only_b.summary.left_out) == ([("b", "create")], 1)
    assert changes(plan(wanted, held, observed, selectors=Selectors(only=("old",)))) == [("new", "update")]
    assert changes(plan(wanted, held, observed, saved=only_b)) == [("b", "create")]


def test_orphans_are_listed_beside_their_retirement() -> None:
    orphan: Model = model("m1", "lost")
    found = plan(catalog(voice("a")), lock({"a": record("m2", voice("a"))}), seen(orphan, model("m2", "a")))
    assert [(each.id, each.name) for each in found.orphaned] == [("m1", "lost")]
    assert changes(found) == [("lost", "retire")]


@pytest.mark.parametrize(("before", "wanted", "widens"), [("private", "public", True), ("public", "private", False)])
def test_what_the_provider_did_not_take_is_listed_with_whether_it_widens(
    before: Any, wanted: Any, widens: bool
) -> None:
    locked = model("m1", "a", visibility=before, lock_visibility=True)
    held = lock({"a": record("m1", voice("a", visibility=before))})
    (blocked,) = plan(catalog(voice("a", visibility=wanted)), held, seen(locked)).blocked
    assert (blocked.desired, blocked.observed, blocked.widens) == (wanted, before, widens)


def test_nothing_is_due_in_time_that_the_account_has_not_told() -> None:
    held = lock(removed={"a": gone("m1", days=30)})
    assert changes(plan(catalog(), held, seen(model("m1", "a", retired=True), time=None))) == []
    later = seen(model("m1", "a", retired=True), time=asked(catalog()).now - timedelta(days=29))
    assert changes(plan(catalog(), held, later)) == []


GONE_PAIR: Any = ((gone("m0", "zero"), model("m0", "a", "zero", retired=True)),)


@pytest.mark.parametrize(
    ("holding", "expected"),
    [
        (Holding("a", record=record("m1", voice("a")), current=model("m1", "a"), retired=GONE_PAIR), ["ForgetVoice"]),
        (Holding("a", retired=GONE_PAIR), ["Forget"]),
    ],
    ids=["a voice that leaves now", "what is left of one that left before"],
)
def test_keep_model_forgets_and_deletes_nothing(holding: Holding, expected: list[str]) -> None:
    assert decided(holding, catalog(keep=("a",))) == expected


def test_generations_of_a_voice_that_is_forgotten_are_forgotten_with_it() -> None:
    adopted = record("m1", voice("a"), origin="adopted")
    over: Any = ((gone("m0", "zero", days=30), model("m0", "a", "zero", retired=True)),)
    left = Holding("a", record=adopted, current=model("m1", "a", None), retired=over)
    assert decided(left, catalog()) == ["ForgetVoice"]
