"""The guards: what stops a whole apply, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.memory import OPEN, catalog, voice
from tests.plan.sides import asked, creation, leaves, lock, model, record, seen
from voicectl.model.catalog import Limit, Policy
from voicectl.model.observed import Patch
from voicectl.model.voice import Consent
from voicectl.plan import guards
from voicectl.plan.actions import Resend, Task
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Action, Change

THIRTY = Policy(max_deletes=Limit.parse("30%"), max_replaces=Limit.parse("30%"))


@pytest.mark.parametrize(
    ("recorded", "opened", "refused"),
    [("one", "two", True), ("one", "one", False), (None, "two", False), ("one", None, False)],
)
def test_the_key_must_open_the_recorded_account(recorded: str | None, opened: str | None, refused: bool) -> None:
    held = lock()
    held = replace(held, provider=replace(held.provider, account=recorded))
    assert bool(list(guards.check_account(held, seen(account=opened)))) == refused


def held_by(count: int) -> Any:
    return lock({f"v{n}": record(f"m{n}", voice(f"v{n}")) for n in range(count)})


@pytest.mark.parametrize(
    ("recorded", "missing", "refused"), [(10, 3, False), (10, 4, True), (2, 1, False), (2, 2, True), (1, 1, False)]
)
def test_more_missing_models_than_may_be_deleted_mean_a_wrong_key(recorded: int, missing: int, refused: bool) -> None:
    observed = seen(gone=frozenset(f"m{n}" for n in range(missing)))
    found = list(guards.check_missing(held_by(recorded), observed, THIRTY, allowed=False))
    assert bool(found) == refused
    assert not list(guards.check_missing(held_by(recorded), observed, THIRTY, allowed=True))


def test_a_key_that_may_read_none_of_the_recorded_models_is_a_wrong_one_however_few_there_are() -> None:
    (refusal,) = guards.check_missing(held_by(1), seen(unreadable={"m0": "no"}), THIRTY, allowed=False)
    assert "wrong key or workspace" in refusal.message


def test_external_voices_and_those_left_out_do_not_count_as_missing() -> None:
    external = lock({f"v{n}": record(f"m{n}", voice(f"v{n}"), origin="external") for n in range(3)})
    observed = seen(gone=frozenset({"m0", "m1", "m2"}))
    assert not list(guards.check_missing(external, observed, THIRTY, allowed=False))
    assert list(guards.check_missing(held_by(3), observed, THIRTY, allowed=False))
    assert not list(guards.check_missing(held_by(3), observed, THIRTY, allowed=False, left_out={"v1", "v2"}))


def test_destroy_needs_to_see_something_of_what_it_destroys() -> None:
    all_gone, some_left = seen(gone=frozenset({"m0", "m1"})), seen(gone=frozenset({"m0"}))
    assert [refusal.code for refusal in guards.check_visible(held_by(2), all_gone)] == ["models_missing"]
    assert not list(guards.check_visible(held_by(2), some_left))


def test_a_catalog_is_never_emptied_by_the_way() -> None:
    assert [refusal.code for refusal in guards.check_emptied(catalog(), held_by(2))] == ["catalog_emptied"]
    assert not list(guards.check_emptied(catalog(), lock()))
    assert not list(guards.check_emptied(catalog(voice("new")), held_by(2)))


@pytest.mark.parametrize("chosen", [{"old"}, {"new"}, {"old", "new"}])
def test_a_move_onto_a_voice_with_a_model_is_refused_wherever_either_is_selected(chosen: set[str]) -> None:
    both = lock({"old": record("m1", voice("old")), "new": record("m2", voice("new"))})
    wanted = catalog(voice("new"), moved={"old": "new"})
    assert [refusal.code for refusal in guards.check_moves(wanted, both, chosen)] == ["moved_onto_living"]
    assert not list(guards.check_moves(wanted, both, {"other"}))
    assert not list(guards.check_moves(wanted, lock({"old": record("m1", voice("old"))}), chosen))
    # Names that change places are no such move.
    ring = catalog(voice("old"), voice("new"), moved={"old": "new", "new": "old"})
    assert not list(guards.check_moves(ring, both, chosen))


def test_names_change_places_all_together_or_not_at_all() -> None:
    wanted = catalog(voice("a"), voice("b"), moved={"a": "b", "b": "a"})
    a, b = Holding("a", voice("a"), swaps=True), Holding("b", voice("b"), swaps=True)
    assert not list(guards.check_swaps(wanted, [a, b]))
    assert not list(guards.check_swaps(wanted, []))
    assert {refusal.code for refusal in guards.check_swaps(wanted, [a])} == {"swap_incomplete"}
    (first, _) = guards.check_swaps(wanted, [a, replace(b, swaps=False)])
    assert "b has no model to exchange" in first.hint


def test_nothing_is_made_while_a_model_with_cut_marks_may_be_the_one() -> None:
    cut = model("m1", tags=("voicectl:acme", "voicectl:acme:nar"))
    wanted = catalog(voice("narrator"))
    (refusal,) = guards.check_unclaimed(wanted, lock(), seen(cut), [creation("narrator")])
    assert refusal.code == "marks_unreadable"
    assert "model: m1" in refusal.hint
    assert not list(guards.check_unclaimed(wanted, lock(), seen(cut), [leaves("other")]))
    strangers = replace(cut, author="somebody")
    assert not list(guards.check_unclaimed(wanted, lock(), seen(strangers), [creation("narrator")]))
    recorded = lock({"narrator": record("m1", voice("narrator"))})
    assert not list(guards.check_unclaimed(wanted, recorded, seen(cut), [creation("narrator")]))
    named = catalog(voice("narrator", None, model="m1"))
    assert not list(guards.check_unclaimed(named, lock(), seen(cut), [creation("narrator")]))


def test_a_foreign_model_is_refused_once_and_says_whose_it_is() -> None:
    theirs = Holding("a", foreign=model("m1", tags=("voicectl:other",)), contradiction="its marks say b")
    somebodys = Holding("b", foreign=model("m2", author="somebody"))
    first, second = guards.check_foreign([theirs, somebodys], "acme")
    assert "belongs to catalog other" in first.message
    assert "another account (somebody)" in second.message
    assert not list(guards.check_marks([theirs]))


def test_a_voice_that_leaves_while_another_comes_with_its_samples_was_most_likely_renamed() -> None:
    leaving = Holding("old", None, record("m", voice("old")))
    (notice,) = guards.suggest_moves([creation("new")], [leaving])
    assert "moved: [{from: old, to: new}]" in notice.hint
    assert not list(guards.suggest_moves([creation("new", "two")], [leaving]))


def refused(tasks: list[Task], holdings: list[Holding], **values: Any) -> list[str]:
    wanted = catalog(voice("a"), policy=replace(OPEN, max_deletes=Limit(0)))
    held = replace(lock(), provider=replace(lock().provider, account="one"))
    request = asked(wanted, **values)
    return [r.code for r in guards.refusals(request, held, seen(account="two"), holdings, tasks, [], size=9)]


def test_destroy_is_bounded_by_its_confirmation_but_no_guard_of_ownership_falls() -> None:
    protects = Holding("a", voice("a", protect=True))
    theirs = Holding("b", foreign=model("m1", tags=("voicectl:other",)))
    assert refused([leaves("a")], [protects, theirs]) == ["wrong_account", "max_deletes", "foreign_model", "protected"]
    assert refused([leaves("a")], [protects, theirs], destroy=True) == ["wrong_account", "foreign_model", "protected"]


def test_a_model_with_the_catalogs_tag_and_no_marker_is_told_of_and_left_alone() -> None:
    unclear = model("m1", tags=("voicectl:acme",))
    (notice,) = guards.unmarked(lock(), seen(unclear, model("m2", "a"), model("m3")), "acme")
    assert "m1" in notice.message
    assert not list(guards.unmarked(lock({"a": record("m1", voice("a"))}), seen(unclear), "acme"))


def test_an_incomplete_listing_is_told() -> None:
    def codes(complete: bool) -> list[str]:
        observed = seen(complete=complete)
        return [n.code for n in guards.warnings(asked(catalog(voice("a"))), lock(), observed, [], [])]

    assert (codes(True), codes(False)) == ([], ["listing_incomplete"])


def test_a_listing_by_tag_that_lacks_a_model_is_told_of_once_for_the_whole_plan() -> None:
    (notice,) = guards.misfiltered(seen(misfiltered="m1"))
    assert notice.code == "tag_filter"
    assert not list(guards.misfiltered(seen()))


def test_marks_that_contradict_the_lockfile_are_refused_with_the_ways_out() -> None:
    (refusal,) = guards.check_marks([Holding("a", contradiction="m1 is recorded here, but its marks say b")])
    assert refusal.code == "marks_contradict"
    assert "voicectl state rebuild" in refusal.hint
    assert "--exclude a" in refusal.hint


def test_what_is_sent_once_more_is_bound_by_the_policy_of_today() -> None:
    shown = replace(voice("a", visibility="public"), consent=Consent("Jane"))
    again = Resend(
        change=Change("a", Action.UPDATE), voice=shown, model=model("m1", "a"), patch=Patch(visibility="public")
    )
    wanted = catalog(shown, policy=replace(OPEN, max_visibility="private"))
    found = guards.refusals(asked(wanted), lock(), seen(), [], [], [again], size=1)
    assert [refusal.code for refusal in found] == ["consent_missing", "max_visibility"]
