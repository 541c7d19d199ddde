"""Edits of a lockfile, and other clones, that want models changed or deleted which nobody decided about.

Each test is named by what the attacker wants. The account's marks are the proof; the lockfile is a claim.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.memory import OPEN, START, World, catalog, voice
from voicectl.errors import Refused, StateError
from voicectl.model.catalog import DEFAULT_RETENTION, Limit, Policy
from voicectl.model.marker import Marker
from voicectl.model.observed import Model
from voicectl.provider.port import Rejected

STRICT = replace(OPEN, max_deletes=Limit(30, percent=True), max_replaces=Limit(30, percent=True))
NAMES = tuple("abcdefghij")
TEN = catalog(*(voice(name, name) for name in NAMES), policy=STRICT)


def edited(world: World, edit: Callable[[dict[str, Any]], None]) -> None:
    """A pull request that changes the lockfile."""
    assert world.store.data is not None
    lock = json.loads(world.store.data)
    edit(lock)
    world.store.data = (json.dumps(lock, indent=2, sort_keys=True) + "\n").encode()


def entry(model_id: str, **values: Any) -> dict[str, Any]:
    times = {"retired_at": "2020-01-01T00:00:00Z", "delete_after": "2020-01-02T00:00:00Z"}
    return {"id": model_id, "generation": 1, "inputs": None, "deleting": False, **times, **values}


@pytest.fixture
def world() -> World:
    """Ten voices that serve."""
    made = World()
    made.apply(TEN)
    return made


def serving(world: World) -> dict[str, Model]:
    return {name: world.account.models[record.id] for name, record in world.lock.voices.items()}


@pytest.mark.parametrize("values", [{}, {"deleting": True}])
def test_a_model_made_by_hand_is_deleted_as_a_retired_generation(world: World, values: dict[str, Any]) -> None:
    mine = world.account.add(title="Made by hand", tags=("mine",))
    edited(world, lambda lock: lock["voices"]["a"]["retired"].append(entry(mine.id, **values)))
    edited(world, lambda lock: lock["removed"].update(zz={"retired": [entry(world.account.add(title="B").id)]}))
    before = {i: m for i, m in world.account.models.items() if not m.marks}
    for _ in range(2):
        world.apply(TEN)
        world.now += timedelta(days=60)
    assert {i: m for i, m in world.account.models.items() if not m.marks} == before
    assert mine.id not in world.lock.ids()


def test_a_model_made_by_hand_is_deleted_as_a_voices_own(world: World) -> None:
    mine = world.account.add(title="A", tags=("mine",))
    edited(world, lambda lock: lock["voices"]["a"].update(id=mine.id))
    # The account shows which model is a's: that one is followed, and the other is not touched.
    world.apply(TEN)
    assert world.account.models[mine.id] == mine
    # With no other model of that name it counts as adopted, which is for good.
    del world.account.models[world.id_of("a")]
    edited(world, lambda lock: lock["voices"]["a"].update(id=mine.id))
    plan = world.plan(TEN)
    assert "marks_lost" in [notice.code for notice in plan.warnings]
    world.apply(TEN)
    assert world.account.models[mine.id].marks == tuple(sorted(Marker("acme", "a", "adopted").marks))
    rest = catalog(*(voice(name, name) for name in NAMES[1:]), policy=OPEN, retain=timedelta(0))
    world.apply(rest)
    world.now += timedelta(days=60)
    world.apply(rest)
    assert mine.id in world.account.models
    assert world.account.deleted == []


def test_every_serving_model_is_deleted_by_one_edit(world: World) -> None:
    def edit(lock: dict[str, Any]) -> None:
        lock["removed"] = {
            name: {"retired": [entry(record["id"], deleting=True)]} for name, record in lock["voices"].items()
        }
        lock["voices"] = {}

    edited(world, edit)
    with pytest.raises(Refused, match="10 of 10 voices would be retired or deleted"):
        world.run(TEN)
    (refusal,) = world.plan(TEN).refusals
    assert "--max-deletes" in refusal.hint
    assert "destroy" in refusal.hint
    assert world.account.deleted == []


@pytest.mark.parametrize("among", ["its voice", "the removed"])
def test_a_lockfile_that_calls_serving_models_overdue_deletes_none(world: World, among: str) -> None:
    before = serving(world)

    def edit(lock: dict[str, Any]) -> None:
        for name in NAMES:
            record = lock["voices"].pop(name)
            lock["removed"][name] = {"retired": [entry(record["id"], inputs=record["inputs"])]}
            if among == "its voice":
                lock["voices"][name] = {**record, "id": f"gone{name}", "retired": lock["removed"].pop(name)["retired"]}

    edited(world, edit)
    assert world.actions(TEN, recreate_missing=True) == [(name, "refresh") for name in NAMES]
    world.apply(TEN, recreate_missing=True)
    assert serving(world) == before


def test_the_voices_leave_the_manifests_as_well_and_nobody_counts_them(world: World) -> None:
    def edit(lock: dict[str, Any]) -> None:
        lock["removed"] = {name: {"retired": [entry(r["id"])]} for name, r in lock["voices"].items() if name != "a"}
        lock["voices"] = {"a": lock["voices"]["a"]}

    edited(world, edit)
    with pytest.raises(Refused, match="9 of 10 voices"):
        world.run(catalog(voice("a", "a"), policy=STRICT))
    allowed = catalog(voice("a", "a"), policy=replace(OPEN, max_deletes=Limit(9)))
    world.apply(allowed)
    assert world.account.deleted == []
    world.now += timedelta(days=1)
    world.apply(allowed)
    assert world.account.deleted == []


@pytest.mark.parametrize(
    "claim",
    [
        {"delete_after": "2020-01-01T00:00:00Z"},
        {"delete_after": "2020-01-01T00:00:00Z", "retired_at": "2020-01-01T00:00:00Z"},
        {"delete_after": "2020-01-01T00:00:00Z", "retired_at": "2020-01-01T00:00:00Z", "deleting": True},
    ],
)
def test_a_retired_model_is_deleted_before_its_time(world: World, claim: dict[str, Any]) -> None:
    world.now += timedelta(days=1)
    changed = catalog(voice("a", "another"), *(voice(name, name) for name in NAMES[1:]), policy=STRICT)
    world.apply(changed)
    (gone,) = world.lock.voices["a"].retired
    edited(world, lambda lock: lock["voices"]["a"]["retired"][0].update(claim))
    for days in (1, 5):
        world.now += timedelta(days=days)
        world.apply(changed)
        assert gone.id in world.account.models
    # The control: once the account agrees that it was retired long enough ago, it is deleted.
    world.now += timedelta(days=2)
    assert ("a", "prune") in world.actions(changed)
    assert world.plan(changed).refusals == ()
    world.apply(changed)
    assert [model.id for model in world.account.deleted] == [gone.id]


def test_a_retired_model_goes_because_the_account_does_not_say_since_when(world: World) -> None:
    changed = catalog(voice("a", "another"), *(voice(name, name) for name in NAMES[1:]), policy=STRICT)
    world.apply(changed)
    (gone,) = world.lock.voices["a"].retired
    world.account.edit(gone.id, updated_at=None)
    world.now += timedelta(days=600)
    world.apply(changed)
    assert gone.id in world.account.models


def test_our_own_clock_is_wrong_and_everything_is_due(world: World) -> None:
    changed = catalog(voice("a", "another"), *(voice(name, name) for name in NAMES[1:]), policy=STRICT)
    world.apply(changed)
    account = world.account.clock
    world.now += timedelta(days=600)
    world.prepare(changed)
    world.account.clock = account
    assert "prune" not in dict(world.actions_at(changed, account)).values()


@pytest.mark.parametrize(
    "edit",
    [
        lambda lock: lock["voices"]["a"].update(retain="-P1D"),
        lambda lock: lock["voices"]["a"].update(retain="P99999D"),
        lambda lock: lock["voices"]["a"].update(generation=0),
        lambda lock: lock["voices"]["a"].update(generation=10**9),
        lambda lock: lock["voices"]["a"]["retired"].append(entry("x", delete_after="0001-01-01T00:00:00Z")),
        lambda lock: lock["voices"]["a"]["retired"].append(entry("x", retired_at="9999-01-01T00:00:00Z")),
    ],
)
def test_a_number_or_time_beyond_all_bounds_is_refused(world: World, edit: Callable[[dict[str, Any]], None]) -> None:
    edited(world, edit)
    requests = len(world.account.requests)
    with pytest.raises(StateError):
        world.run(TEN)
    assert len(world.account.requests) == requests


def test_a_recorded_model_is_deleted_because_an_older_twin_appears(world: World) -> None:
    recorded = world.account.models[world.id_of("a")]
    twin = world.account.add(title="A", tags=recorded.tags)
    world.account.edit(twin.id, created_at=START - timedelta(days=900))
    quick = catalog(*TEN.voices.values(), policy=STRICT, retain=timedelta(0))
    assert [(c.name, c.action.value, c.id) for c in world.plan(quick).changes] == [
        ("a", "refresh", twin.id),
        ("a", "retire", recorded.id),
    ]
    refused = replace(quick, policy=replace(STRICT, max_replaces=Limit(0)))
    assert [refusal.code for refusal in world.plan(refused).refusals] == ["max_replaces"]
    world.apply(quick)
    assert world.account.deleted == []
    (gone,) = world.lock.voices["a"].retired
    assert (gone.id, gone.delete_after) == (recorded.id, START + DEFAULT_RETENTION)


def test_the_sweep_after_an_apply_deletes_a_twin_that_no_plan_showed(world: World) -> None:
    recorded = world.account.models[world.id_of("b")]
    update = world.account.update

    async def meanwhile(*arguments: Any, **more: Any) -> bool:
        if not any(m.title == "Twin" for m in world.account.models.values()):
            twin = world.account.add(title="Twin", tags=recorded.tags)
            world.account.edit(twin.id, created_at=START - timedelta(days=900))
        return await update(*arguments)

    world.account.update = meanwhile  # type: ignore[method-assign]
    changed = catalog(voice("a", "a", title="New"), *(voice(n, n) for n in NAMES[1:]), policy=STRICT)
    applied = world.run(changed)
    assert not applied.succeeded
    assert "still to retire: duplicate" in [leftover.message for leftover in applied.leftovers]
    assert world.id_of("b") == recorded.id
    assert world.account.deleted == []


def test_the_control_what_this_run_made_itself_goes_at_once_where_an_older_one_arrives(world: World) -> None:
    """Another clone's creation lands just before ours: ours is private and nobody knows its id."""
    create = world.account.create

    async def beaten(*arguments: Any) -> Model:
        first = world.account.add(title="K", tags=arguments[0].tags)
        world.account.edit(first.id, created_at=START - timedelta(days=900))
        return await create(*arguments)

    world.account.create = beaten  # type: ignore[method-assign,assignment]
    applied = world.run(catalog(*TEN.voices.values(), voice("k", "k"), policy=STRICT))
    assert applied.succeeded
    (ours,) = world.account.deleted
    assert world.id_of("k") != ours.id


def test_a_duplicate_that_can_not_be_deleted_fails_its_voice_and_stays_private(world: World) -> None:
    """The same, but the account refuses to delete ours: then there are two, and nobody gets to see ours."""
    create = world.account.create

    async def beaten(*arguments: Any) -> Model:
        first = world.account.add(title="K", tags=arguments[0].tags)
        world.account.edit(first.id, created_at=START - timedelta(days=900))
        return await create(*arguments)

    async def refused(model_id: str) -> None:
        raise Rejected("not today")

    world.account.create = beaten  # type: ignore[method-assign,assignment]
    world.account.delete = refused  # type: ignore[method-assign]
    shown = voice("k", "k", visibility="unlist")
    applied = world.run(catalog(*TEN.voices.values(), shown, policy=STRICT))
    assert not applied.succeeded
    assert any("two models of this voice" in result.message for result in applied.results)
    twins = sorted((model for model in world.account.models.values() if model.title == "K"), key=lambda m: m.age)
    assert twins[1].visibility == "private", "the one that was to go"
    assert any(gone.deleting for gone in world.lock.retired("k")), "and the next run finishes it"


def test_two_voices_exchange_their_sound(world: World) -> None:
    before = dict(world.account.models)

    def swap(lock: dict[str, Any]) -> None:
        a, b = lock["voices"]["a"], lock["voices"]["b"]
        a["id"], b["id"] = b["id"], a["id"]

    edited(world, swap)
    plan = world.plan(TEN)
    assert [(c.name, c.action.value) for c in plan.changes] == [("a", "refresh"), ("b", "refresh")]
    assert all("tell its users that the id has changed" in c.warnings[0] for c in plan.changes)
    world.apply(TEN)
    assert world.account.models == before
    names = {world.lock.voices[n].id: n for n in NAMES}
    assert all(m.marker("acme").name == names[i] for i, m in world.account.models.items())  # type: ignore[union-attr]


def test_whole_records_are_exchanged(world: World) -> None:
    before = dict(world.account.models)

    def swap(lock: dict[str, Any]) -> None:
        voices = lock["voices"]
        voices["a"], voices["b"] = voices["b"], voices["a"]

    edited(world, swap)
    world.apply(TEN)
    assert world.account.models == before


def test_a_voice_takes_over_the_model_of_another_and_leaves_its_own(world: World) -> None:
    """`b` says that its model is `a`'s; `a` claims an unknown one."""
    before = dict(world.account.models)

    def edit(lock: dict[str, Any]) -> None:
        lock["voices"]["b"]["id"] = lock["voices"]["a"]["id"]
        lock["voices"]["a"]["id"] = "f" * 32

    edited(world, edit)
    world.apply(TEN, recreate_missing=True)
    assert {i: world.account.models[i] for i in before} == before


def test_new_inputs_are_claimed_for_an_old_model(world: World) -> None:
    """Git has another recording, and the lockfile says that the model was made from it already."""
    wanted = catalog(voice("a", "another"), *(voice(name, name) for name in NAMES[1:]), policy=STRICT)
    edited(world, lambda lock: lock["voices"]["a"].update(inputs=wanted.voices["a"].inputs))
    before = dict(world.account.models)
    with pytest.raises(Refused, match="marked as made from other samples"):
        world.run(wanted)
    assert world.account.models == before
    (refusal,) = world.plan(wanted).refusals
    assert "state rebuild" in refusal.hint


def test_a_retired_generation_with_another_sound_is_restored(world: World) -> None:
    changed = catalog(voice("a", "another"), *(voice(name, name) for name in NAMES[1:]), policy=STRICT)
    world.apply(changed)
    third = catalog(voice("a", "third"), *(voice(name, name) for name in NAMES[1:]), policy=STRICT)
    edited(world, lambda lock: lock["voices"]["a"]["retired"][0].update(inputs=third.voices["a"].inputs))
    assert world.actions(third) == [("a", "replace")]


def test_a_tag_that_was_edited_by_hand_takes_a_voice_its_model(world: World) -> None:
    """In the web app, a's model is tagged as b's: it can't be told which is right, so a person must say."""
    model = world.id_of("a")
    world.account.edit(model, tags=Marker.of("acme", "b", "sha256:" + "0" * 64).marks)
    before = dict(world.account.models)
    with pytest.raises(Refused, match="its marks say that it serves b"):
        world.run(TEN)
    assert world.account.models == before
    world.apply(replace(TEN, policy=Policy()), selectors=_without("a"))


def _without(*names: str) -> Any:
    from voicectl.plan.plan import Selectors

    return Selectors(exclude=names)


def test_tags_that_a_later_version_writes_are_overwritten(world: World) -> None:
    model = world.id_of("a")
    world.account.edit(model, tags=("voicectl:acme", "voicectl:acme:a:v2:0123456789abcdef"))
    before = dict(world.account.models)
    with pytest.raises(Refused, match="can't be read"):
        world.run(TEN)
    assert world.account.models == before


def test_a_recording_whose_consent_was_withdrawn_comes_back_in_another_set(world: World) -> None:
    from voicectl.model.voice import Consent

    two = replace(voice("s", "first"), consent=Consent("Jane"))
    later = replace(voice("s", "second"), consent=Consent("Jane"))
    world.apply(catalog(*TEN.voices.values(), two, policy=OPEN))
    world.apply(catalog(*TEN.voices.values(), later, policy=OPEN))
    gone = replace(later, consent=Consent("Jane", withdrawn_on=START.date()))
    world.apply(catalog(*TEN.voices.values(), gone, policy=OPEN))
    assert {d.name for d in world.lock.deleted} == {"s"}
    assert {m.id for m in world.account.deleted} == {d.id for d in world.lock.deleted}
    # The entry is gone from the manifests, and each recording turns up among others under another name.
    for words in ("first", "second"):
        other = voice("t", words)
        mixed = replace(other, samples=(*other.samples, *voice("t", "fresh").samples), inputs=voice("t", "mix").inputs)
        with pytest.raises(Refused, match="was withdrawn"):
            world.run(catalog(*TEN.voices.values(), mixed, policy=OPEN))
    world.apply(catalog(*TEN.voices.values(), voice("t", "fresh"), policy=OPEN))


def test_a_deletion_for_a_lifted_protection_goes_unseen() -> None:
    """Lifting it takes two applies: the first succeeds, and the plan after it shows what goes."""
    world = World()
    kept = catalog(voice("a", "one", protect=True), voice("b"), retain=timedelta(0))
    world.apply(kept)
    world.apply(catalog(voice("a", "two", protect=True), voice("b"), retain=timedelta(0)))
    (gone,) = world.lock.voices["a"].retired
    lifted = catalog(voice("a", "two"), voice("b"), retain=timedelta(0))
    world.now += timedelta(days=1)
    assert "prune" not in dict(world.actions(lifted)).values()
    assert world.run(lifted).succeeded
    assert gone.id in world.account.models
    assert world.actions(lifted) == [("a", "prune")]
    world.apply(lifted)
    assert gone.id not in world.account.models
