"""Who is who: which models serve which names, whatever lockfile and account say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.memory import OPEN, START, World, catalog, inputs_of, voice
from voicectl.errors import Refused
from voicectl.model.catalog import DEFAULT_RETENTION, Limit
from voicectl.model.marker import Marker


def marks(name: str, words: str = "one", *, retired: bool = False) -> tuple[str, str]:
    return Marker.of("acme", name, inputs_of(words), retired=retired).marks


def test_of_models_with_one_marker_the_oldest_stays_whatever_the_lock_says() -> None:
    world = World()
    oldest = world.account.add(title="A", tags=marks("a"))
    world.apply(catalog(voice("a")))
    world.store.data = None
    del world.account.models[oldest.id]
    world.apply(catalog(voice("a")))
    assert world.id_of("a") != oldest.id
    world.account.models[oldest.id] = oldest
    younger = world.id_of("a")
    assert world.actions(catalog(voice("a"))) == [("a", "refresh"), ("a", "retire")]
    world.apply(catalog(voice("a"), retain=timedelta(0)))
    assert world.id_of("a") == oldest.id
    # Its id may be in use elsewhere: it is kept, whatever the retention, and its change counts as a replacement.
    assert [(gone.id, gone.delete_after) for gone in world.lock.voices["a"].retired] == [
        (younger, START + DEFAULT_RETENTION)
    ]
    assert younger in world.account.models


def test_an_id_that_gives_way_to_an_older_twin_counts_as_replaced() -> None:
    world = World()
    oldest = world.account.add(title="A", tags=marks("a"))
    del world.account.models[oldest.id]
    world.apply(catalog(voice("a")))
    world.account.models[oldest.id] = oldest
    none = replace(OPEN, max_replaces=Limit(0))
    assert "max_replaces" in [refusal.code for refusal in world.plan(catalog(voice("a"), policy=none)).refusals]


def test_a_duplicate_that_others_can_see_is_retired_instead() -> None:
    world = World()
    world.apply(catalog(voice("a")))
    seen = world.account.add(title="A", tags=marks("a"), visibility="unlist")
    world.apply(catalog(voice("a")))
    assert [gone.id for gone in world.lock.voices["a"].retired] == [seen.id]


def test_a_duplicate_that_works_goes_before_an_older_one_that_does_not() -> None:
    world = World()
    world.account.add(title="A", tags=marks("a"), state="failed")
    world.account.add(title="A", tags=marks("a"))
    down = world.account.add(title="B", tags=marks("b"))
    world.account.edit(down.id, taken_down=True)
    works = world.account.add(title="B", tags=marks("b"))
    world.apply(catalog(voice("a"), voice("b")))
    assert world.account.models[world.id_of("a")].state == "trained"
    assert world.id_of("b") == works.id


def test_a_strangers_copy_of_our_marks_does_not_count() -> None:
    world = World()
    stranger = world.account.add(title="A", tags=marks("a"), author="somebody")
    world.apply(catalog(voice("a")))
    assert world.id_of("a") != stranger.id
    assert world.account.models[stranger.id] == stranger


def test_without_a_lock_the_desired_digest_serves_and_the_others_are_retired_anew() -> None:
    world = World(now=START)
    wanted = world.account.add(title="A", tags=marks("a", "one", retired=True))
    other = world.account.add(title="A", tags=marks("a", "two"))
    world.apply(catalog(voice("a", "one"), retain=timedelta(0)))
    record = world.lock.voices["a"]
    assert record.id == wanted.id
    assert [(gone.id, gone.delete_after) for gone in record.retired] == [(other.id, START + DEFAULT_RETENTION)]


def test_without_a_lock_and_digest_the_one_without_the_role_gives_way() -> None:
    world = World()
    world.account.add(title="A", tags=marks("a", "one", retired=True))
    serves = world.account.add(title="A", tags=marks("a", "two"))
    world.account.add(title="A", tags=marks("a", "three", retired=True))
    (change,) = [c for c in world.plan(catalog(voice("a", "four"))).changes if c.action == "replace"]
    assert change.id == serves.id


def test_the_role_decides_where_lock_and_account_disagree() -> None:
    world = World()
    world.apply(catalog(voice("a", "one")))
    old = world.store.data
    first = world.id_of("a")
    world.apply(catalog(voice("a", "two")))
    second = world.id_of("a")
    world.store.data = old
    world.apply(catalog(voice("a", "two")))
    assert world.id_of("a") == second
    assert [gone.id for gone in world.lock.voices["a"].retired] == [first]


def test_an_old_lock_and_new_inputs_lose_no_generation() -> None:
    world = World()
    world.apply(catalog(voice("a", "one")))
    old = world.store.data
    world.apply(catalog(voice("a", "two")))
    before = world.lock.ids()
    world.store.data = old
    world.apply(catalog(voice("a", "three")))
    assert before <= world.lock.ids()


def test_an_orphan_waits_out_the_default_retention_and_comes_back_with_its_id() -> None:
    world = World()
    both = catalog(voice("a"), voice("b"), retain=timedelta(0))
    only_a = catalog(voice("a"), retain=timedelta(0))
    world.apply(only_a)
    old = world.store.data
    world.apply(both)
    orphan = world.id_of("b")
    world.store.data = old
    assert [o.id for o in world.plan(only_a).orphaned] == [orphan]
    world.apply(only_a)
    (gone,) = world.lock.removed["b"].retired
    assert (gone.id, gone.delete_after) == (orphan, START + DEFAULT_RETENTION)
    world.apply(both)
    assert world.id_of("b") == orphan


def test_a_recorded_id_follows_its_marker_if_its_name_is_gone() -> None:
    world = World()
    world.apply(catalog(voice("old")))
    stale = world.store.data
    model = world.id_of("old")
    world.apply(catalog(voice("new"), moved={"old": "new"}))
    world.store.data = stale
    world.apply(catalog(voice("new")))
    assert world.id_of("new") == model
    assert "old" not in world.lock.voices


def test_without_a_lock_moved_maps_old_markers() -> None:
    world = World()
    world.apply(catalog(voice("old")))
    model = world.id_of("old")
    world.store.data = None
    world.apply(catalog(voice("new"), moved={"old": "new"}))
    assert world.id_of("new") == model


def test_a_move_rewrites_every_generation_even_if_the_current_one_is_gone() -> None:
    world = World()
    world.apply(catalog(voice("old", "one")))
    world.apply(catalog(voice("old", "two")))
    del world.account.models[world.id_of("old")]
    world.apply(catalog(voice("new", "three"), moved={"old": "new"}), recreate_missing=True)
    names = {mark.name for model in world.account.models.values() if (mark := model.marker("acme"))}
    assert names == {"new"}


def test_a_move_leaves_a_generation_alone_that_lost_its_marks() -> None:
    world = World()
    world.apply(catalog(voice("old", "one")))
    first = world.id_of("old")
    world.apply(catalog(voice("old", "two")))
    world.account.edit(first, tags=())
    world.apply(catalog(voice("new", "two"), moved={"old": "new"}))
    assert world.account.models[first].marks == ()
    assert first not in world.lock.ids()


def test_a_move_with_a_generation_that_is_gone_ends() -> None:
    world = World()
    world.apply(catalog(voice("old", "one")))
    first = world.id_of("old")
    world.apply(catalog(voice("old", "two")))
    del world.account.models[first]
    world.apply(catalog(voice("new", "two"), moved={"old": "new"}))
    assert world.lock.voices["new"].retired == ()


def test_a_move_together_with_new_inputs_records_what_it_makes_at_once() -> None:
    world = World()
    world.apply(catalog(voice("old", "one")))
    world.account.fails.add("New")
    world.run(catalog(voice("new", "two"), moved={"old": "new"}))
    pending = world.lock.voices["new"].pending
    assert pending is not None
    assert world.account.models[pending.id].state == "failed"


def test_another_catalogs_model_is_refused_and_never_touched() -> None:
    world = World()
    world.apply(catalog(voice("a")))
    world.account.edit(world.id_of("a"), tags=("voicectl:other", "voicectl:other:a:0123456789ab"))
    before = dict(world.account.models)
    with pytest.raises(Refused):
        world.run(catalog(voice("a", title="New")))
    with pytest.raises(Refused):
        world.run(catalog(), destroy=True)
    assert world.account.models == before


@pytest.mark.parametrize("words", [None, "one"])
def test_an_adopted_model_is_never_deleted_with_or_without_a_lock(words: str | None) -> None:
    world = World()
    found = world.account.add(title="By hand", tags=("old",))
    adopts = catalog(voice("a"), voice("d", words, model=found.id), retain=timedelta(0))
    world.apply(adopts)
    assert world.lock.voices["d"].origin == "adopted"
    world.store.data = None
    world.apply(catalog(voice("a"), retain=timedelta(0)))
    world.now += timedelta(days=30)
    world.apply(catalog(voice("a"), retain=timedelta(0)))
    assert world.account.models[found.id].tags == ("old",)


def test_a_name_with_retired_generations_can_adopt() -> None:
    world = World()
    world.apply(catalog(voice("a"), voice("b")))
    own = world.id_of("b")
    world.apply(catalog(voice("a")))
    found = world.account.add(title="By hand")
    world.apply(catalog(voice("a"), voice("b", None, model=found.id)))
    assert world.id_of("b") == found.id
    assert [gone.id for gone in world.lock.voices["b"].retired] == [own]


def test_a_retired_generation_of_the_name_can_be_adopted() -> None:
    world = World()
    world.apply(catalog(voice("a"), voice("b")))
    own = world.id_of("b")
    world.apply(catalog(voice("a")))
    world.apply(catalog(voice("a"), voice("b", None, model=own)))
    assert world.id_of("b") == own


def test_a_model_of_another_name_is_not_adopted() -> None:
    world = World()
    world.apply(catalog(voice("a"), voice("b")))
    world.store.data = None
    with pytest.raises(Refused):
        world.run(catalog(voice("a"), voice("c", None, model=world.account.add(title="B", tags=marks("b", "x")).id)))


def test_an_external_voice_follows_its_manifest_and_is_never_written() -> None:
    world = World()
    one = world.account.add(title="Library", author="somebody")
    two = world.account.add(title="Library 2", author="somebody", tags=marks("guest"))
    own = world.account.add(title="Own", tags=("x",))
    for model in (one, two, own):
        world.apply(catalog(voice("a"), voice("guest", None, model=model.id, external=True)))
        assert world.id_of("guest") == model.id
    world.apply(catalog(voice("a")))
    assert [world.account.models[model.id] for model in (one, two, own)] == [one, two, own]


def test_an_external_voice_may_name_a_model_of_the_catalog() -> None:
    world = World()
    world.apply(catalog(voice("a")))
    same = voice("z", None, model=world.id_of("a"), external=True)
    world.apply(catalog(voice("a"), same))
    world.apply(catalog(voice("a", title="New"), same))
    assert world.id_of("a") == world.id_of("z")


def test_a_voice_may_become_external_and_managed_again() -> None:
    world = World()
    world.apply(catalog(voice("a"), voice("b", "one")))
    world.apply(catalog(voice("a"), voice("b", "two")))
    library = world.account.add(title="Library", author="somebody")
    mine = world.account.add(title="Mine")
    before = world.lock.ids()
    with pytest.raises(Refused):
        world.run(catalog(voice("a"), voice("b", None, model="nowhere", external=True)))
    world.apply(catalog(voice("a"), voice("b", None, model=library.id, external=True)))
    assert before <= world.lock.ids()
    world.apply(catalog(voice("a"), voice("b", None, model=mine.id, external=True)))
    world.apply(catalog(voice("a"), voice("b", None, model=mine.id)))
    assert world.lock.voices["b"].origin == "adopted"
    world.apply(catalog(voice("a"), voice("b", "two")))
    assert before <= world.lock.ids()


def test_a_move_onto_a_name_whose_model_serves_again_shows_that_there_are_two() -> None:
    world = World()
    world.apply(catalog(voice("a", "one"), voice("b", "one")))
    older = world.id_of("a")
    world.apply(catalog(voice("b", "one")))
    # Somebody takes the role off the retired model, and then b gets its name.
    tags = tuple(tag.removesuffix(":retired") for tag in world.account.models[older].tags)
    world.account.edit(older, tags=tags)
    wanted = catalog(voice("a", "one"), moved={"b": "a"})
    assert ("a", "retire") in world.actions(wanted)
    world.apply(wanted)
    assert world.id_of("a") == older
