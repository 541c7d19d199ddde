"""Saved plans: what was reviewed is what is applied, or what a killed run left of it, or nothing.

Killed and stale runs of real commands: `scenarios/test_saved_plans.py`; any bytes: `test_saved_is_untrusted.py`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.memory import OPEN, START, catalog, voice
from tests.plan.sides import asked, gone, lock, marks, model, record, seen
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock
from voicectl.model.observed import Observation
from voicectl.plan.plan import Held, Plan
from voicectl.plan.planner import Planned, make_plan
from voicectl.plan.saved import PlanInvalid, PlanStale, check_current, check_identity, listed

HELD = lock({"a": record("m1", voice("a"))})
SEEN = model("m1", "a")


def planned(wanted: Catalog, held: Lock = HELD, observed: Observation | None = None, **values: Any) -> Planned:
    return make_plan(asked(wanted, **values), held, observed or seen(SEEN))


def check(saved: Plan, wanted: Catalog, held: Lock = HELD, observed: Observation | None = None) -> None:
    now = planned(wanted, held, observed, saved=saved)
    check_current(saved, now.plan, now.tasks, wanted, held)


def stale(saved: Plan, wanted: Catalog, held: Lock = HELD, observed: Observation | None = None) -> str:
    """The voices that moved, as the message names them."""
    with pytest.raises(PlanStale) as refused:
        check(saved, wanted, held, observed)
    return refused.value.message.removeprefix("the saved plan is stale, these moved since it was made: ")


NEW_TITLE = catalog(voice("a", title="New"))


def test_a_plan_is_good_while_nothing_moves() -> None:
    check(planned(NEW_TITLE).plan, NEW_TITLE)


@pytest.mark.parametrize(
    ("wanted", "held", "observed", "moved"),
    [
        (catalog(voice("a", title="Newer")), HELD, None, "a (Git)"),
        (NEW_TITLE, HELD, seen(replace(SEEN, description="By hand")), "a (account)"),
        (catalog(voice("a", title="New"), voice("b", "two")), HELD, None, "b (Git)"),
    ],
    ids=["Git", "account", "a voice that the plan does not have"],
)
def test_what_moved_is_named_with_its_side(
    wanted: Catalog, held: Lock, observed: Observation | None, moved: str
) -> None:
    assert stale(planned(NEW_TITLE).plan, wanted, held, observed) == moved


def test_places_and_volatile_values_may_move() -> None:
    saved = planned(NEW_TITLE).plan
    place = replace(voice("a", title="New"), source=replace(voice("a").source, line=99))
    check(saved, catalog(place), observed=seen(replace(SEEN, updated_at=START, release_state="x")))


@pytest.mark.parametrize(
    ("held", "side"),
    [(HELD, "account"), (lock({"a": record("m1", voice("a", title="Merged"))}), "lockfile")],
)
def test_a_conflict_since_then_names_the_side_that_moved(held: Lock, side: str) -> None:
    strict = catalog(voice("a", title="New"), policy=replace(OPEN, on_conflict="fail"))
    by_hand = seen(replace(SEEN, title="By hand")) if held is HELD else seen(SEEN)
    assert stale(planned(strict).plan, strict, held, by_hand) == f"a ({side})"


def test_a_killed_run_goes_on_and_nothing_else_does() -> None:
    wanted = catalog(voice("a", "two", visibility="unlist"))
    before = lock({"a": record("m1", voice("a", "one", visibility="unlist"))})
    old = model("m1", "a", "one", visibility="unlist")
    saved = planned(wanted, before, seen(old)).plan
    made = model("m2", "a", "two", created_at=START)
    # After the POST, before the new model is current:
    check(saved, wanted, before, seen(old, made))
    # after it is current and recorded, but private,
    entry = gone("m1", "one", retired_at=START)
    after = lock({"a": record("m2", voice("a", "two", visibility="private"), generation=2, retired=(entry,))})
    check(saved, wanted, after, seen(replace(old, tags=marks("a", "one", retired=True)), made))
    # and when all is done.
    check(
        saved,
        wanted,
        after,
        seen(replace(old, tags=marks("a", "one", retired=True)), replace(made, visibility="unlist")),
    )
    # A hand that changed what was made is no part of it.
    for edited in (replace(made, title="By hand"), replace(made, visibility="public")):
        assert stale(saved, wanted, before, seen(old, edited)).startswith("a (")


def test_a_plan_that_keeps_something_is_not_finished_by_one_that_keeps_it_for_less() -> None:
    wanted = catalog(voice("b", "two"))
    both = lock({"a": record("m1", voice("a")), "b": record("m2", voice("b", "two"))})
    observed = seen(SEEN, model("m2", "b", "two"))
    saved = planned(wanted, both, observed).plan
    check(saved, wanted, both, observed)
    shorter = replace(wanted, retain=timedelta(days=1))
    assert stale(saved, shorter, both, observed).startswith("a (")


def test_a_deletion_that_fell_due_after_the_plan_was_saved_waits_for_a_plan_that_shows_it() -> None:
    held = lock({"a": record("m1", voice("a"))}, removed={"b": gone("m2", days=7)})
    account = [SEEN, model("m2", "b", retired=True)]
    saved = planned(NEW_TITLE, held, seen(*account)).plan
    assert [change.name for change in saved.changes] == ["a"]
    later = seen(*account, time=START + timedelta(seconds=1))
    assert [change.name for change in planned(NEW_TITLE, held, later).plan.changes] == ["a", "b"]
    assert [change.name for change in planned(NEW_TITLE, held, later, saved=saved).plan.changes] == ["a"]


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"catalog": "other"}, "catalog"),
        ({"environment": "staging"}, "environment"),
        ({"provider": replace(HELD.provider, host="elsewhere")}, "endpoint"),
        ({"provider": replace(HELD.provider, name="emulator")}, "provider"),
        ({"provider": replace(HELD.provider, account="another")}, "account"),
        ({"offline": True}, "offline"),
    ],
)
def test_a_plan_of_something_else_is_not_applied(values: dict[str, Any], what: str) -> None:
    held = replace(HELD, provider=replace(HELD.provider, account="account-1"))
    saved = planned(NEW_TITLE, held).plan
    check_identity(saved, held)
    with pytest.raises(PlanInvalid, match=what):
        check_identity(replace(saved, **values), held)


def test_only_the_blocked_values_that_the_plan_lists_are_sent_again() -> None:
    locked = seen(replace(SEEN, lock_visibility=True))
    now = planned(catalog(voice("a", visibility="unlist")), observed=locked)
    assert now.plan.blocked == (Held("a", "visibility", "unlist", "private", widens=True),)
    assert listed(now.plan, now.retries) == now.retries != ()
    assert listed(planned(NEW_TITLE).plan, now.retries) == ()
    other = replace(now.plan, blocked=(replace(now.plan.blocked[0], observed="public"),))
    assert listed(other, now.retries) == ()
