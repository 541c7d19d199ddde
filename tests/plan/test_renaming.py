"""A catalog gets another name: the marks of what it holds follow, and nothing else is touched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.memory import inputs_of, voice
from tests.plan.sides import gone, lock, model, record, seen
from voicectl.model.lock import Pending
from voicectl.model.observed import Model
from voicectl.plan.renaming import RenamingPlan, renaming_plan

OLD = lock(
    {"a": record("m1", voice("a"), pending=Pending("m2", 2, inputs_of("two")), retired=(gone("m0", "zero"),))},
    removed={"left": gone("m3")},
)
MODELS = {
    "m1": model("m1", "a", tags=("own",)),
    "m2": model("m2", "a", "two"),
    "m0": model("m0", "a", "zero", retired=True),
    "m3": model("m3", "left", retired=True),
}
ACME, STAGING = "voicectl:acme", "voicectl:acme.staging"


def renamed(**models: Model | None) -> RenamingPlan:
    found = {key: value for key, value in (MODELS | models).items() if value is not None}
    return renaming_plan(OLD, replace(OLD, environment="staging"), seen(*found.values()), "1.0")


def moved(model: Model) -> Model:
    """A model whose marks say the new name."""
    return replace(model, tags=tuple(tag.replace(ACME, STAGING) for tag in model.tags))


def test_the_marks_of_every_generation_say_the_new_name_and_all_else_stays() -> None:
    found = renamed()
    assert [task.change.id for task in found.tasks] == ["m1", "m2", "m0", "m3"]
    assert found.plan.changes == tuple(task.change for task in found.tasks)
    assert (found.plan.environment, found.plan.warnings, found.plan.refusals) == ("staging", (), ())
    for task in found.tasks:
        assert set(task.patch.tags or ()) == set(moved(task.model).tags)
        assert replace(task.patch, tags=None).empty


def test_a_run_that_was_killed_goes_on_with_what_is_left() -> None:
    found = renamed(m1=moved(MODELS["m1"]), m3=moved(MODELS["m3"]))
    assert [task.change.id for task in found.tasks] == ["m2", "m0"]
    assert found.plan.warnings == ()


def test_half_written_marks_are_completed() -> None:
    half = replace(MODELS["m1"], tags=(STAGING, MODELS["m1"].tags[1], "own"))
    (task, *_) = renamed(m1=half).tasks
    assert set(task.patch.tags or ()) == set(moved(MODELS["m1"]).tags)


@pytest.mark.parametrize(
    ("seen_now", "words"),
    [(None, "is gone from the account"), (model("m1"), "does not carry our marks, and is left alone")],
)
def test_what_can_not_follow_is_left_alone_and_named(seen_now: Model | None, words: str) -> None:
    found = renamed(m1=seen_now)
    assert "m1" not in [task.change.id for task in found.tasks]
    assert [notice.message for notice in found.plan.warnings] == [f"a: m1 {words}"]


def test_a_model_that_another_catalog_marked_too_stops_it() -> None:
    found = renamed(m1=replace(MODELS["m1"], tags=(*MODELS["m1"].tags, "voicectl:other")))
    assert [refusal.code for refusal in found.plan.refusals] == ["foreign_model"]
    assert "m1" not in [task.change.id for task in found.tasks]


@pytest.mark.parametrize(
    ("observed", "codes"),
    [
        ({"account": "another"}, ["wrong_account"]),
        ({"unreadable": {"m1": "no"}}, ["models_missing", "unreadable"]),
        ({"gone": frozenset({"m1"})}, ["models_missing"]),
    ],
)
def test_it_needs_the_right_key(observed: dict[str, Any], codes: list[str]) -> None:
    old = replace(OLD, provider=replace(OLD.provider, account="account-1"))
    found = renaming_plan(old, replace(old, environment="staging"), seen(**observed), "1.0")
    assert [refusal.code for refusal in found.plan.refusals] == codes


def test_an_external_model_is_never_written_to() -> None:
    guest = lock({"a": record("m1", voice("a"), origin="external")})
    found = renaming_plan(guest, replace(guest, environment="staging"), seen(MODELS["m1"]), "1.0")
    assert found.tasks == ()


def test_models_with_the_old_marks_that_nobody_recorded_stay_and_are_named() -> None:
    (notice,) = renamed(stray=model("stray", "x", tags=("own",))).plan.warnings
    assert (notice.code, "stray" in notice.message) == ("not_recorded", True)
