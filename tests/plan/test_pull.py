"""Accepting drift: which values of the account go into the manifests, and what is recorded then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.memory import OPEN, catalog, voice
from tests.plan.sides import lock, model, record, seen
from voicectl.errors import UsageError
from voicectl.model.lock import Blocked, Record
from voicectl.model.voice import Voice
from voicectl.plan.compare import Comparison, compare
from voicectl.plan.plan import EVERYTHING, Selectors
from voicectl.plan.pull import Pull, pulls, recorded_in


def pulled(wanted: Voice, known: Record, selectors: Selectors = EVERYTHING, **account: Any) -> list[Pull]:
    observed = seen(model(known.id, wanted.name, **account))
    return pulls(catalog(wanted), lock({wanted.name: known}), observed, selectors)


@pytest.mark.parametrize(
    ("desired", "recorded", "observed", "expected"),
    [
        ("One", "One", "One", []),
        # Git is ahead, or both agree already: nothing to take from the account.
        ("Two", "One", "One", []),
        ("One", "Two", "One", []),
        ("One", "One", "Two", [("title", "Two", False)]),
        ("One", "Two", "Three", [("title", "Three", True)]),
    ],
)
def test_only_what_the_account_alone_changed_is_taken_and_a_conflict_is_called_one(
    desired: str, recorded: str, observed: str, expected: list[Any]
) -> None:
    found = pulled(voice("a", title=desired), record("m1", voice("a", title=recorded)), title=observed)
    assert [(pull.field, pull.value, pull.conflict) for pull in found] == expected


def test_every_field_but_the_cover_can_be_taken_and_our_marks_are_not_among_the_tags() -> None:
    changed: Any = {"title": "T", "description": "D", "visibility": "unlist", "tags": ("x",), "cover_image": "c/9"}
    wanted = voice("a", cover="one")
    found = pulled(wanted, record("m1", wanted), **changed)
    assert {pull.field: pull.value for pull in found} == {
        "title": "T",
        "description": "D",
        "visibility": "unlist",
        "tags": ("x",),
    }


BLOCKED: Any = {"title": Blocked("A", "By hand")}


@pytest.mark.parametrize(
    ("wanted", "more"),
    [
        (voice("a", ignore=["title"]), {}),
        (voice("a", None, model="m1", title=None), {}),
        (voice("a", None, model="m1", external=True), {}),
        (voice("a"), {"blocked": BLOCKED}),
    ],
    ids=["ignored", "unmanaged", "external", "not taken by the provider"],
)
def test_what_git_does_not_decide_is_not_written_into_it(wanted: Voice, more: dict[str, Any]) -> None:
    assert pulled(wanted, record("m1", voice("a"), **more), title="By hand") == []


def test_a_model_that_is_gone_has_nothing_to_take() -> None:
    assert pulls(catalog(voice("a")), lock({"a": record("m1", voice("a"))}), seen(), EVERYTHING) == []


def test_selectors_choose_whose_values_are_taken() -> None:
    assert pulled(voice("a"), record("m1", voice("a")), Selectors(exclude=("a",)), title="By hand") == []
    with pytest.raises(UsageError):
        pulled(voice("a"), record("m1", voice("a")), Selectors(only=("b",)), title="By hand")


def test_once_the_manifests_have_the_values_all_three_sides_agree() -> None:
    wanted, held = voice("a"), lock({"a": record("m1", voice("a"))})
    account = model("m1", "a", title="By hand", tags=("x",))
    taken = pulls(catalog(wanted), held, seen(account), EVERYTHING)
    after = recorded_in(held, {"a": taken}).voices["a"]
    edited = replace(wanted, metadata=wanted.metadata.with_values({pull.field: pull.value for pull in taken}))
    assert compare(edited, after, account, OPEN) == Comparison()
    assert after == replace(held.voices["a"], applied=after.applied)
