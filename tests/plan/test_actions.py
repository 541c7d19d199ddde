"""Every action names its steps: in plans as in the engine, which takes them from the same list."""

from __future__ import annotations

from datetime import timedelta

from tests.memory import World, catalog, voice
from voicectl.model.catalog import Catalog
from voicectl.plan.actions import steps


def planned(world: World, wanted: Catalog, **asked: object) -> dict[str, list[str]]:
    """The steps of each change as the plan shows them, by name and action."""
    prepared = world.prepare(wanted, **asked)
    for task, change in zip(prepared.planned.tasks, prepared.planned.plan.changes, strict=True):
        assert task.change == change
        assert steps(task) == change.steps
    return {f"{c.name} {c.action}": [str(step) for step in c.steps] for c in prepared.planned.plan.changes}


def test_a_model_is_made_trained_and_current_before_it_is_shown() -> None:
    found = planned(World(), catalog(voice("a"), voice("b", visibility="unlist")))
    assert found["a create"] == ["create", "await training", "make current"]
    assert found["b create"] == ["create", "await training", "make current", "show"]


def test_the_old_generation_is_retired_last_and_a_restoration_uploads_nothing() -> None:
    world = World()
    world.apply(catalog(voice("a", "one"), voice("b")))
    found = planned(world, catalog(voice("a", "two"), voice("b", title="New")))
    assert found["a replace"] == ["create", "await training", "make current", "retire the old"]
    assert found["b update"] == ["update"]
    world.apply(catalog(voice("a", "two"), voice("b")))
    found = planned(world, catalog(voice("a", "one"), voice("b")))
    assert found["a restore"] == ["update", "await training", "make current", "retire the old"]


def test_a_wider_visibility_waits_for_training() -> None:
    world = World()
    world.apply(catalog(voice("a")))
    assert planned(world, catalog(voice("a", visibility="unlist"))) == {"a update": ["await training", "update"]}


def test_a_deletion_is_recorded_before_it_is_sent() -> None:
    world = World()
    world.apply(catalog(voice("a"), voice("b"), retain=timedelta(0)))
    found = planned(world, catalog(voice("b"), retain=timedelta(0)))
    assert found == {"a prune": ["record the deletion", "delete"]}
    assert planned(world, catalog(voice("b"))) == {"a retire": ["retire"]}


def test_names_are_exchanged_before_anything_else() -> None:
    world = World()
    world.apply(catalog(voice("a", "one"), voice("b", "two")))
    found = planned(world, catalog(voice("a", "two"), voice("b", "one"), moved={"a": "b", "b": "a"}))
    assert {name: each[0] for name, each in found.items()} == {
        "a update": "exchange names",
        "b update": "exchange names",
    }
