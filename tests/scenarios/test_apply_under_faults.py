"""What the provider does to an apply: lost answers, failed training, values that do not stick."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import Hand, Project, hasten
from voicectl.emulator.settings import Fault
from voicectl.engine import training
from voicectl.files import Scratch


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """The protocol waits out a grace period for real; here a short one."""
    hasten(monkeypatch, grace=0.2, looks=(0.0, 0.05))
    monkeypatch.setattr(training, "FIRST_LOOK", 0.05)


def order(hand: Hand, *rules: Fault, **settings: object) -> None:
    hand.emulator.settings = replace(hand.emulator.settings, rules=rules, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["reset_after", "truncate", "html"])
def test_a_lost_answer_to_a_creation_makes_no_second_model(project: Project, hand: Hand, kind: str) -> None:
    order(hand, Fault(kind, method=("POST",), nth=(1,), after=kind == "html"))
    project.voices({"a": {}, "b": {}})
    project.apply()
    assert len(hand.models()) == 2
    assert {record["id"] for record in project.lock["voices"].values()} == {m["_id"] for m in hand.models()}
    project.settled()


@pytest.mark.parametrize("kind", ["reset_before", "reset_upload"])
def test_a_creation_that_never_arrived_is_sent_again(project: Project, hand: Hand, kind: str) -> None:
    order(hand, Fault(kind, method=("POST",), nth=(1,)))
    project.voices({"a": {}})
    project.apply()
    assert len(hand.models()) == 1
    project.settled()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_errors_that_pass(project: Project, hand: Hand, status: int) -> None:
    order(
        hand,
        Fault("status", method=("POST",), nth=(1,), status=status),
        Fault("status", method=("PATCH",), nth=(1,), status=status),
        Fault("status", method=("GET",), nth=(1, 3), status=status),
    )
    project.voices({"a": {"visibility": "unlist"}, "b": {}})
    project.apply()
    assert len(hand.models()) == 2
    project.settled()


def test_one_voice_that_fails_does_not_stop_the_others(project: Project, hand: Hand) -> None:
    order(
        hand, Fault("status", method=("POST",), nth=(2,), status=400, body='{"status": 400, "message": "odd sample"}')
    )
    project.voices({"a": {}, "b": {}, "c": {}})
    done = project.run("apply", "--yes", "--format", "json").expect(1)
    statuses = sorted(result["status"] for result in done.json["results"])
    assert statuses == ["done", "done", "failed"]
    assert "odd sample" in next(r["message"] for r in done.json["results"] if r["status"] == "failed")
    assert done.json["error"]["code"] == "apply_failed"
    assert len(project.lock["voices"]) == 2
    project.apply()
    assert len(hand.models()) == 3
    project.settled()


def test_a_key_that_stops_working_stops_the_run_and_the_next_one_finishes(project: Project, hand: Hand) -> None:
    project.config(concurrency=1)
    order(hand, Fault("status", method=("POST",), nth=(2,), status=401))
    project.voices({"a": {}, "b": {}, "c": {}})
    done = project.run("apply", "--yes", "--format", "json").expect(1)
    assert done.json["error"]["code"] == "unauthorized"
    assert sorted(r["status"] for r in done.json["results"]) == ["done", "failed", "not_tried"]
    project.apply()
    assert len(hand.models()) == 3


def test_a_visibility_that_does_not_stick_is_named_and_then_blocked(project: Project, hand: Hand) -> None:
    order(hand, downgrade_public="always")
    (project.root / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 64)
    project.voices({"a": {"visibility": "public", "cover_image": "../c.png"}})
    done = project.run("apply", "--yes").expect(1)
    assert "visibility did not stick: 'public' was sent, the account shows 'private'" in done.out
    assert project.lock["voices"]["a"]["blocked"] == {"visibility": {"desired": "public", "observed": "private"}}
    plan = project.plan()
    assert plan["changes"] == []
    assert "blocked" in plan["warnings"][0]["message"]
    project.run("plan", "--detailed-exitcode").expect(0)
    order(hand, downgrade_public="never")
    hand.patch(project.lock["voices"]["a"]["id"], visibility="unlist")
    project.apply()
    assert hand.get(project.lock["voices"]["a"]["id"])["visibility"] == "public"
    assert project.lock["voices"]["a"]["blocked"] == {}
    project.settled()


def test_a_locked_visibility_is_never_fought(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    project.apply()
    hand.raw(project.lock["voices"]["a"]["id"], lock_visibility=True)
    project.voices({"a": {"visibility": "unlist", "title": "New"}})
    assert [f["field"] for f in project.plan()["changes"][0]["fields"]] == ["title"]
    project.apply()
    project.settled()


def test_dropped_tags_are_told_and_sent_again(project: Project, hand: Hand) -> None:
    order(hand, drop_tags=True)
    project.config(concurrency=1)
    project.voices({"a": {}, "b": {}, "c": {}})
    done = project.run("apply", "--yes").expect(0)
    assert done.err.count("does not keep tags on creation") == 1
    assert "voicectl:acme" in hand.models()[0]["tags"]
    project.settled()


def test_training_that_takes_a_while_is_waited_for(project: Project, hand: Hand) -> None:
    order(hand, training_seconds=0.5)
    project.voices({"a": {"visibility": "unlist"}})
    project.apply()
    assert project.lock["voices"]["a"]["state"] == "trained"


def test_training_that_takes_too_long_is_finished_by_the_next_apply(project: Project, hand: Hand) -> None:
    order(hand, training_seconds=1.0)
    project.voices({"a": {"visibility": "unlist"}})
    done = project.run("apply", "--yes", "--wait", "0.2").expect(1)
    assert "still training" in done.out
    model = project.lock["voices"]["a"]["id"]
    assert hand.get(model)["visibility"] == "private"
    assert project.run("output").expect(0).out == ""
    project.apply()
    assert hand.get(model)["visibility"] == "unlist"
    assert len(hand.models()) == 1
    project.settled()


def test_failed_training_is_reported_and_replaced_only_when_asked(project: Project, hand: Hand) -> None:
    order(hand, fail_training=("A",))
    project.voices({"a": {}, "b": {}})
    done = project.run("apply", "--yes").expect(1)
    assert "training" in done.out
    failed = project.lock["voices"]["a"]["id"]
    assert "VOICE_A=" not in project.run("output").out
    order(hand, fail_training=())
    assert project.actions() == []
    assert "--retry-failed" in project.run("plan").out
    project.run("apply", "--yes", "--retry-failed").expect(0)
    record = project.lock["voices"]["a"]
    assert record["id"] != failed
    assert [gone["id"] for gone in record["retired"]] == [failed]
    project.settled()


def test_a_failed_replacement_leaves_the_old_model_in_service(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    project.apply()
    first = project.lock["voices"]["a"]["id"]
    order(hand, fail_training=("A",))
    project.sample("a.wav", "other")
    project.run("apply", "--yes").expect(1)
    record = project.lock["voices"]["a"]
    assert (record["id"], record["generation"]) == (first, 1)
    assert record["pending"]["generation"] == 2
    assert not any(tag.endswith(":retired") for tag in hand.get(first)["tags"])
    assert f"VOICE_A={first}" in project.run("output").out
    order(hand, fail_training=())
    project.run("apply", "--yes", "--retry-failed").expect(0)
    assert project.lock["voices"]["a"]["id"] not in (first, record["pending"]["id"])
    assert {gone["id"] for gone in project.lock["voices"]["a"]["retired"]} == {first, record["pending"]["id"]}
    project.settled()


def test_a_younger_duplicate_that_others_made_is_retired_and_the_oldest_stays(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    project.apply()
    model = project.lock["voices"]["a"]["id"]
    twin = hand.create("Twin", tags=hand.get(model)["tags"])
    (change,) = project.plan()["changes"]
    assert (change["action"], change["id"], change["reason"]) == ("retire", twin, "duplicate")
    project.apply()
    assert {m["_id"] for m in hand.models()} == {model, twin}
    assert [gone["id"] for gone in project.lock["voices"]["a"]["retired"]] == [twin]
    project.settled()


def test_an_orphan_is_retired_and_recorded(project: Project, hand: Hand) -> None:
    project.config(retain=0)
    project.voices({"a": {}})
    project.apply()
    orphan = hand.create("Orphan", tags=["voicectl:acme", "voicectl:acme:lost:0123456789ab"])
    plan = project.plan()
    assert [entry["id"] for entry in plan["orphaned"]] == [orphan]
    assert [(c["name"], c["action"]) for c in plan["changes"]] == [("lost", "retire")]
    project.apply()
    assert project.lock["removed"]["lost"]["retired"][0]["id"] == orphan
    assert hand.get(orphan)
    project.settled()


def test_an_incomplete_listing_never_leads_to_a_prune(project: Project, hand: Hand) -> None:
    project.config(retain=0)
    project.voices({"a": {}, "b": {}, "c": {}})
    project.apply()
    project.voices({"a": {}, "b": {}})
    order(hand, max_offset=1)
    assert "prune" not in [action for _, action in project.actions()]
    assert "did not list every model" in project.run("plan").out


def test_a_second_run_on_one_checkout_is_told_who_holds_the_lock(project: Project) -> None:
    from voicectl.state.file import FileStore

    project.voices({"a": {}})
    store = FileStore(project.lock_path, project.lock_path.name, Scratch(project.root))
    with store.lease("voicectl apply", 0, lambda holder: None):
        done = project.spawn("apply", "--yes").expect(4)
        assert "pid" in done.err
        assert "`voicectl apply`" in done.err
    project.spawn("apply", "--yes").expect(0)


def test_a_visibility_that_is_unlocked_again_is_applied(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    project.apply()
    model = project.lock["voices"]["a"]["id"]
    hand.raw(model, lock_visibility=True)
    project.voices({"a": {"visibility": "unlist"}})
    assert "locked by the provider" in project.run("plan").out
    project.apply()
    project.settled()
    hand.raw(model, lock_visibility=False)
    assert project.actions() == [("a", "update")]
    project.apply()
    assert hand.get(model)["visibility"] == "unlist"
    project.settled()


def test_a_model_with_our_tag_and_no_marker_is_named_and_left_alone(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    project.apply()
    odd = hand.create("Odd", tags=["voicectl:acme", "voicectl:acme:NOT A MARKER"])
    plan = project.plan()
    assert plan["changes"] == []
    assert odd in plan["warnings"][0]["message"]


def test_the_voice_s_own_retention_holds_when_it_has_left(project: Project, hand: Hand) -> None:
    project.config(retain=0)
    project.voices({"a": {"lifecycle": {"retain": "30d"}}, "b": {}})
    project.apply()
    assert project.lock["voices"]["a"]["retain"] == "P30D"
    assert "retain" not in project.lock["voices"]["b"]
    project.voices({"b": {}})
    assert project.actions() == [("a", "retire")]


def test_destroy_with_the_key_of_an_empty_workspace_is_refused(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    project.apply()
    before = project.lock
    project.environ["FISH_API_KEY"] = "the-key-of-another-workspace"
    done = project.run("destroy", "--confirm", "acme")
    assert done.code in (1, 3)
    assert project.lock == before


def test_a_lost_answer_where_tags_are_dropped_stops_and_names_the_candidates(project: Project, hand: Hand) -> None:
    order(hand, Fault("reset_after", method=("POST",), nth=(2,)), drop_tags=True)
    project.config(concurrency=1)
    project.voices({"a": {}, "b": {}, "c": {}})
    done = project.run("apply", "--yes", "--format", "json").expect(1)
    assert done.json["error"]["code"] == "perhaps_made"
    made = [model for model in hand.models() if model["title"] == "B"]
    assert len(made) == 1
    assert made[0]["_id"] in done.json["error"]["message"]
    assert [model["title"] for model in hand.models()] == ["A", "B"]
    assert list(project.lock["voices"]) == ["a"]
    order(hand)
    hand.delete(made[0]["_id"])
    project.apply()
    project.settled()


@pytest.mark.parametrize("hours", [-48, 48])
def test_what_a_lost_answer_made_is_told_by_the_ids_before_and_by_no_clock(
    project: Project, hand: Hand, hours: int
) -> None:
    """The server's clock is two days off, and a model with the same title was there before."""
    store = hand.emulator.store
    store._clock = lambda: time.time() + hours * 3600
    earlier = hand.create("A")
    order(hand, Fault("reset_after", method=("POST",), nth=(1,)), drop_tags=True)
    project.voices({"a": {}})
    done = project.run("apply", "--yes", "--format", "json").expect(1)
    (made,) = [model["_id"] for model in hand.models() if model["_id"] != earlier]
    assert done.json["error"]["code"] == "perhaps_made"
    assert made in done.json["error"]["message"]
    assert earlier not in done.json["error"]["message"]


def test_without_the_look_before_a_retry_more_models_are_made_than_wanted(
    project: Project, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what the look is for. (The sweep at the end then cleans up.)"""
    from voicectl.engine.create import Creations

    async def blind(*arguments: object) -> None:
        return None

    monkeypatch.setattr(Creations, "_look", blind)
    order(hand, Fault("reset_after", method=("POST",), nth=(1,)))
    project.voices({"a": {}})
    project.apply()
    assert [method for method, _ in hand.mutating()] == ["POST", "POST", "DELETE"]


def test_a_value_that_somebody_else_wrote_meanwhile_is_drift_and_not_blocked(project: Project, hand: Hand) -> None:
    """Two runs at the same moment: the loser says so, and applying again goes on."""
    project.voices({"a": {}})
    project.apply()
    model = project.lock["voices"]["a"]["id"]
    project.voices({"a": {"title": "Mine"}})
    original = hand.emulator.store.update

    def both(model_id: str, changes: Any, touch: bool = True) -> bool:
        done = original(model_id, changes, touch)
        return original(model_id, {"title": "Theirs"}, touch) and done

    hand.emulator.store.update = both  # type: ignore[method-assign]
    done = project.run("apply", "--yes").expect(1)
    assert "did somebody else change it?" in done.out
    hand.emulator.store.update = original  # type: ignore[method-assign]
    assert project.lock["voices"]["a"]["blocked"] == {}
    assert project.actions() == [("a", "update")]
    project.apply()
    assert hand.get(model)["title"] == "Mine"


def test_voices_that_finish_training_meanwhile_are_recorded(project: Project, hand: Hand) -> None:
    hand.emulator.settings = replace(hand.emulator.settings, training_seconds=1)
    project.voices({"a": {}, "b": {"visibility": "unlist"}})
    project.run("apply", "--yes", "--wait", "0").expect(1)
    project.apply()
    project.settled()
    assert {record["state"] for record in project.lock["voices"].values()} == {"trained"}


def test_an_answer_that_is_cut_is_asked_for_again(project: Project, hand: Hand) -> None:
    for kind in ("cut_json", "html"):
        rule = Fault(kind=kind, method=("GET",), path="/model*", probability=0.3, seed=7)
        hand.emulator.settings = replace(hand.emulator.settings, rules=(rule,))
        project.voices({f"{kind.replace('_', '-')}-{number}": {} for number in range(4)})
        project.config(policy={"max_deletes": "100%"})
        project.apply()
        project.settled()


def test_an_apply_again_waits_for_what_still_trains(project: Project, hand: Hand) -> None:
    hand.emulator.settings = replace(hand.emulator.settings, training_seconds=2)
    project.voices({"a": {}, "b": {}})
    project.run("apply", "--yes", "--wait", "0").expect(1)
    assert {record["state"] for record in project.lock["voices"].values()} <= {"created", "training"}
    project.apply()
    assert {record["state"] for record in project.lock["voices"].values()} == {"trained"}
    project.settled()


@pytest.mark.parametrize(("seconds", "fail", "said"), [(60, (), "is still training after 1 s"), (1, ("*",), "failed")])
def test_an_apply_again_says_what_does_not_end_well(
    project: Project, hand: Hand, seconds: int, fail: tuple[str, ...], said: str
) -> None:
    hand.emulator.settings = replace(hand.emulator.settings, training_seconds=seconds, fail_training=fail)
    project.voices({"a": {}})
    project.run("apply", "--yes", "--wait", "0").expect(1)
    assert said in project.run("apply", "--yes", "--wait", "1" if seconds > 1 else "10").expect(1).out


def test_takedowns_and_retiring_voices_are_told_and_never_fought(project: Project, hand: Hand) -> None:
    project.voices({"a": {"visibility": "unlist"}, "b": {}})
    project.apply()
    hand.raw(project.lock["voices"]["a"]["id"], dmca_taken_down=True, visibility="private")
    hand.raw(project.lock["voices"]["b"]["id"], pvc_release_state="retiring")
    hand.emulator.log.clear()
    plan = project.plan()
    assert {notice["code"] for notice in plan["warnings"]} >= {"taken_down", "retiring"}
    project.apply()
    assert hand.mutating() == []
