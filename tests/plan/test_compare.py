"""The three-way table, every row for every kind of field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.memory import OPEN, World, catalog, sha, voice
from tests.plan.sides import record
from voicectl.model.lock import Applied, Blocked, Record
from voicectl.model.observed import Model
from voicectl.model.voice import FieldName, Metadata
from voicectl.plan.compare import Comparison, compare, inputs_reason, values_ahead

# One, two and three are different values of a field: as desired or recorded, and as the account shows them.
KINDS: dict[FieldName, tuple[tuple[Any, Any], ...]] = {
    "title": (("One", "One"), ("Two", "Two"), ("Three", "Three")),
    "description": (("", ""), ("Two", "Two"), ("Three", "Three")),
    "visibility": (("private", "private"), ("unlist", "unlist"), ("public", "public")),
    "tags": (((), ()), (("x",), ("x", "voicectl:acme")), (("x", "y"), ("y", "x"))),
}
ONE, TWO, THREE = range(3)
TABLE = [
    # desired, recorded, observed, cause
    (ONE, ONE, ONE, None),
    (ONE, TWO, ONE, None),
    (TWO, ONE, ONE, "manifest"),
    (ONE, ONE, TWO, "drift"),
    (ONE, TWO, THREE, "conflict"),
]


def outcome(field: FieldName, row: tuple[int, int, int, str | None], **policy: Any) -> Comparison:
    desired, recorded, observed, _ = row
    wanted = replace(voice("a"), metadata=Metadata(**{field: KINDS[field][desired][0]}))
    record = Record("created", "m", applied=Applied(**{field: KINDS[field][recorded][0]}))
    model = Model(**{"id": "m", "title": "Any", field: KINDS[field][observed][1]})
    return compare(wanted, record, model, replace(OPEN, **policy))


@pytest.mark.parametrize("field", KINDS)
@pytest.mark.parametrize("row", TABLE, ids=["in step", "lock behind", "manifest", "drift", "conflict"])
def test_every_row_of_the_table(field: FieldName, row: tuple[int, int, int, str | None]) -> None:
    causes = [change.cause for change in outcome(field, row).fields]
    assert causes == ([row[3]] if row[3] else [])


@pytest.mark.parametrize("field", KINDS)
@pytest.mark.parametrize(("cause", "row"), [("on_drift", TABLE[3]), ("on_conflict", TABLE[4])])
@pytest.mark.parametrize(("choice", "where"), [("overwrite", "fields"), ("keep", "left"), ("fail", "refused")])
def test_policy_says_what_becomes_of_a_change_at_the_provider(
    field: FieldName, cause: str, row: tuple[int, int, int, str | None], choice: str, where: str
) -> None:
    result = outcome(field, row, **{cause: choice})
    filled = {name for name in ("fields", "left", "refused") if getattr(result, name)}
    assert filled == {where}


@pytest.mark.parametrize(
    ("desired", "recorded", "path", "remote", "cause"),
    [
        ("one", "one", "cover/1", "cover/1", None),
        ("two", "one", "cover/1", "cover/1", "manifest"),
        ("one", "one", "cover/1", "cover/9", "drift"),
        ("two", "one", "cover/1", "cover/9", "manifest"),
        ("one", None, None, "cover/9", "manifest"),
        ("one", "one", "cover/1", "", "drift"),
        (None, "one", "cover/1", "cover/9", None),
    ],
)
def test_a_cover_is_compared_by_the_path_that_the_server_gave_it(
    desired: str | None, recorded: str | None, path: str | None, remote: str, cause: str | None
) -> None:
    applied = Applied(cover_image=sha(recorded) if recorded else None, remote_cover=path)
    model = Model("m", "A", cover_image=remote)
    result = compare(voice("a", title="A", cover=desired), Record("created", "m", applied=applied), model, OPEN)
    assert [(c.field, c.cause) for c in result.fields if c.field == "cover_image"] == (
        [("cover_image", cause)] if cause else []
    )


def test_texts_are_compared_in_canonical_form() -> None:
    wanted = voice("a", title="É", description="a\nb")
    model = Model("m", " E\u0301 ", description="a\r\nb\n")
    record = Record("created", "m", applied=Applied(title="É", description="a\nb", visibility="private", tags=()))
    assert compare(wanted, record, model, OPEN) == Comparison()


def test_ignored_and_unmanaged_fields_are_out_of_plan() -> None:
    record = Record("created", "m", applied=Applied(title="A"))
    model = Model("m", "Other", description="Other", tags=("z",))
    assert compare(voice("a", ignore=["title", "description", "tags"]), record, model, OPEN) == Comparison()
    adopted = voice("a", None, model="m", title="Other")
    assert compare(adopted, record, model, OPEN) == Comparison()


def test_a_blocked_value_is_held_until_a_side_changes() -> None:
    blocked = {"visibility": Blocked("public", "unlist")}
    applied = Applied(title="A", description="", visibility="unlist", tags=())
    record = Record("created", "m", applied=applied, blocked=blocked)  # type: ignore[arg-type]
    model = Model("m", "A", visibility="unlist")
    still = compare(voice("a", visibility="public"), record, model, OPEN)
    assert (still.fields, still.blocked) == ((), blocked)
    assert [(c.field, c.desired, c.observed) for c in still.held] == [("visibility", "public", "unlist")]
    assert compare(voice("a", visibility="private"), record, model, OPEN).blocked == {}
    locked = compare(voice("a", visibility="public"), None, replace(model, lock_visibility=True), OPEN)
    assert locked.fields == ()
    assert (locked.locked, locked.blocked) == (frozenset({"visibility"}), {})


@pytest.mark.parametrize("kept", [{"on_drift": "keep"}, {"on_conflict": "keep"}])
def test_what_is_kept_stays_kept_through_updates_and_replacements(kept: dict[str, Any]) -> None:
    world = World()
    policy = replace(OPEN, on_conflict="fail", **kept) if "on_drift" in kept else replace(OPEN, **kept)
    first = voice("a", title="In Git")
    world.apply(catalog(first, policy=policy))
    world.account.edit(world.id_of("a"), title="By hand", visibility="unlist")
    title = "In Git" if "on_drift" in kept else "Later in Git"
    visibility = "private" if "on_drift" in kept else "public"
    second = voice("a", title=title, visibility=visibility, description="New")
    world.apply(catalog(second, policy=policy))
    world.apply(catalog(voice("a", "two", title=title, visibility=visibility), policy=policy))
    model = world.account.models[world.id_of("a")]
    assert (model.title, model.visibility) == ("By hand", "unlist")


def test_a_kept_cover_is_not_taken_for_ours() -> None:
    world = World()
    policy = replace(OPEN, on_drift="keep")
    world.apply(catalog(voice("a", cover="one"), policy=policy))
    world.account.edit(world.id_of("a"), cover_image="cover/other")
    world.apply(catalog(voice("a", cover="one", title="New"), policy=policy))
    (change,) = world.plan(catalog(voice("a", cover="one", title="New"))).changes
    assert [(f.field, f.cause) for f in change.fields] == [("cover_image", "drift")]


def test_ignored_fields_go_along_to_the_next_generation() -> None:
    world = World()
    world.apply(catalog(voice("a", ignore=["description", "visibility"], description="First")))
    world.account.edit(world.id_of("a"), description="By hand", visibility="unlist")
    world.apply(catalog(voice("a", "two", ignore=["description", "visibility"], description="First")))
    model = world.account.models[world.id_of("a")]
    assert (model.description, model.visibility) == ("By hand", "unlist")


def test_why_inputs_differ() -> None:
    world = World()
    world.apply(catalog(voice("a")))
    record = world.lock.voices["a"]
    assert inputs_reason(voice("a", "two"), record) == "1 sample changed"
    assert inputs_reason(replace(voice("a"), enhance=False), record) == "enhance_audio_quality is now false"


def test_what_the_provider_did_not_take_is_not_ahead() -> None:
    wanted = voice("a", visibility="public", title="New", cover="one")
    blocked = {"visibility": Blocked("public", "private")}
    applied = record("m1", voice("a", visibility="private", title="New"), blocked=blocked)
    assert not values_ahead(wanted, applied)
    assert values_ahead(wanted, applied, cover=True)
    assert values_ahead(voice("a", visibility="unlist", title="New"), applied)
