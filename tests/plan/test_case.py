"""One name under the rules: how long its generations are kept, when they are due, and what their marks should say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.memory import START, catalog, inputs_of, voice
from tests.plan.sides import case, gone, marks, model, record
from voicectl.model.catalog import DEFAULT_RETENTION
from voicectl.model.lock import Pending
from voicectl.plan.case import Sweep
from voicectl.plan.identity import Holding


def days(count: float) -> timedelta:
    return timedelta(days=count)


@pytest.mark.parametrize(
    ("manifest", "recorded", "catalogs", "kept"),
    [
        (None, None, 7, 7),
        (None, None, 0, 0),
        # The voice's own word goes before the catalog's, shorter or longer;
        (30, None, 7, 30),
        (0, None, 7, 0),
        (None, 30, 7, 30),
        (None, 0, 7, 0),
        # and of its two words the longer counts.
        (30, 1, 7, 30),
        (1, 30, 7, 30),
    ],
)
def test_retention_is_the_longest_that_the_voice_says_or_else_the_catalogs(
    manifest: int | None, recorded: int | None, catalogs: int, kept: int
) -> None:
    wanted = voice("a", retain=None if manifest is None else days(manifest))
    known = record("m1", voice("a", retain=None if recorded is None else days(recorded)))
    assert case(Holding("a", wanted, known), catalog(wanted, retain=days(catalogs))).retention == days(kept)


@pytest.mark.parametrize(
    ("retired_ago", "updated_ago", "delete_in", "due"),
    [
        (8, 8, -1, True),
        (6, 8, -1, False),
        (8, 6, -1, False),
        (8, 8, 1, False),
        (8, None, -1, False),
        # Not before its instant is over.
        (7, 7, -1, False),
    ],
)
def test_a_generation_is_due_only_when_every_one_of_its_times_is_over(
    retired_ago: float, updated_ago: float | None, delete_in: float, due: bool
) -> None:
    entry = gone("m1", days=retired_ago, delete_after=START + days(delete_in))
    updated = None if updated_ago is None else START - days(updated_ago)
    seen = model("m1", "a", retired=True, updated_at=updated)
    assert case(Holding("a"), catalog()).due(entry, seen) == due


def test_the_clock_is_the_servers() -> None:
    entry, seen = gone("m1", days=30), model("m1", "a", retired=True)
    assert not case(Holding("a"), catalog(), time=None).due(entry, seen)
    assert not case(Holding("a"), catalog(), time=START - days(23)).due(entry, seen)
    assert case(Holding("a"), catalog(), time=START - days(22)).due(entry, seen)


def test_a_model_is_marked_with_no_other_digest_than_it_carries() -> None:
    wanted = voice("a", "two")
    known = case(Holding("a", wanted, record("m1", wanted)), catalog(wanted))
    assert known.marker(model("m1", "a", "one")).marks == marks("a", "one")
    assert known.marker(model("m1", "before", "one"), retired=True).marks == marks("a", "one", retired=True)
    assert known.marker(model("m1")).marks == marks("a", None)


@pytest.mark.parametrize(
    ("seen", "created", "recorded_in_lock"),
    [
        (model("m1", "a"), True, True),
        (model("m1", "a"), False, False),
        (model("m1", "a", None), True, False),
        (model("m1"), True, False),
    ],
    ids=["ours", "adopted by the lockfile", "adopted by its marks", "marks lost"],
)
def test_only_what_both_lockfile_and_account_call_ours_is_retired(
    seen: Any, created: bool, recorded_in_lock: bool
) -> None:
    known = record("m1", voice("a"), origin="created" if created else "adopted")
    retirement = case(Holding("a", None, known), catalog()).retirement(seen, DEFAULT_RETENTION, None, 1)
    assert (retirement.entry is not None) == recorded_in_lock
    assert retirement.patch.tags == (marks("a", retired=True) if recorded_in_lock else () if seen.marks else None)


def test_generations_keep_their_numbers_and_new_ones_come_after_all_of_them() -> None:
    entry = gone("m1", "zero", generation=4)
    known = record("m2", voice("a"), generation=5, pending=Pending("m3", 6, inputs_of("two")), retired=(entry,))
    found = case(Holding("a", voice("a"), known, retired=((entry, None),)), catalog())
    assert [found.generation_of(model(each)) for each in ("m1", "m2", "m3", "m9")] == [4, 5, 6, 7]
    assert found.next_generation == 7
    assert case(Holding("a", voice("a")), catalog()).generation_of(model("m1")) == 1
    # A model that serves and was never recorded was the first.
    assert case(Holding("a", voice("a"), current=model("m1", "a")), catalog()).next_generation == 2


def test_what_the_account_may_still_have_stays_recorded() -> None:
    pairs: Any = ((gone("m1"), model("m1", "a")), (gone("m2"), None), (gone("m3"), None))
    found = case(Holding("a", retired=pairs, hidden=frozenset({"m3"})), catalog())
    assert [each.id for each in found.left_retired()] == ["m1", "m3"]
    assert [each.id for each in found.left_retired("m1")] == ["m3"]


def test_the_names_that_a_voice_had_are_kept_once_each_the_latest_last() -> None:
    def names(before: str | None, *earlier: str) -> tuple[str, ...]:
        known = record("m1", voice("a"), previous_names=earlier)
        return case(Holding("a", voice("a"), known, previous_name=before), catalog()).previous_names

    assert names(None, "one") == ("one",)
    assert names("two", "one") == ("one", "two")
    # There and back again: the present name is no previous one.
    assert names("two", "a", "two", "one") == ("one", "two")


@pytest.mark.parametrize(
    ("sweep", "covered"),
    [
        (Sweep(frozenset({"m1"}), frozenset(), frozenset({"m1"})), True),
        (Sweep(frozenset(), frozenset({marks("a")[1]}), frozenset()), True),
        (Sweep(frozenset(), frozenset({marks("a")[1]}), frozenset({"m1"})), False),
        (Sweep(frozenset(), frozenset({marks("b")[1]}), frozenset()), False),
        (Sweep(frozenset(), frozenset(), frozenset()), False),
    ],
    ids=["named by an answer", "its POST had an unknown outcome", "it was there before", "another POST", "not ours"],
)
def test_a_run_sweeps_only_what_can_be_there_because_of_it(sweep: Sweep, covered: bool) -> None:
    assert sweep.covers(model("m1", "a"), "acme") == covered
