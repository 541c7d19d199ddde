"""What happens to models that serve no voice of the manifests: deleting is hard, keeping is easy."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from tests.memory import LONG_AGO, START, catalog, inputs_of, voice
from tests.plan.sides import case, gone, marks, model, record
from voicectl.model.catalog import DEFAULT_RETENTION
from voicectl.model.lock import Pending
from voicectl.model.observed import Patch
from voicectl.plan.actions import DropRetired, Forget, ForgetVoice, Prune, RecordRetired, Retire, Task
from voicectl.plan.case import DUPLICATE, UNFINISHED, Case, Decision, Sweep
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Notice
from voicectl.plan.removals import every_model, kept_tasks, leaving_tasks, retired_tasks, stray_tasks

NO_RETENTION = timedelta(0)
RECORDED = record("m1", voice("a"))


def leaving(holding: Holding, *, keep_model: bool = False, **rules: Any) -> Task:
    assert holding.record is not None
    (task,) = leaving_tasks(case(holding, catalog(**rules)), holding.record, keep_model=keep_model)
    return task


def strays(case: Case) -> Task:
    (task,) = stray_tasks(case)
    return task


def kinds(found: Iterable[Decision]) -> list[tuple[str, str]]:
    return [(type(each).__name__, each.change.id or "") for each in found if isinstance(each, Task)]


def test_a_removed_voice_is_retired_and_counted_and_nobody_new_finds_its_model() -> None:
    task = leaving(Holding("a", None, RECORDED, current=model("m1", "a", visibility="public")))
    assert isinstance(task, Retire)
    assert (task.drop, task.limit) == (True, "max_deletes")
    assert task.patch == Patch(visibility="unlist", tags=marks("a", retired=True))
    assert (task.entry.retired_at, task.entry.delete_after) == (START, START + DEFAULT_RETENTION)
    assert (task.entry.inputs, task.entry.samples) == (RECORDED.inputs, RECORDED.samples)


def test_a_locked_visibility_is_left_alone_while_a_model_is_retired() -> None:
    locked = model("m1", "a", visibility="public", lock_visibility=True)
    task = leaving(Holding("a", None, RECORDED, current=locked))
    assert isinstance(task, Retire)
    assert task.patch == Patch(tags=marks("a", retired=True))


def test_without_retention_a_removed_voice_is_deleted_at_once_and_the_plan_says_why() -> None:
    task = leaving(Holding("a", None, RECORDED, current=model("m1", "a")), retain=NO_RETENTION)
    assert isinstance(task, Prune)
    assert (task.limit, task.change.undo_until) == ("max_deletes", None)
    assert task.change.reason == "removed from the manifests, retain 0"


@pytest.mark.parametrize(
    ("current", "recorded", "keep_model"),
    [
        (model("m1", "a"), RECORDED, True),
        (model("m1", "a", None, tags=("own",)), record("m1", voice("a"), origin="adopted"), False),
        # The account is the proof: a lockfile that says `created` does not make it so.
        (model("m1", "a", None), RECORDED, False),
        (model("m1"), RECORDED, False),
        (None, RECORDED, False),
    ],
    ids=["keep_model", "adopted", "adopted by its marks", "marks lost", "gone"],
)
def test_a_model_that_is_not_ours_to_delete_is_forgotten_even_without_retention(
    current: Any, recorded: Any, keep_model: bool
) -> None:
    task = leaving(Holding("a", None, recorded, current=current), keep_model=keep_model, retain=NO_RETENTION)
    assert isinstance(task, ForgetVoice)
    assert task.limit is None
    if current is not None and current.marks:
        assert task.patch.tags == current.plain_tags


def test_forgetting_a_voice_takes_the_marks_off_every_generation() -> None:
    entry, earlier = gone("m0", "zero"), model("m0", "a", "zero", retired=True)
    stray = model("m2", "a", "two")
    holding = Holding("a", None, RECORDED, current=model("m1", "a"), retired=((entry, earlier),), strays=(stray,))
    task = leaving(holding, keep_model=True)
    assert isinstance(task, ForgetVoice)
    assert task.generations
    assert task.others == ((earlier, Patch(tags=())), (stray, Patch(tags=())))


@pytest.mark.parametrize("retain", [NO_RETENTION, timedelta(days=7), timedelta(days=30)])
def test_an_orphan_waits_at_least_the_default_retention(retain: timedelta) -> None:
    task = strays(case(Holding("a", strays=(model("m1", "a"),)), catalog(retain=retain)))
    assert isinstance(task, Retire)
    assert task.limit == "max_deletes"
    assert task.entry.delete_after == START + max(DEFAULT_RETENTION, retain)


def test_an_unknown_generation_of_a_living_voice_takes_nothing_from_anybody() -> None:
    wanted = voice("a")
    retire = strays(case(Holding("a", wanted, RECORDED, strays=(model("m2", "a", "two"),)), catalog(wanted)))
    assert (type(retire), retire.limit) == (Retire, None)
    # One that is retired already needs no request.
    retired = model("m2", "a", "two", retired=True)
    assert isinstance(strays(case(Holding("a", wanted, RECORDED, strays=(retired,)), catalog(wanted))), RecordRetired)


def test_only_a_private_twin_of_this_run_is_deleted_at_once() -> None:
    wanted = voice("a")
    twin = model("m2", "a")
    mine = Sweep(frozenset({"m2"}), frozenset(), frozenset())

    def seen_off(sweep: Sweep | None, **values: Any) -> Task:
        duplicate = model("m2", "a", **values)
        return strays(case(Holding("a", wanted, RECORDED, duplicates=(duplicate,)), catalog(wanted), sweep=sweep))

    assert isinstance(seen_off(mine), Prune)
    assert isinstance(seen_off(mine, visibility="unlist"), Retire)
    assert isinstance(seen_off(None), Retire)
    assert isinstance(seen_off(Sweep(frozenset(), frozenset({twin.marks[1]}), frozenset())), Retire)
    assert seen_off(None).change.reason == DUPLICATE


def test_a_failed_replacement_is_kept_while_it_is_still_what_git_wants() -> None:
    known = record("m1", voice("a"), pending=Pending("m2", 2, inputs_of("two")))
    failed = Holding("a", voice("a", "two"), known, strays=(model("m2", "a", "two", state="failed"),))
    assert list(stray_tasks(case(failed, catalog(voice("a", "two"))))) == []
    assert kinds(stray_tasks(case(failed, catalog(voice("a", "two")), retry_failed=True))) == [("Retire", "m2")]


OVER: dict[str, Any] = {"days": 30}


@pytest.mark.parametrize(
    ("entry", "seen", "expected"),
    [
        (gone("m1", **OVER), model("m1", "a", retired=True), "Prune"),
        (gone("m1", days=6), model("m1", "a", retired=True), ""),
        # What the lockfile claims is not enough: the account has to show the model as retired,
        (gone("m1", **OVER), model("m1", "a"), "Retire"),
        # and unchanged for as long,
        (gone("m1", **OVER), model("m1", "a", retired=True, updated_at=START - timedelta(days=6)), ""),
        # and when it was changed.
        (gone("m1", **OVER), model("m1", "a", retired=True, updated_at=None), ""),
        (gone("m1", days=30, delete_after=START + timedelta(days=1)), model("m1", "a", retired=True), ""),
        (gone("m1", days=1, delete_after=LONG_AGO), model("m1", "a", retired=True), ""),
        # Nothing without our marks is ours to delete.
        (gone("m1", **OVER), model("m1"), "Forget"),
        (gone("m1", **OVER), model("m1", "a", None, retired=True), "Forget"),
        (gone("m1"), None, "DropRetired"),
        # A deletion that has begun is finished, at any time if the account shows that it was no retirement.
        (gone("m1", deleting=True), model("m1", "a"), "Prune"),
        (gone("m1", deleting=True), model("m1", "a", retired=True), ""),
        (gone("m1", deleting=True, **OVER), model("m1", "a", retired=True), "Prune"),
        (gone("m1"), model("m1", "b", retired=True), "Repair"),
    ],
)
def test_what_a_retired_generation_needs(entry: Any, seen: Any, expected: str) -> None:
    found = list(retired_tasks(case(Holding("a", retired=((entry, seen),)), catalog())))
    assert [type(each).__name__ for each in found] == ([expected] if expected else [])


def test_nothing_is_due_without_the_servers_clock() -> None:
    pair = ((gone("m1", **OVER), model("m1", "a", retired=True)),)
    assert list(retired_tasks(case(Holding("a", retired=pair), catalog(), time=None))) == []
    assert list(retired_tasks(case(Holding("a", retired=pair), catalog(), time=START - timedelta(days=29)))) == []


def test_only_a_deletion_that_somebody_ordered_counts() -> None:
    def limit(entry: Any, seen: Any) -> tuple[str, str | None]:
        (task,) = retired_tasks(case(Holding("a", retired=((entry, seen),)), catalog()))
        assert isinstance(task, Prune)
        return task.change.reason, task.limit

    assert limit(gone("m1", **OVER), model("m1", "a", retired=True)) == ("its retention is over", None)
    assert limit(gone("m1", deleting=True), model("m1", "a")) == (UNFINISHED, "max_deletes")


def test_a_protected_generation_stays_when_its_retention_is_over() -> None:
    pair = ((gone("m0", "zero", **OVER), model("m0", "a", "zero", retired=True)),)
    wanted = voice("a", protect=True)
    assert list(retired_tasks(case(Holding("a", wanted, RECORDED, retired=pair), catalog(wanted)))) == []
    assert kinds(retired_tasks(case(Holding("a", voice("a"), RECORDED, retired=pair), catalog()))) == [("Prune", "m0")]


def test_a_generation_that_is_to_come_back_is_not_deleted() -> None:
    back = model("m1", "a", retired=True)
    holding = Holding("a", voice("a"), successor=back, retired=((gone("m1", **OVER), back),))
    assert list(retired_tasks(case(holding, catalog(voice("a"))))) == []


def test_what_can_not_be_read_stays_recorded() -> None:
    hidden = Holding("a", retired=((gone("m1"), None),), hidden=frozenset({"m1"}))
    assert list(retired_tasks(case(hidden, catalog()))) == []
    assert list(every_model(case(hidden, catalog(), destroy=True), "destroy")) == []


def test_a_generation_with_the_marks_of_another_name_is_only_dropped_from_the_record() -> None:
    strayed = Holding("a", retired=((gone("m1"), None),), strayed=frozenset({"m1"}))
    (task,) = retired_tasks(case(strayed, catalog()))
    assert isinstance(task, DropRetired)
    assert not task.gone


def test_destroy_deletes_what_was_made_here_and_forgets_the_rest() -> None:
    found = every_model(
        case(
            Holding(
                "a",
                voice("a"),
                RECORDED,
                current=model("m1", "a"),
                retired=(
                    (gone("m2", "two"), model("m2", "a", "two", retired=True)),
                    (gone("m3", "three"), model("m3")),
                    (gone("m4", "four"), None),
                ),
                strays=(model("m5", "a", "five"), model("m6", "a", None)),
            ),
            catalog(voice("a")),
            destroy=True,
        ),
        "destroy",
    )
    assert kinds(found) == [
        ("Prune", "m1"),
        ("Prune", "m2"),
        ("Forget", "m3"),
        ("DropRetired", "m4"),
        ("Prune", "m5"),
        ("Forget", "m6"),
    ]


@pytest.mark.parametrize(
    "current", [model("m1"), model("m1", "a", None), None], ids=["marks lost", "adopted by its marks", "gone"]
)
def test_destroy_believes_the_account_and_not_the_lockfile(current: Any) -> None:
    found = every_model(case(Holding("a", voice("a"), RECORDED, current=current), catalog(), destroy=True), "destroy")
    assert kinds(found) == [("ForgetVoice", "m1")]


def test_an_external_voice_keeps_its_model_and_what_we_made_before_it_goes() -> None:
    guest = voice("a", None, model="library", external=True)
    library = model("library", author="somebody")
    holding = Holding("a", guest, RECORDED, current=library, strays=(model("m1", "a"),))
    assert kinds(every_model(case(holding, catalog(guest), destroy=True), "destroy")) == [("Prune", "m1")]


def test_keep_model_for_a_name_that_left_long_ago_forgets_what_waits_for_its_deletion() -> None:
    pair = ((gone("m1", **OVER), model("m1", "a", retired=True, tags=("own",))),)
    (task,) = kept_tasks(case(Holding("a", retired=pair), catalog(keep=("a",))))
    assert isinstance(task, Forget)
    assert task.patch == Patch(tags=("own",))


def test_keep_model_takes_the_marks_off_models_that_nobody_recorded() -> None:
    unknown = Holding("a", strays=(model("m1", "a"),), duplicates=(model("m2", "a"),))
    assert kinds(kept_tasks(case(unknown, catalog(keep=("a",))))) == [("Forget", "m1"), ("Forget", "m2")]


def test_marks_that_the_provider_kept_are_told_of_and_not_asked_for_again() -> None:
    kept = Holding("a", strays=(model("m1", "a"),), uncleared=True)
    (notice,) = kept_tasks(case(kept, catalog(keep=("a",))))
    assert isinstance(notice, Notice)
    assert (notice.code, "m1" in notice.message) == ("not_cleared", True)
    assert list(kept_tasks(case(Holding("a", uncleared=True), catalog(keep=("a",))))) == []


def test_an_unrecorded_model_that_was_not_made_here_is_forgotten_and_never_waits_for_a_deletion() -> None:
    task = strays(case(Holding("a", strays=(model("m1", "a", None, tags=("own",)),)), catalog()))
    assert isinstance(task, Forget)
    assert task.patch == Patch(tags=("own",))
