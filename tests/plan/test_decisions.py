"""What is decided about a name, carried out against an account in memory: afterwards nothing is left to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.memory import OPEN, START, Account, World, catalog, voice
from voicectl.errors import Refused, UsageError
from voicectl.model.marker import plain
from voicectl.model.observed import Model
from voicectl.model.voice import Consent, Voice
from voicectl.plan.plan import Action, Selectors
from voicectl.provider.port import Rejected
from voicectl.state.codec import encode

NO_RETENTION = timedelta(0)


def unmark(world: World, model_id: str) -> Model:
    world.account.edit(model_id, tags=plain(world.account.models[model_id].tags))
    return world.account.models[model_id]


TODAY = START.date()


def withdrawn(wanted: Voice, on: date = TODAY) -> Voice:
    return replace(wanted, consent=Consent("Jane", withdrawn_on=on))


@pytest.mark.parametrize("retain", [NO_RETENTION, timedelta(days=7)])
def test_a_recorded_model_without_our_marks_is_forgotten_not_deleted(retain: timedelta) -> None:
    world = World()
    world.apply(catalog(voice("a"), voice("b"), voice("c"), retain=retain))
    left = unmark(world, world.id_of("b"))
    replaced = unmark(world, world.id_of("c"))
    wanted = catalog(voice("a"), voice("c", "two"), retain=retain)
    assert ("b", "forget") in world.actions(wanted)
    world.apply(wanted)
    world.now += timedelta(days=30)
    world.apply(wanted)
    assert [world.account.models[m.id] for m in (left, replaced)] == [left, replaced]


def test_a_retired_generation_that_somebody_deleted_is_dropped_from_the_record() -> None:
    world = World()
    world.apply(catalog(voice("a", "one")))
    first = world.id_of("a")
    world.apply(catalog(voice("a", "two")))
    world.account.models.pop(first)
    wanted = catalog(voice("a", "two"))
    assert world.actions(wanted) == [("a", "refresh")]
    world.apply(wanted)
    assert first not in world.lock.ids()


def test_destroy_forgets_what_is_not_ours_and_deletes_the_rest() -> None:
    world = World()
    found = world.account.add(title="By hand", tags=("old",))
    adopts = voice("d", None, model=found.id)
    world.apply(catalog(voice("a", "one"), voice("b"), adopts))
    first = world.id_of("a")
    world.apply(catalog(voice("a", "two"), voice("b"), adopts))
    lost = [unmark(world, first).id, unmark(world, world.id_of("b")).id]
    world.apply(catalog(voice("a", "two"), voice("b"), adopts), destroy=True)
    assert set(world.account.models) == {found.id, *lost}
    assert world.lock.ids() == frozenset()
    assert world.account.models[found.id].tags == ("old",)


def test_destroy_with_an_unfinished_move_ends() -> None:
    world = World()
    world.apply(catalog(voice("old", "one"), voice("b")))
    world.apply(catalog(voice("old", "two"), voice("b")))
    world.apply(catalog(voice("new", "two"), voice("b"), moved={"old": "new"}), destroy=True)
    assert world.account.models == {}
    assert world.lock.ids() == frozenset()


def test_destroy_leaves_a_model_alone_that_was_only_named() -> None:
    world = World()
    found = world.account.add(title="By hand")
    world.apply(catalog(voice("a")))
    world.apply(catalog(voice("a"), voice("d", None, model=found.id)), destroy=True)
    assert world.account.models == {found.id: found}


def test_withdrawn_consent_deletes_what_was_made_and_forgets_what_was_adopted() -> None:
    world = World()
    found = world.account.add(title="By hand")
    a, d = voice("a"), voice("d", None, model=found.id)
    world.apply(catalog(a, d, voice("b")))
    world.apply(catalog(withdrawn(a), withdrawn(d), voice("b")))
    assert set(world.account.models) == {found.id, world.id_of("b")}
    with pytest.raises(Refused):
        world.run(catalog(withdrawn(a), voice("b"), voice("c", "one")))


def test_withdrawn_consent_overrides_protection_but_not_before_its_day() -> None:
    world = World()
    a = voice("a", protect=True)
    world.apply(catalog(a, voice("b")))
    later = withdrawn(a, TODAY + timedelta(days=1))
    with pytest.raises(Refused):
        world.run(catalog(later, voice("b")), destroy=True)
    world.now += timedelta(days=1)
    world.apply(catalog(later, voice("b")))
    assert set(world.account.models) == {world.id_of("b")}


def test_lifting_protection_takes_two_applies() -> None:
    world = World()
    world.apply(catalog(voice("a", protect=True), voice("b")))
    with pytest.raises(Refused):
        world.run(catalog(voice("b")))
    world.apply(catalog(voice("a"), voice("b")))
    world.apply(catalog(voice("b")))
    assert "a" not in world.lock.voices


def test_keep_model_forgets_at_any_time() -> None:
    world = World()
    world.apply(catalog(voice("a", "one"), voice("b")))
    world.apply(catalog(voice("a", "two"), voice("b")))
    world.apply(catalog(voice("b")))
    world.apply(catalog(voice("b"), keep=("a",)))
    world.now += timedelta(days=30)
    world.apply(catalog(voice("b"), keep=("a",)))
    assert len(world.account.models) == 3
    assert not any(model.marker("acme") for model in world.account.models.values() if model.id != world.id_of("b"))
    world.store.data = None
    world.apply(catalog(voice("b"), keep=("a",)))


def test_keep_model_leaves_no_marks_on_any_generation() -> None:
    world = World()
    world.apply(catalog(voice("a", "one"), voice("b")))
    old = world.store.data
    world.apply(catalog(voice("a", "two"), voice("b")))
    world.apply(catalog(voice("a", "three"), voice("b")))
    world.store.data = old
    world.apply(catalog(voice("b"), keep=("a",)))
    assert [m.id for m in world.account.models.values() if m.marks] == [world.id_of("b")]


def test_failed_training_is_told_and_tried_again_only_when_asked() -> None:
    world = World()
    world.apply(catalog(voice("a", "one")))
    world.account.fails.add("A")
    wanted = catalog(voice("a", "two", visibility="unlist"))
    assert not world.run(wanted).succeeded
    failed = world.lock.voices["a"].pending
    assert failed is not None
    plan = world.plan(wanted)
    assert "training_failed" in [notice.code for notice in plan.warnings]
    assert "replace" not in [change.action for change in plan.changes]
    world.account.fails.clear()
    world.apply(wanted, retry_failed=True)
    assert world.account.models[world.id_of("a")].visibility == "unlist"
    assert failed.id in world.lock.ids()


def test_a_first_generation_that_failed_is_tried_again() -> None:
    world = World()
    world.account.fails.add("A")
    wanted = catalog(voice("a", visibility="unlist"))
    assert not world.run(wanted).succeeded
    first = world.id_of("a")
    world.account.fails.clear()
    world.apply(wanted, retry_failed=True)
    assert world.id_of("a") != first
    assert first in world.lock.ids()


def test_a_value_that_does_not_stick_fails_once_and_is_blocked_then() -> None:
    world = World()
    world.account.takes = lambda wanted: "unlist" if wanted == "public" else wanted
    wanted = catalog(voice("a", visibility="public"))
    applied = world.run(wanted)
    assert [left.name for left in applied.leftovers] == ["a"]
    plan = world.plan(wanted)
    assert (plan.changes, [notice.code for notice in plan.warnings]) == ((), ["blocked"])
    world.apply(catalog(voice("a", visibility="private")))


@pytest.mark.parametrize("retain", [NO_RETENTION, timedelta(days=7)])
def test_a_selector_may_name_what_is_gone_afterwards(retain: timedelta) -> None:
    world = World()
    world.apply(catalog(voice("a"), voice("b"), retain=retain))
    applied = world.run(catalog(voice("a"), retain=retain), selectors=Selectors(only=("b",)))
    assert applied.succeeded


def test_selectors_take_names_globs_and_tags_and_count_the_rest() -> None:
    world = World()
    wanted = catalog(voice("a1", tags=("x",)), voice("a2"), voice("b"))
    for selectors, chosen in (
        (Selectors(only=("a*",)), ["a1", "a2"]),
        (Selectors(only=("tag:x",)), ["a1"]),
        (Selectors(exclude=("a1", "b")), ["a2"]),
    ):
        plan = world.plan(wanted, selectors=selectors)
        assert [change.name for change in plan.changes] == chosen
        assert plan.summary.left_out == 3 - len(chosen)
    with pytest.raises(UsageError):
        world.plan(wanted, selectors=Selectors(exclude=("zz",)))


def test_an_incomplete_listing_never_leads_to_a_prune() -> None:
    world = World()
    world.apply(catalog(voice("a"), voice("b"), retain=NO_RETENTION))
    world.account.complete = False
    plan = world.plan(catalog(voice("a"), retain=NO_RETENTION))
    assert Action.PRUNE not in {change.action for change in plan.changes}
    assert "listing_incomplete" in [notice.code for notice in plan.warnings]
    world.run(catalog(voice("a", "two"), retain=NO_RETENTION))
    assert world.account.deleted == []


@pytest.mark.parametrize(
    ("recorded", "removed", "refused"), [(3, 1, False), (3, 2, True), (10, 3, False), (10, 4, True), (1, 1, True)]
)
def test_how_many_voices_one_apply_may_remove(recorded: int, removed: int, refused: bool) -> None:
    world = World()
    voices = [voice(f"v{n}") for n in range(recorded)]
    world.apply(catalog(*voices))
    policy = replace(OPEN, max_deletes=type(OPEN.max_deletes).parse("30%"))
    plan = world.plan(catalog(*voices[removed:], policy=policy))
    assert bool(plan.refusals) == refused


def test_nearly_all_models_missing_means_a_wrong_key() -> None:
    world = World()
    voices = [voice(f"v{n}") for n in range(4)]
    strict = replace(OPEN, max_deletes=type(OPEN.max_deletes).parse("30%"))
    world.apply(catalog(*voices, policy=strict))
    world.account.models.clear()
    (refusal,) = world.plan(catalog(*voices, policy=strict)).refusals
    assert refusal.message == "none of 4 recorded models is visible: wrong key or workspace?"
    world.apply(catalog(*voices, policy=strict), recreate_missing=True)


def test_another_account_is_refused() -> None:
    world = World()
    world.apply(catalog(voice("a"), voice("b")))
    for model_id in list(world.account.models):
        world.account.edit(model_id, author="other")
    with pytest.raises(Refused):
        world.run(catalog(voice("a"), voice("b")))


def test_a_move_onto_a_living_voice_is_refused() -> None:
    world = World()
    world.apply(catalog(voice("a"), voice("b")))
    plan = world.plan(catalog(voice("b"), moved={"a": "b"}))
    assert [refusal.code for refusal in plan.refusals] == ["moved_onto_living"]


def test_a_move_to_a_name_that_has_left_retires_the_voice() -> None:
    world = World()
    world.apply(catalog(voice("a"), voice("b")))
    model = world.id_of("b")
    world.apply(catalog(voice("a"), moved={"b": "c"}))
    assert [gone.id for gone in world.lock.removed["b"].retired] == [model]
    world.apply(catalog(voice("a"), voice("c", "one"), moved={"b": "c"}))
    assert world.id_of("c") == model


def test_actions_come_in_the_order_of_the_contract() -> None:
    world = World()
    keeps = {"retain": NO_RETENTION}
    first = [voice(name) for name in ("forget", "prune", "refresh", "replace", "update")]
    world.apply(catalog(*first, **keeps))  # type: ignore[arg-type]
    world.account.edit(world.id_of("refresh"), title="New")
    voices = [voice("create"), voice("refresh", title="New"), voice("replace", "two"), voice("update", title="New")]
    wanted = catalog(*voices, keep=("forget",), **keeps)  # type: ignore[arg-type]
    names = [name for name, _ in world.actions(wanted)]
    assert names == ["refresh", "update", "create", "replace", "forget", "prune", "replace"]
    world.apply(wanted)


def test_an_offline_plan_repeats_what_was_recorded() -> None:
    import asyncio

    from tests.memory import IDENTITY
    from voicectl.engine.plan import prepare
    from voicectl.plan.request import PlanRequest

    world = World()
    found = world.account.add(title="By hand")
    library = world.account.add(title="Library", author="somebody")
    voices = [
        voice("a", "one", tags=("x",), cover="one", visibility="unlist"),
        voice("d", "two", model=found.id),
        voice("e", None, model=library.id, external=True),
    ]
    world.apply(catalog(*voices))
    world.apply(catalog(voice("a", "two", tags=("x",), cover="one", visibility="unlist"), *voices[1:]))

    def offline(*wanted: Voice) -> list[str]:
        asked = PlanRequest(catalog(*wanted), now=world.now, version="1.0", offline=True)
        prepared = asyncio.run(prepare(asked, world.store, IDENTITY, None))
        assert prepared.planned.plan.offline
        return [change.action.value for change in prepared.planned.plan.changes]

    assert offline(voice("a", "two", tags=("x",), cover="one", visibility="unlist"), *voices[1:]) == []
    assert offline(*voices) == ["restore"]


def test_digests_tell_which_side_moved_and_ignore_what_only_counts() -> None:
    world = World()
    world.apply(catalog(voice("a")))
    wanted = catalog(voice("a", title="New"))
    (before,) = world.plan(wanted).changes
    world.account.edit(world.id_of("a"), updated_at=START, release_state="x")
    assert world.plan(wanted).changes[0].digests == before.digests
    world.account.edit(world.id_of("a"), description="By hand")
    (after,) = world.plan(wanted).changes
    assert (after.digests.desired, after.digests.recorded) == (before.digests.desired, before.digests.recorded)
    assert after.digests.observed != before.digests.observed


def test_a_deletion_that_is_refused_stays_recorded_and_is_finished_later(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.apply(catalog(voice("a", "one"), retain=NO_RETENTION))
    first = world.id_of("a")
    allowed = Account.delete

    async def refused(account: Account, model_id: str) -> None:
        raise Rejected("not today")

    monkeypatch.setattr(Account, "delete", refused)
    wanted = catalog(voice("a", "two"), retain=NO_RETENTION)
    assert not world.run(wanted).succeeded
    assert [gone.deleting for gone in world.lock.retired("a") if gone.id == first] == [True]
    assert not world.run(wanted).succeeded, "and the next run does not forget it"
    monkeypatch.setattr(Account, "delete", allowed)
    world.apply(wanted)
    assert first not in world.account.models
    assert first not in world.lock.ids()


@pytest.mark.parametrize("moved", [{"a": "b"}, {"a": "b", "b": "a"}], ids=["a move", "a ring"])
@pytest.mark.parametrize("begun", [False, True], ids=["its retention is over", "its deletion has begun"])
def test_a_move_leaves_generations_alone_that_are_deleted_anyhow(moved: dict[str, str], begun: bool) -> None:
    world = World()
    ring = len(moved) > 1
    others = (voice("b", "other"),) if ring else ()
    world.apply(catalog(voice("a", "one"), *others))
    first = world.id_of("a")
    world.apply(catalog(voice("a", "two"), *others))
    world.now += timedelta(days=30)
    if begun:
        lock = world.lock
        record = lock.voices["a"]
        retired = tuple(replace(gone, deleting=True) for gone in record.retired)
        world.store.data = encode(lock.with_voice("a", replace(record, retired=retired)))
    after = (voice("b", "two"), voice("a", "other")) if ring else (voice("b", "two"),)
    world.apply(catalog(*after, moved=moved))
    assert first not in world.account.models
    assert first not in world.lock.ids()
