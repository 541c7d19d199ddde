"""What two versions of a lockfile tell of a voice."""

from __future__ import annotations

from dataclasses import replace

from tests.memory import START, voice
from tests.plan.sides import gone, lock, record
from voicectl.model.lock import Deleted, Lock
from voicectl.plan.history import events


def told(earlier: Lock, later: Lock) -> list[tuple[str, str, str | None]]:
    return [(each.name, each.action, each.before) for each in events(earlier, later)]


def test_voices_that_share_a_model_of_others_do_not_move() -> None:
    shared = {name: record("x" * 32, voice(name), origin="external") for name in "ab"}
    assert list(events(lock(shared), lock(shared))) == []


def test_a_new_voice_under_the_name_that_another_left_is_created() -> None:
    was, now = voice("n"), voice("o")
    before = lock({"n": record("1" * 32, was)})
    after = lock({"o": record("1" * 32, now), "n": record("2" * 32, voice("n", "two"))})
    found = [(event.name, event.action) for event in events(before, after)]
    assert found == [("n", "created"), ("o", "moved")]


def test_a_lockfile_does_not_tell_whether_what_left_it_at_once_was_deleted() -> None:
    made = record("m1", voice("a"), retired=(gone("m0"),))
    assert told(lock({"a": made}), lock()) == [("a", "removed", "m1"), ("a", "removed", "m0")]


def test_a_model_that_voicectl_did_not_create_was_forgotten() -> None:
    assert told(lock({"a": record("m1", voice("a"), origin="adopted")}), lock()) == [("a", "forgotten", "m1")]


def test_a_retired_voice_and_a_generation_whose_time_is_over() -> None:
    made = record("m1", voice("a"))
    assert told(lock({"a": made}), lock(removed={"a": gone("m1")})) == [("a", "retired", "m1")]
    with_old = replace(made, retired=(gone("m0"),))
    assert told(lock({"a": with_old}), lock({"a": made})) == [("a", "deleted", "m0")]


def test_a_receipt_says_which_run_deleted_and_for_which_commit() -> None:
    made = record("m1", voice("a"), retired=(gone("m0"),))
    receipts = tuple(
        Deleted("a", each, None, "consent withdrawn", START, run="r1", commit="c" * 40) for each in ("m1", "m0")
    )
    found = list(events(lock({"a": made}), lock(deleted=receipts)))
    assert [(each.action, each.before, each.run, each.applied_from) for each in found] == [
        ("deleted", "m1", "r1", "c" * 40),
        ("deleted", "m0", "r1", "c" * 40),
    ]


def test_names_that_change_places_are_moves() -> None:
    one, other = record("m1", voice("a")), record("m2", voice("b"))
    found = list(events(lock({"a": one, "b": other}), lock({"a": other, "b": one})))
    assert [(each.name, each.action, each.previous_name) for each in found] == [
        ("a", "moved", "b"),
        ("b", "moved", "a"),
    ]
    assert told(lock({"a": one}), lock({"b": one})) == [("b", "moved", "m1")]


def test_a_generation_that_serves_again_was_not_deleted() -> None:
    new = record("m2", voice("a", "two"), retired=(gone("m1"),))
    old = record("m1", voice("a"), retired=(gone("m2"),))
    assert told(lock({"a": new}), lock({"a": old})) == [("a", "restored", "m2")]
    assert told(lock(removed={"a": gone("m1")}), lock({"a": record("m1", voice("a"))})) == [("a", "restored", None)]
