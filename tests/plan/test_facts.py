"""Lookups over the three sides: whose a model is, which names it may serve, which moves are still to be followed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.memory import ACCOUNT, catalog, voice
from tests.plan.sides import gone, lock, model, record, seen
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock
from voicectl.model.observed import Model
from voicectl.plan.facts import Facts


def facts(wanted: Catalog, held: Lock | None = None, *models: Model, **observed: Any) -> Facts:
    return Facts(wanted, held or lock(), seen(*models, **observed))


@pytest.mark.parametrize(
    ("found", "account", "ours"),
    [
        (model("m1", "a"), ACCOUNT, True),
        (model("m1"), ACCOUNT, True),
        (model("m1", "a", author="somebody"), ACCOUNT, False),
        # Where nobody knows whose it is, the marks decide alone.
        (model("m1", "a", author=""), ACCOUNT, True),
        (model("m1", "a", author="somebody"), None, True),
        (model("m1", tags=("voicectl:other",)), ACCOUNT, False),
        # An environment of the same catalog is another namespace.
        (model("m1", "a", tags=("voicectl:acme.staging",)), ACCOUNT, False),
    ],
)
def test_a_model_is_ours_unless_somebody_else_can_have_a_claim_on_it(
    found: Model, account: str | None, ours: bool
) -> None:
    assert facts(catalog(), None, found, account=account).ours(found) == ours


def test_a_move_is_followed_in_the_lockfile_or_without_one_by_the_marks() -> None:
    wanted = catalog(voice("new"), moved={"old": "new"})
    assert facts(wanted, lock({"old": record("m1", voice("old"))}), model("m1", "old")).renamed == {"old": "new"}
    assert facts(wanted, None, model("m1", "old")).names("m1") == ("new",)
    # Once it was followed, and the old name lives on as another voice's, it is over.
    assert facts(wanted, lock({"new": record("m1", voice("new"))}), model("m1", "new")).renamed == {}


def test_a_move_to_a_name_that_has_left_the_manifests_leads_nowhere() -> None:
    held = lock({"old": record("m1", voice("old"))})
    assert facts(catalog(voice("other"), moved={"old": "new"}), held, model("m1", "old")).renamed == {}


def test_a_move_that_git_took_back_is_followed_back() -> None:
    held = lock({"new": record("m1", voice("new"), previous_names=("older", "old"))})
    assert facts(catalog(voice("old")), held, model("m1", "new")).renamed == {"new": "old"}
    assert facts(catalog(voice("older"), voice("old")), held, model("m1", "new")).renamed == {"new": "old"}


@pytest.mark.parametrize(
    ("a", "b", "pending"), [("one", "two", False), ("two", "one", True)], ids=["carried out", "still to be followed"]
)
def test_what_the_voices_are_made_from_tells_whether_names_have_changed_places(a: str, b: str, pending: bool) -> None:
    wanted = catalog(voice("a", a), voice("b", b), moved={"a": "b", "b": "a"})
    held = lock({"a": record("m1", voice("a", "one")), "b": record("m2", voice("b", "two"))})
    models = (model("m1", "a", "one"), model("m2", "b", "two"))
    assert facts(wanted, held, *models).renamed == ({"a": "b", "b": "a"} if pending else {})
    # A clone without a lockfile comes to the same from the marks.
    assert facts(wanted, None, *models).moves.rings == (frozenset({"a", "b"}) if pending else frozenset())


def test_a_lockfile_can_not_make_one_voices_model_a_generation_of_another() -> None:
    held = lock({"a": record("m1", voice("a"), retired=(gone("m2", "two"),)), "b": record("m3", voice("b", "two"))})
    found = facts(catalog(voice("a")), held, model("m2", "b", "two"))
    assert found.strayed("m2", "a", "a")
    assert "m2" not in found.recorded
    removed = lock({"b": record("m3", voice("b", "two"))}, removed={"a": gone("m2", "two")})
    assert "m2" not in facts(catalog(), removed, model("m2", "b", "two")).recorded
    assert not facts(catalog(voice("a")), held, model("m2", "a", "two")).strayed("m2", "a", "a")
    assert not facts(catalog(voice("a")), held, model("m2")).strayed("m2", "a", "a")


def test_a_recorded_model_that_says_it_serves_another_voice_follows_its_marks_only_if_nobody_loses_by_it() -> None:
    held = lock({"a": record("m1", voice("a"))})
    wanted = catalog(voice("a", "two"), voice("b"))
    swapped = (model("m1", "b"), model("m2", "a", "two"))
    assert "m1" not in facts(wanted, held, *swapped).recorded
    assert facts(wanted, held, swapped[0]).recorded == {"m1": "a"}


@pytest.mark.parametrize(
    ("found", "held", "adoptable"),
    [
        (model("m1"), lock(), True),
        (model("m1", "a"), lock(), True),
        (model("m1", "b"), lock(), False),
        (model("m1", author="somebody"), lock(), False),
        (model("m1"), lock({"b": record("m1", voice("b"))}), False),
    ],
    ids=["unmarked", "our own", "another name's by its marks", "somebody's", "another name's by the lockfile"],
)
def test_a_named_model_is_adopted_unless_somebody_else_or_another_name_has_it(
    found: Model, held: Lock, adoptable: bool
) -> None:
    known = facts(catalog(voice("a", None, model="m1"), voice("b")), held, found)
    assert (known.adoptable("m1", "a") is not None) == adoptable


def test_an_external_id_claims_no_model_of_the_catalog() -> None:
    guest = record("m1", voice("z"), origin="external")
    held = lock({"a": record("m1", voice("a")), "z": guest})
    wanted = catalog(voice("a"), voice("z", None, model="m1", external=True))
    assert facts(wanted, held, model("m1", "a")).recorded == {"m1": "a"}


def test_a_model_that_was_made_for_a_voice_serves_it_though_its_marks_say_a_name_that_git_took_back() -> None:
    """Git took a move back together with the lockfile: only the marks say the new name still."""
    held = lock({"old": record("m1", voice("old", "one"))})
    found = facts(catalog(voice("old", "one")), held, model("m1", "new", "one"))
    assert found.fits("m1", "old")
    assert (found.recorded, found.previous_marks) == ({"m1": "old"}, {"old": "new"})
    # Not where it fits the voice that its marks name as well as this one,
    both = catalog(voice("old", "one"), voice("new", "one"))
    assert not facts(both, held, model("m1", "new", "one")).fits("m1", "old")
    # nor where it was made from something else.
    assert not facts(catalog(voice("old", "two")), held, model("m1", "new", "one")).fits("m1", "old")
