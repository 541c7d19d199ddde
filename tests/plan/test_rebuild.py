"""A lockfile from the account and the manifests alone: what is known comes back, what is a guess is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.memory import START, World, catalog, inputs_of, sha, voice
from tests.plan.sides import gone, lock, model, record, seen
from voicectl.model.catalog import DEFAULT_RETENTION, Catalog
from voicectl.model.lock import Changed, Removed
from voicectl.model.observed import Model
from voicectl.plan.rebuild import Rebuilt, carried_over, rebuild


def rebuilt(wanted: Catalog, *models: Model) -> Rebuilt:
    return rebuild(wanted, lock(), seen(*models), START)


def test_a_lockfile_that_was_lost_comes_back_as_an_apply_had_left_it() -> None:
    world = World()
    wanted = catalog(voice("a", tags=("x",), visibility="unlist"), voice("b", "two", protect=True))
    world.apply(wanted)
    found = rebuilt(wanted, *world.account.models.values())
    assert found.lock.voices == world.lock.voices
    assert found.lock.provider.account == world.lock.provider.account
    assert found.unknown == ()


def test_the_next_plan_sets_right_what_differs_from_the_manifests() -> None:
    """What was last applied is taken to be what the account shows: Git's value wins, as a change and not as drift."""
    found = rebuilt(catalog(voice("a", title="Git")), model("m1", "a", title="Account"))
    assert found.lock.voices["a"].applied.title == "Account"


def test_a_model_that_was_made_from_other_samples_is_not_taken_for_made_from_these() -> None:
    found = rebuilt(catalog(voice("a", "two")), model("m1", "a", "one"))
    record = found.lock.voices["a"]
    assert (record.inputs, record.samples, record.origin) == (None, (), "created")
    assert found.unknown == ("a: what m1 was made from, but not from the manifest's samples",)


@pytest.mark.parametrize("found", [model("m1"), model("m1", "a", None)], ids=["without marks", "marked as adopted"])
def test_a_model_that_was_not_made_here_is_adopted_and_its_inputs_are_trusted(found: Model) -> None:
    record = rebuilt(catalog(voice("a", "one", model="m1")), found).lock.voices["a"]
    assert (record.origin, record.inputs) == ("adopted", inputs_of("one"))


def test_an_external_voice_is_recorded_by_its_id_alone() -> None:
    guest = voice("a", None, model="library", external=True)
    record = rebuilt(catalog(guest), model("library", author="somebody", title="Library")).lock.voices["a"]
    assert (record.origin, record.id, record.applied.title) == ("external", "library", None)


def test_unmanaged_fields_are_recorded_as_such() -> None:
    wanted = voice("a", None, model="m1", title="T", ignore=["title"])
    record = rebuilt(catalog(wanted), model("m1", "a", None, title="T", description="D")).lock.voices["a"]
    assert (record.applied.title, record.applied.description) == (None, None)


@pytest.mark.parametrize(("remote", "cover", "guesses"), [("c/1", sha("one"), 1), ("", None, 0)])
def test_a_cover_that_is_there_counts_as_gits_so_that_it_is_not_sent_again(
    remote: str, cover: str | None, guesses: int
) -> None:
    found = rebuilt(catalog(voice("a", cover="one")), model("m1", "a", cover_image=remote))
    assert found.lock.voices["a"].applied.cover_image == cover
    assert len(found.unknown) == guesses


@pytest.mark.parametrize(("retain", "kept"), [(0, DEFAULT_RETENTION), (30, timedelta(days=30))])
def test_the_retention_of_every_generation_begins_anew(retain: int, kept: timedelta) -> None:
    wanted = catalog(voice("a", "two"), retain=timedelta(days=retain))
    later = START - timedelta(days=50)
    found = rebuilt(wanted, model("m1", "a", "one", retired=True), model("m2", "a", "two", created_at=later))
    (entry,) = found.lock.voices["a"].retired
    assert (entry.id, entry.generation, entry.delete_after) == ("m1", 1, START + kept)
    assert found.lock.voices["a"].generation == 2
    assert "a: since when m1 is retired; its retention starts again" in found.unknown


def test_what_is_left_of_a_voice_that_has_gone_is_recorded_as_removed() -> None:
    found = rebuilt(catalog(voice("b")), model("m1", "a", retired=True))
    assert [each.id for each in found.lock.removed["a"].retired] == ["m1"]


def test_a_second_model_that_serves_is_left_for_a_plan_to_show() -> None:
    later = START - timedelta(days=50)
    found = rebuilt(catalog(voice("a", "two")), model("m1", "a", "one"), model("m2", "a", "two", created_at=later))
    assert (found.lock.voices["a"].id, found.lock.voices["a"].retired) == ("m2", ())
    assert found.lock.removed == {}


BEFORE = record("m1", voice("a"), previous_names=("z",), changed=Changed(START, "run-1"))


def test_the_old_lockfiles_history_goes_along() -> None:
    kept = carried_over(lock({"a": replace(BEFORE, previous_names=(), changed=None)}), lock({"a": BEFORE})).voices["a"]
    assert (kept.previous_names, kept.changed) == (("z",), BEFORE.changed)
    differs = carried_over(lock({"a": replace(BEFORE, generation=2, changed=None)}), lock({"a": BEFORE})).voices["a"]
    assert (differs.previous_names, differs.changed) == (("z",), None)
    another = carried_over(lock({"a": record("m2", voice("a"))}), lock({"a": BEFORE})).voices["a"]
    assert (another.previous_names, another.changed) == ((), None)


def test_what_earlier_generations_were_made_from_goes_along_wherever_they_are_recorded_now() -> None:
    samples = record("m1", voice("a")).samples
    old = lock(
        {"a": replace(BEFORE, retired=(gone("m0", samples=samples),))}, removed={"b": gone("m9", samples=samples)}
    )
    now = replace(
        lock({"b": replace(BEFORE, id="m5", retired=(gone("m9"),))}), removed={"a": Removed((gone("m0"), gone("m7")))}
    )
    kept = carried_over(now, old)
    assert kept.voices["b"].retired[0].samples == samples
    assert [each.samples for each in kept.removed["a"].retired] == [samples, ()]
