"""A plan without the account: what was recorded stands in for what would be observed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.memory import ACCOUNT, catalog, inputs_of, voice
from tests.plan.sides import asked, gone, lock, marks, model, record
from voicectl.model.lock import Lock, Pending
from voicectl.model.voice import Voice
from voicectl.plan.offline import as_recorded, marks_of_record, marks_of_retired
from voicectl.plan.planner import make_plan


def actions(held: Lock, *wanted: Voice) -> list[tuple[str, str]]:
    manifests = catalog(*wanted)
    made = make_plan(asked(manifests, offline=True), held, as_recorded(manifests, held))
    assert made.plan.refusals == ()
    return [(change.name, change.action.value) for change in made.plan.changes]


FULL = voice("a", tags=("x",), visibility="public", description="Words", cover="one")


def test_the_account_looks_as_if_nobody_had_touched_it() -> None:
    held = lock({"a": record("m1", FULL)})
    assert actions(held, FULL) == []
    seen = as_recorded(catalog(FULL), held).models["m1"]
    assert (seen.title, seen.visibility, seen.plain_tags) == ("A", "public", ("x",))


def test_what_git_changed_is_the_plan() -> None:
    held = lock({"a": record("m1", FULL), "b": record("m2", voice("b", "two"))})
    assert actions(held, voice("a", "new"), voice("c")) == [("c", "create"), ("a", "replace"), ("b", "retire")]


def test_a_retired_generation_can_be_restored_and_one_that_is_pending_goes_on() -> None:
    held = lock({"a": record("m2", voice("a", "two"), generation=2, retired=(gone("m1", "one"),))})
    assert actions(held, voice("a", "one")) == [("a", "restore")]
    waiting = lock({"a": record("m1", voice("a", "one"), pending=Pending("m2", 2, inputs_of("two")))})
    assert actions(waiting, voice("a", "two")) == [("a", "replace")]
    assert set(as_recorded(catalog(), waiting).models) == {"m1", "m2"}


def test_what_is_left_of_a_removed_voice_is_there_too() -> None:
    held = lock({"b": record("m2", voice("b"))}, removed={"a": gone("m1", "one")})
    assert actions(held, voice("a", "one"), voice("b")) == [("a", "restore")]


def test_a_model_that_a_manifest_names_is_taken_to_exist() -> None:
    assert actions(lock(), voice("a", None, model="m9")) == [("a", "update")]


def test_the_models_belong_to_the_recorded_account() -> None:
    held = lock({"a": record("m1", FULL)})
    assert as_recorded(catalog(FULL), held).account is None
    held = replace(held, provider=replace(held.provider, account=ACCOUNT))
    observed = as_recorded(catalog(FULL), held)
    assert (observed.account, observed.models["m1"].author) == (ACCOUNT, ACCOUNT)


@pytest.mark.parametrize(
    ("origin", "expected"), [("created", marks("a")), ("adopted", marks("a", None)), ("external", ())]
)
def test_the_marks_that_a_record_stands_for(origin: Any, expected: tuple[str, ...]) -> None:
    assert marks_of_record(lock(), "a", record("m1", voice("a"), origin=origin)) == expected


def test_a_retired_generation_of_unknown_inputs_is_compared_with_the_digest_that_it_carries() -> None:
    carries = model("m1", "a", "other", retired=True)
    unknown, known = gone("m1", None), gone("m1", "one")
    assert marks_of_retired(lock(), "a", unknown, carries) == marks("a", "other", retired=True)
    assert marks_of_retired(lock(), "a", known, carries) == marks("a", "one", retired=True)
    assert marks_of_retired(lock(), "a", unknown) == marks("a", None, retired=True)
