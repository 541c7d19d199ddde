"""Merging lockfiles: no id is lost, and only two models under one name are a conflict."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicectl.model.lock import Applied, Lock, ProviderIdentity, Record, Removed, Retired
from voicectl.state.codec import decode, encode
from voicectl.state.merging import NotMergeable, merge

WHEN = datetime(2026, 11, 22, tzinfo=UTC)
FISH = ProviderIdentity("fish", "api.fish.audio", "a" * 32)


def model(number: int) -> str:
    return f"{number:032x}"


def gone(number: int, generation: int = 1) -> Retired:
    return Retired(model(number), generation, None, WHEN, WHEN)


def record(number: int, title: str = "A", generation: int = 1, retired: tuple[Retired, ...] = ()) -> Record:
    return Record("created", model(number), generation, applied=Applied(title=title), retired=retired)


def lock(voices: dict[str, Record], removed: dict[str, tuple[Retired, ...]] | None = None) -> Lock:
    return Lock("acme", None, FISH, voices, {name: Removed(r) for name, r in (removed or {}).items()})


BASE = lock({"a": record(1), "b": record(2)})


def test_different_voices_changed_on_each_side() -> None:
    ours = lock({"a": record(1, "New"), "b": record(2)})
    theirs = lock({"a": record(1), "b": record(2), "c": record(3)})
    assert merge(BASE, ours, theirs) == lock({"a": record(1, "New"), "b": record(2), "c": record(3)})
    assert merge(BASE, theirs, ours) == merge(BASE, ours, theirs)


def test_fields_of_one_voice() -> None:
    before = replace(record(1), applied=Applied(title="A", description="d", tags=("x",)))
    ours = replace(before, applied=replace(before.applied, title="Ours"))
    theirs = replace(before, applied=replace(before.applied, title="Theirs", tags=("y",)))
    found = merge(lock({"a": before}), lock({"a": ours}), lock({"a": theirs})).voices["a"].applied
    assert found == Applied(title="Ours", description="d", tags=("y",))


def test_replaced_on_one_side_and_updated_on_the_other() -> None:
    ours = lock({"a": record(9, generation=2, retired=(gone(1),)), "b": record(2)})
    theirs = lock({"a": record(1, "New"), "b": record(2)})
    for found in (merge(BASE, ours, theirs), merge(BASE, theirs, ours)):
        assert found.voices["a"].id == model(9)
        assert [r.id for r in found.voices["a"].retired] == [model(1)]


def test_removed_on_one_side() -> None:
    ours = lock({"b": record(2)}, {"a": (gone(1),)})
    theirs = lock({"a": record(1, "New"), "b": record(2)})
    for found in (merge(BASE, ours, theirs), merge(BASE, theirs, ours)):
        assert found == lock({"b": record(2)}, {"a": (gone(1),)})


def test_removed_on_one_side_and_replaced_on_the_other() -> None:
    ours = lock({"b": record(2)}, {"a": (gone(1),)})
    theirs = lock({"a": record(9, generation=2, retired=(gone(1),)), "b": record(2)})
    for found in (merge(BASE, ours, theirs), merge(BASE, theirs, ours)):
        assert found.voices["a"] == record(9, generation=2, retired=(gone(1),))
        assert found.removed == {}


def test_a_generation_deleted_on_one_side_stays_deleted() -> None:
    base = lock({"a": record(1, retired=(gone(5), gone(6)))})
    ours = lock({"a": record(1, retired=(gone(6),))})
    theirs = lock({"a": record(1, "New", retired=(gone(5), gone(6)))})
    for found in (merge(base, ours, theirs), merge(base, theirs, ours)):
        assert [r.id for r in found.voices["a"].retired] == [model(6)]


@pytest.mark.parametrize("base", [None, lock({}), BASE])
def test_two_models_for_one_name_are_for_a_person(base: Lock | None) -> None:
    ours, theirs = (lock({"a": record(n, generation=2, retired=(gone(1),))}) for n in (8, 9))
    with pytest.raises(NotMergeable, match=f"a is {model(8)} on one side and {model(9)}"):
        merge(base, ours, theirs)


def test_other_accounts_are_not_merged() -> None:
    other = replace(BASE, provider=ProviderIdentity("fish", "elsewhere.example", None))
    with pytest.raises(NotMergeable):
        merge(BASE, BASE, other)


ids = st.integers(1, 30)


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    numbers = draw(st.lists(ids, unique=True, max_size=12))
    voices: dict[str, Record] = {}
    removed: dict[str, tuple[Retired, ...]] = {}
    for number in numbers:
        name = draw(st.sampled_from(["a", "b", "c", "d"]))
        place = draw(st.sampled_from(["voice", "retired", "removed"]))
        if place == "voice" and name not in voices and name not in removed:
            voices[name] = record(number, draw(st.sampled_from(["A", "B"])), draw(st.integers(1, 3)))
        elif place == "retired" and name in voices:
            voices[name] = voices[name].with_retired(gone(number))
        elif name not in voices:
            removed[name] = (*removed.get(name, ()), gone(number))
    return lock(voices, removed)


@given(locks(), locks(), locks())
def test_no_id_that_a_side_made_is_lost_and_each_has_one_place(base: Lock, ours: Lock, theirs: Lock) -> None:
    try:
        found = merge(base, ours, theirs)
    except NotMergeable:
        return
    made = (ours.ids() | theirs.ids()) - base.ids()
    assert made <= found.ids()
    assert found.ids() <= ours.ids() | theirs.ids()
    assert decode(encode(found), "lock") == decode(encode(decode(encode(found), "lock")), "lock")


@given(locks(), locks())
def test_a_side_that_did_nothing_changes_nothing(base: Lock, ours: Lock) -> None:
    assert merge(base, ours, base).ids() == ours.ids()
    assert merge(base, base, ours).ids() == ours.ids()
    assert merge(base, ours, ours).ids() == ours.ids()


def pending(base: Record, number: int) -> Record:
    from voicectl.model.lock import Pending

    return replace(base, pending=Pending(model(number), 2, "sha256:" + "0" * 64))


def test_one_model_under_two_names_is_for_a_person() -> None:
    base, ours, theirs = lock({"a": record(1)}), lock({"b": record(1)}), lock({"c": record(1)})
    with pytest.raises(NotMergeable, match="is b and c"):
        merge(base, ours, theirs)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lock({}, {"a": (gone(1),)}), lock({"a": pending(record(1), 7)})),
        (lock({"b": record(1)}), lock({"a": pending(record(1), 7)})),
        (lock({"a": pending(record(1), 7)}), lock({"a": pending(record(1), 8)})),
        (lock({"a": record(9, generation=2, retired=(gone(1),))}), lock({"a": pending(record(1), 7)})),
    ],
)
def test_a_replacement_under_way_is_never_dropped(ours: Lock, theirs: Lock) -> None:
    base = lock({"a": record(1)})
    for one, other in ((ours, theirs), (theirs, ours)):
        with pytest.raises(NotMergeable, match=f"{model(7)}|{model(8)}"):
            merge(base, one, other)


def test_a_replacement_that_ended_does_not_come_back() -> None:
    base = lock({"a": pending(record(1), 7)})
    found = merge(base, lock({"a": record(1)}), lock({"a": pending(record(1, "New"), 7)}))
    assert found.voices["a"].pending is None
