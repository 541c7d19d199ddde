"""What a voice of the manifests needs: create, update, replace, restore, refresh, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.memory import OPEN, START, catalog, inputs_of, voice
from tests.plan.sides import case, gone, marks, model, record
from voicectl.model.catalog import DEFAULT_RETENTION
from voicectl.model.lock import Blocked, Pending, Record
from voicectl.model.observed import Model, Patch
from voicectl.model.voice import Voice
from voicectl.plan.actions import Create, Prune, Refresh, Replace, Resend, Restore, Task, Update
from voicectl.plan.case import Decision
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Notice, Refusal
from voicectl.plan.voices import voice_tasks

NO_RETENTION = timedelta(0)


def decisions(wanted: Voice, known: Record | None = None, **held: Any) -> list[Decision]:
    """What is decided about a voice; `held` are fields of its holding, `policy`, `retain` or what was asked."""
    rules = {key: held.pop(key) for key in ("policy", "retain") if key in held}
    asked = {key: held.pop(key) for key in ("retry_failed",) if key in held}
    return list(voice_tasks(case(Holding("a", wanted, known, **held), catalog(wanted, **rules), **asked), wanted))


def only(found: Sequence[Decision]) -> Any:
    (one,) = found
    return one


def codes(found: Sequence[Decision]) -> list[str]:
    """What each decision is: a task by its type, a notice by its code."""
    return [each.code if isinstance(each, Notice) else type(each).__name__ for each in found]


@pytest.mark.parametrize(
    ("desired", "recorded", "observed", "policy", "expected"),
    [
        ("One", "One", "One", {}, []),
        ("One", "Two", "One", {}, ["Refresh"]),
        ("Two", "One", "One", {}, ["Update"]),
        ("One", "One", "Two", {"on_drift": "overwrite"}, ["Update"]),
        ("One", "One", "Two", {"on_drift": "keep"}, ["kept"]),
        ("One", "One", "Two", {"on_drift": "fail"}, ["drift"]),
        ("One", "Two", "Three", {"on_conflict": "overwrite"}, ["Update"]),
        ("One", "Two", "Three", {"on_conflict": "keep"}, ["kept"]),
        ("One", "Two", "Three", {"on_conflict": "fail"}, ["conflict"]),
    ],
)
def test_the_table_of_three_sides(
    desired: str, recorded: str, observed: str, policy: dict[str, Any], expected: list[str]
) -> None:
    known = record("m1", voice("a", title=recorded))
    found = decisions(
        voice("a", title=desired), known, current=model("m1", "a", title=observed), policy=replace(OPEN, **policy)
    )
    assert codes(found) == expected
    if expected in (["drift"], ["conflict"]):
        assert isinstance(found[0], Refusal)
        assert f"Git '{desired}', last applied '{recorded}', account '{observed}'" in found[0].message


def test_a_refresh_records_what_both_sides_say() -> None:
    known = record("m1", voice("a", title="Before"))
    refresh = only(decisions(voice("a", title="New"), known, current=model("m1", "a", title="New")))
    assert isinstance(refresh, Refresh)
    assert refresh.record == record("m1", voice("a", title="New"))


def test_a_patch_sets_what_differs_and_carries_every_tag_with_the_marks_first() -> None:
    wanted = voice("a", title="New", tags=("x", "y"))
    current = model("m1", "a", title="Old", tags=("x", "y"))
    update = only(
        decisions(wanted, record("m1", replace(wanted, metadata=voice("a", title="Old").metadata)), current=current)
    )
    assert update.patch == Patch(title="New", tags=(*marks("a"), "x", "y"))


def test_what_is_kept_stays_recorded_as_it_was_so_that_it_goes_on_being_seen() -> None:
    known = record("m1", voice("a", title="Git"))
    found = decisions(
        voice("a", title="Git", description="New"),
        known,
        current=model("m1", "a", title="By hand"),
        policy=replace(OPEN, on_drift="keep"),
    )
    assert codes(found) == ["kept", "Update"]
    update = found[1]
    assert isinstance(update, Update)
    assert update.patch == Patch(description="New", tags=marks("a"))
    assert update.record.applied.title == "Git"


def test_the_first_model_of_a_voice_is_created() -> None:
    create = only(decisions(voice("a", tags=("x",))))
    assert isinstance(create, Create)
    assert (create.record.generation, create.record.inputs, create.change.id) == (1, inputs_of("one"), None)
    assert create.metadata.tags == ("x",)


def test_generations_are_never_counted_twice() -> None:
    earlier = (
        (gone("m1", generation=1), model("m1", "a", "zero", retired=True)),
        (gone("m2", "two", generation=2), None),
    )
    assert only(decisions(voice("a"), retired=earlier)).record.generation == 3
    # One that was restored serves under a lower number than the last.
    known = record("m0", voice("a", "one"), generation=1)
    assert (
        only(decisions(voice("a", "new"), known, current=model("m0", "a"), retired=earlier[1:])).record.generation == 3
    )


def test_a_recorded_model_that_is_gone_is_created_anew_and_named() -> None:
    create = only(decisions(voice("a"), record("m1", voice("a")), missing=True))
    assert (create.change.id, create.record.generation) == ("m1", 2)
    assert create.change.warnings == ("the recorded model is gone from the account",)


def test_other_inputs_make_the_next_generation_and_the_old_one_can_come_back_for_its_retention() -> None:
    replacing = only(decisions(voice("a", "two"), record("m1", voice("a", "one")), current=model("m1", "a", "one")))
    assert isinstance(replacing, Replace)
    assert (replacing.limit, replacing.record.generation, replacing.record.id) == ("max_replaces", 2, "")
    assert replacing.change.undo_until == START + DEFAULT_RETENTION
    assert replacing.retires.patch == Patch(tags=marks("a", "one", retired=True))
    assert replacing.retires.entry.delete_after == START + DEFAULT_RETENTION  # type: ignore[union-attr]


@pytest.mark.parametrize(("protect", "expected"), [(False, ["Replace", "Prune"]), (True, ["Replace"])])
def test_without_retention_the_old_generation_goes_in_the_same_run_and_counts_unless_it_is_protected(
    protect: bool, expected: list[str]
) -> None:
    known = record("m1", voice("a", "one", protect=protect))
    wanted = voice("a", "two", protect=protect)
    found = decisions(wanted, known, current=model("m1", "a", "one"), retain=NO_RETENTION)
    assert codes(found) == expected
    assert [task.limit for task in found if isinstance(task, Prune)] == ["max_deletes"] * (len(expected) - 1)


@pytest.mark.parametrize(
    ("visibility", "told", "patched"), [("private", False, None), ("unlist", True, None), ("public", True, "unlist")]
)
def test_what_gives_way_is_found_by_nobody_new_and_plans_say_who_may_be_using_it(
    visibility: Any, told: bool, patched: str | None
) -> None:
    old = voice("a", "one", visibility=visibility)
    current = model("m1", "a", "one", visibility=visibility)
    replacing = only(decisions(voice("a", "two", visibility=visibility), record("m1", old), current=current))
    assert bool(replacing.change.warnings) == told
    assert replacing.retires.patch.visibility == patched


def test_a_retired_generation_with_the_wanted_inputs_comes_back_and_counts_towards_nothing() -> None:
    entry, earlier = gone("m1", "one"), model("m1", "a", "one", retired=True)
    known = record("m2", voice("a", "two"), generation=2, retired=(entry,))
    restored = only(
        decisions(
            voice("a", "one"), known, current=model("m2", "a", "two"), successor=earlier, retired=((entry, earlier),)
        )
    )
    assert isinstance(restored, Restore)
    assert (restored.change.action, restored.limit) == ("restore", None)
    assert (restored.record.id, restored.record.generation) == ("m1", 1)
    assert restored.patch == Patch(tags=marks("a", "one"))
    assert restored.retires.model.id == "m2"  # type: ignore[union-attr]


def test_an_interrupted_replacement_is_finished_with_the_model_that_it_made() -> None:
    known = record("m1", voice("a", "one"), pending=Pending("m2", 2, inputs_of("two")))
    made = model("m2", "a", "two")
    finished = only(decisions(voice("a", "two"), known, current=model("m1", "a", "one"), successor=made))
    assert isinstance(finished, Restore)
    assert (finished.change.action, finished.limit) == ("replace", "max_replaces")
    assert (finished.record.id, finished.record.generation) == ("m2", 2)


def test_a_replacement_whose_training_failed_waits_until_it_is_asked_for_again() -> None:
    known = record("m1", voice("a", "one"), pending=Pending("m2", 2, inputs_of("two")))
    held: dict[str, Any] = {"current": model("m1", "a", "one"), "strays": (model("m2", "a", "two", state="failed"),)}
    assert codes(decisions(voice("a", "two"), known, **held)) == ["training_failed"]
    assert codes(decisions(voice("a", "two"), known, retry_failed=True, **held)) == ["Replace"]
    # Other samples are another try.
    assert codes(decisions(voice("a", "three"), known, **held)) == ["Replace"]


def test_while_a_failed_replacement_waits_the_record_says_what_the_serving_model_was_made_from() -> None:
    known = record("m1", voice("a", "one"), pending=Pending("m2", 2, inputs_of("two")))
    failed = model("m2", "a", "two", state="failed")
    found = decisions(voice("a", "two", title="New"), known, current=model("m1", "a", "one"), strays=(failed,))
    update = next(each for each in found if isinstance(each, Update))
    assert (update.record.inputs, update.record.samples) == (known.inputs, known.samples)
    assert update.record.pending == known.pending


def test_a_model_that_failed_is_made_again_from_the_same_samples_only_when_asked() -> None:
    failed = model("m1", "a", state="failed")
    known = record("m1", voice("a"), state="failed")
    assert codes(decisions(voice("a"), known, current=failed)) == ["training_failed"]
    assert codes(decisions(voice("a"), known, current=failed, retry_failed=True)) == ["Replace"]


LIBRARY = model("library", author="somebody", visibility="public")
GUEST = voice("a", None, model="library", external=True)


def test_an_external_voice_is_recorded_and_never_written_to() -> None:
    refresh = only(decisions(GUEST, current=LIBRARY))
    assert isinstance(refresh, Refresh)
    assert refresh.record.origin == "external"
    assert decisions(GUEST, refresh.record, current=replace(LIBRARY, title="Renamed")) == []


@pytest.mark.parametrize(("origin", "kind"), [("external", Notice), ("created", Refusal)])
def test_an_external_model_that_is_missing_stops_the_plan_only_where_it_takes_a_models_place(
    origin: Any, kind: type[Notice]
) -> None:
    found = only(decisions(GUEST, record("m1", voice("a"), origin=origin)))
    assert (type(found), found.code) == (kind, "external_missing")


def test_a_model_that_the_manifest_names_and_the_account_lacks_is_not_replaced_by_another() -> None:
    assert codes(decisions(voice("a", model="nowhere"))) == ["model_missing"]
    # Once it was recorded, and there are samples to make it from, it is a model like any other.
    known = record("nowhere", voice("a"), origin="adopted")
    assert codes(decisions(voice("a", model="nowhere"), known, missing=True)) == ["Create"]


def test_an_adopted_model_is_marked_as_such_whatever_samples_the_manifest_names() -> None:
    wanted = voice("a", "one", model="m1")
    update = only(decisions(wanted, current=model("m1", tags=("mine",))))
    assert isinstance(update, Update)
    assert (update.change.adopted, update.record.origin) == (True, "adopted")
    assert update.patch.tags == (*marks("a", None), "mine")


def test_a_model_found_by_its_marks_is_looked_up_before_it_is_recorded() -> None:
    found = model("m1", "a")
    refresh = only(decisions(voice("a"), current=found))
    assert isinstance(refresh, Refresh)
    assert refresh.confirms == found
    assert refresh.record.origin == "created"


def test_a_model_that_lost_its_marks_gets_them_back_as_adopted_only() -> None:
    notice, update = decisions(voice("a"), record("m1", voice("a")), current=model("m1", title="A"))
    assert isinstance(notice, Notice)
    assert notice.code == "marks_lost"
    assert isinstance(update, Update)
    assert (update.patch, update.record.origin) == (Patch(tags=marks("a", None)), "adopted")


def test_an_id_that_changes_is_told_and_counts_as_a_replacement() -> None:
    older = model("m0", "a")
    refresh = only(decisions(voice("a"), record("m1", voice("a")), current=older, displaced=True))
    assert refresh.limit == "max_replaces"
    assert refresh.change.warnings == ("the lockfile says m1: tell its users that the id has changed",)


@pytest.mark.parametrize(
    ("taken_down", "expected"), [(False, ["blocked", "Resend"]), (True, ["blocked", "taken_down"])]
)
def test_a_value_that_was_not_taken_is_no_change_and_is_sent_once_more(taken_down: bool, expected: list[str]) -> None:
    blocked: Any = {"visibility": Blocked("public", "unlist")}
    applied = replace(record("m1", voice("a", visibility="unlist")), blocked=blocked)
    current: Model = model("m1", "a", visibility="unlist", taken_down=taken_down)
    found = decisions(voice("a", visibility="public"), applied, current=current)
    assert [code for code in codes(found) if code != "Refresh"] == expected
    for each in found:
        if isinstance(each, Resend):
            assert each.patch == Patch(visibility="public", tags=marks("a"))
        assert not isinstance(each, Update)


def test_a_move_rewrites_the_marks_of_the_model_and_of_its_generations() -> None:
    entry, earlier = gone("m1", "zero"), model("m1", "old", "zero", retired=True)
    known = record("m2", voice("old"), generation=2, retired=(entry,))
    update = only(
        decisions(
            voice("a", title="Old"),
            known,
            previous_name="old",
            current=model("m2", "old"),
            retired=((entry, earlier),),
        )
    )
    assert isinstance(update, Task)
    assert isinstance(update, Update)
    assert (update.was, update.patch) == ("old", Patch(tags=marks("a")))
    assert update.renames == ((earlier, Patch(tags=marks("a", "zero", retired=True))),)
    assert update.record.previous_names == ("old",)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"state": "training"}, "not_trained"),
        ({"release_state": "retiring"}, "retiring"),
        ({"taken_down": True}, "taken_down"),
    ],
)
def test_what_is_the_matter_with_a_model_that_stays_is_told(values: dict[str, Any], code: str) -> None:
    found = decisions(voice("a"), record("m1", voice("a")), current=model("m1", "a", **values))
    assert code in codes(found)
    assert not any(isinstance(each, Refusal | Update) for each in found)


def test_a_model_that_the_manifest_names_does_not_take_the_place_of_one_that_is_recorded() -> None:
    wanted = voice("a", None, model="m9")
    adopted = record("m1", wanted, origin="adopted")
    assert "model_ignored" in codes(decisions(wanted, adopted, current=model("m1", "a", None)))
