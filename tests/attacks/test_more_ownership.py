"""What was found by an attacker who knew the first tests: claims under other names, externals, swaps, sizes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.attacks.test_ownership import NAMES, STRICT, TEN, edited, entry, serving
from tests.memory import OPEN, START, World, catalog, voice
from voicectl.errors import Refused
from voicectl.model.catalog import Limit
from voicectl.model.marker import Marker
from voicectl.model.voice import Consent, Voice

NONE = replace(OPEN, max_deletes=Limit(0), max_replaces=Limit(0))


@pytest.fixture
def world() -> World:
    """Ten voices that serve."""
    made = World()
    made.apply(TEN)
    return made


def external(name: str, model: str, **values: Any) -> Voice:
    return voice(name, None, model=model, external=True, **values)


@pytest.mark.parametrize("deleting", [True, False])
@pytest.mark.parametrize("under", ["an unknown name", "a living voice"])
def test_nine_voices_leave_under_one_name_and_count_as_one(world: World, under: str, deleting: bool) -> None:
    def edit(lock: dict[str, Any]) -> None:
        gone = [entry(lock["voices"].pop(name)["id"], deleting=deleting) for name in NAMES[1:]]
        if under == "a living voice":
            lock["voices"]["a"]["retired"] = gone
        else:
            lock["removed"]["zz"] = {"retired": gone}

    edited(world, edit)
    with pytest.raises(Refused, match="9 of 10 voices would be retired or deleted"):
        world.run(catalog(voice("a", "a"), policy=STRICT))
    assert world.account.deleted == []


@pytest.mark.parametrize("way", ["destroy", "withdrawn"])
def test_an_external_voice_names_the_model_of_another_catalog(world: World, way: str) -> None:
    tags = ("voicectl:other", "voicectl:other:x:0123456789ab", "mine")
    theirs = world.account.add(title="Theirs", tags=tags)
    own = world.id_of("a")
    turned = external("a", theirs.id)
    if way == "withdrawn":
        turned = replace(turned, consent=Consent("Jane", withdrawn_on=START.date()))
    rest = [each for name, each in TEN.voices.items() if name != "a"]
    world.run(catalog(turned, *rest, policy=OPEN), destroy=way == "destroy")
    assert world.account.models[theirs.id] == theirs
    assert own in {model.id for model in world.account.deleted}


def test_an_external_voice_pushes_out_a_protected_one_past_every_limit() -> None:
    world = World()
    world.apply(catalog(*(voice(name, name, protect=True) for name in "abcd"), policy=OPEN))
    library = world.account.add(title="Library", author="somebody")
    wanted = catalog(*(external(name, library.id) for name in "abcd"), policy=NONE)
    codes = {refusal.code for refusal in world.plan(wanted).refusals}
    assert {"protected", "max_deletes"} <= codes


def test_a_move_onto_a_living_voice_after_the_lockfile_was_lost_is_not_counted() -> None:
    world = World()
    world.apply(catalog(*(voice(name, name) for name in "abcdefgh"), policy=OPEN))
    world.store.data = None
    moved = dict(zip("efgh", "abcd", strict=True))
    with pytest.raises(Refused, match="4 of"):
        world.run(catalog(*(voice(name, name) for name in "abcd"), moved=moved, policy=NONE))


def test_a_move_of_what_left_long_ago_takes_nothing_along(world: World) -> None:
    rest = [each for name, each in TEN.voices.items() if name != "a"]
    world.apply(catalog(*rest, policy=OPEN))
    before = world.lock.removed["a"]
    world.apply(catalog(*rest, moved={"a": "b"}, policy=OPEN))
    assert world.lock.removed["a"] == before


def test_an_apply_saves_what_nothing_can_load() -> None:
    """Contents are exchanged without `moved`, then with it."""
    world = World()
    world.apply(catalog(voice("a", "one"), voice("b", "two"), policy=OPEN))
    world.apply(catalog(voice("a", "two"), voice("b", "one"), policy=OPEN))
    world.run(catalog(voice("a", "one"), voice("b", "two"), moved={"a": "b", "b": "a"}, policy=OPEN))
    ids = [gone.id for name in "ab" for gone in world.lock.retired(name)]
    assert len(ids) == len(set(ids))
    world.apply(catalog(voice("a", "one"), voice("b", "two"), moved={"a": "b", "b": "a"}, policy=OPEN))


def test_a_swap_with_a_withdrawn_consent_deletes_the_innocent_one() -> None:
    world = World()
    first = catalog(replace(voice("b", "bee"), consent=Consent("Jane")), voice("c", "old"), policy=OPEN)
    world.apply(first)
    world.apply(catalog(replace(voice("b", "bee"), consent=Consent("Jane")), voice("c", "sea"), policy=OPEN))
    (innocent,) = world.lock.voices["c"].retired
    gone = replace(voice("c", "bee"), consent=Consent("Jane", withdrawn_on=START.date()))
    swapped = catalog(voice("b", "sea"), gone, moved={"b": "c", "c": "b"}, policy=OPEN)
    world.apply(swapped)
    assert innocent.id in world.account.models
    assert [d.name for d in world.lock.deleted] == ["c"]
    # The recording of the innocent voice is nobody's withdrawn one.
    world.apply(catalog(voice("b", "old"), gone, moved={"b": "c", "c": "b"}, policy=OPEN))


def test_bogus_records_make_the_catalog_look_large(world: World) -> None:
    def edit(lock: dict[str, Any]) -> None:
        bogus = {"origin": "external", "id": "", "generation": 1, "inputs": None, "samples": []}
        for number in range(22):
            lock["voices"][f"x{number}"] = {**lock["voices"]["a"], **bogus, "id": f"none{number}"}

    edited(world, edit)
    with pytest.raises(Refused, match="9 of 10 voices"):
        world.run(catalog(voice("a", "a"), policy=STRICT))


def test_new_recordings_are_taken_on_trust_for_a_model_that_voicectl_made(world: World) -> None:
    """It left, and came back by its id; then samples are added that it was not made from."""
    rest = [each for name, each in TEN.voices.items() if name != "a"]
    model = world.id_of("a")
    world.apply(catalog(*rest, policy=OPEN))
    world.apply(catalog(voice("a", None, model=model), *rest, policy=OPEN))
    wanted = catalog(voice("a", "new", model=model), *rest, policy=OPEN)
    assert world.actions(wanted) == [("a", "replace")]


def test_a_voice_is_never_done_with_while_an_external_one_names_its_old_model(world: World) -> None:
    old = world.id_of("a")
    guest = external("guest", old)
    world.apply(catalog(*TEN.voices.values(), guest, policy=OPEN))
    rest = [each for name, each in TEN.voices.items() if name != "a"]
    world.run(catalog(voice("a", "new", retain=timedelta(0)), *rest, guest, policy=OPEN))
    world.now += timedelta(days=1)
    world.apply(catalog(voice("a", "new", retain=timedelta(0)), *rest, guest, policy=OPEN))
    assert old not in world.account.models


def test_a_rebuild_loses_what_the_listing_by_tag_lacks(world: World) -> None:
    import asyncio

    from tests.memory import IDENTITY
    from voicectl.engine.plan import rebuild_lock

    model = world.account.models[world.id_of("a")]
    marker = model.marker("acme")
    assert marker is not None
    world.account.edit(model.id, tags=(marker.tag,))
    rebuilt = asyncio.run(rebuild_lock(TEN, IDENTITY, world.account, START, world.lock))
    assert rebuilt.lock.voices["a"].id == model.id
    world.account.edit(model.id, tags=())
    rebuilt = asyncio.run(rebuild_lock(TEN, IDENTITY, world.account, START, world.lock))
    assert any(model.id in words for words in rebuilt.unknown)


def test_a_rebuild_retires_a_model_that_serves(world: World) -> None:
    import asyncio

    from tests.memory import IDENTITY
    from voicectl.engine.plan import rebuild_lock

    twin = world.account.add(title="A", tags=Marker.of("acme", "a", "sha256:" + "1" * 64).marks)
    before = serving(world)
    rebuilt = asyncio.run(rebuild_lock(TEN, IDENTITY, world.account, START, None))
    assert twin.id not in {gone.id for gone in rebuilt.lock.retired("a")}
    assert {name: world.account.models[r.id] for name, r in rebuilt.lock.voices.items()} == before
