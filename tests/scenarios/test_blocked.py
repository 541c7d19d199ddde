"""Values that the provider does not take: named, listed, and tried once more by each apply."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import Hand, Project, hasten


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch, grace=0.1, looks=(0.0, 0.05))


def downgrade(hand: Hand, when: Any) -> None:
    hand.emulator.settings = replace(hand.emulator.settings, downgrade_public=when)


def public(project: Project, **values: Any) -> None:
    (project.root / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 64)
    project.voices({"a": {"visibility": "public", "cover_image": "../c.png", **values}, "b": {}})


def patches(hand: Hand) -> list[str]:
    return [path for method, path in hand.mutating() if method == "PATCH"]


def test_a_refused_value_is_listed_and_each_apply_tries_it_once_more(project: Project, hand: Hand) -> None:
    downgrade(hand, "always")
    public(project)
    project.run("apply", "--yes").expect(1)
    plan = project.plan()
    assert plan["changes"] == []
    assert plan["blocked"] == [
        {"name": "a", "field": "visibility", "desired": "public", "observed": "private", "widens": True}
    ]
    project.run("plan", "--detailed-exitcode").expect(0)
    project.run("drift").expect(0)
    hand.emulator.log.clear()
    # Nobody has said yes to showing the voice to everybody.
    project.run("apply").expect(3)
    assert patches(hand) == []
    done = project.run("apply", "--yes").expect(0)
    assert "visibility is still refused" in done.err
    assert len(patches(hand)) == 1
    downgrade(hand, "never")
    project.run("apply", "--yes").expect(0)
    assert hand.get(project.lock["voices"]["a"]["id"])["visibility"] == "public"
    assert project.lock["voices"]["a"]["blocked"] == {}
    assert project.plan()["blocked"] == []


def test_a_widening_is_tried_again_only_with_the_consent_that_it_needs(project: Project, hand: Hand) -> None:
    downgrade(hand, "always")
    public(project, consent={"speaker": "Jane", "visibilities": ["public"]})
    project.run("apply", "--yes").expect(1)
    project.config(policy={"require_consent": ["public"]})
    public(project)
    hand.emulator.log.clear()
    project.run("apply", "--yes").expect(3)
    assert hand.mutating() == []


def test_a_saved_plan_tries_only_what_it_lists(project: Project, hand: Hand) -> None:
    public(project)
    project.voices({"a": {}, "b": {}})
    project.apply()
    project.voices({"a": {}, "b": {"title": "New"}})
    project.run("plan", "--out", "plan.json").expect(0)
    hand.raw(project.lock["voices"]["a"]["id"], lock_visibility=True)
    lock = project.lock
    lock["voices"]["a"]["blocked"] = {"title": {"desired": "A", "observed": "Kept"}}
    hand.raw(project.lock["voices"]["a"]["id"], title="Kept")
    lock["voices"]["a"]["applied"]["title"] = "Kept"
    import json

    project.lock_path.write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n")
    assert [held["name"] for held in project.plan()["blocked"]] == ["a"]
    project.run("apply", "plan.json", "--yes").expect(0)
    assert hand.get(lock["voices"]["a"]["id"])["title"] == "Kept"
    project.run("apply", "--yes").expect(0)
    assert hand.get(lock["voices"]["a"]["id"])["title"] == "A"


def test_one_unlucky_look_is_no_refusal(project: Project, hand: Hand) -> None:
    """Another clone, one commit behind, puts the old title back between our PATCH and our look at it."""
    project.voices({"a": {"title": "Old"}})
    project.apply()
    model = project.lock["voices"]["a"]["id"]
    project.voices({"a": {"title": "New"}})
    original = hand.emulator.store.update
    once: list[bool] = []

    def behind(model_id: str, changes: Any, touch: bool = True) -> bool:
        done = original(model_id, changes, touch)
        if not once:
            once.append(original(model_id, {"title": "Old"}, touch))
        return done

    hand.emulator.store.update = behind  # type: ignore[method-assign]
    project.run("apply", "--yes").expect(0)
    assert hand.get(model)["title"] == "New"
    assert project.lock["voices"]["a"]["blocked"] == {}
    project.settled()


def test_a_title_that_the_provider_cuts_is_its_answer(project: Project, hand: Hand) -> None:
    project.voices({"a": {"title": "Short"}})
    project.apply()
    original = hand.emulator.store.update

    def cutting(model_id: str, changes: Any, touch: bool = True) -> bool:
        cut = {key: value[:10] if key == "title" else value for key, value in changes.items()}
        return original(model_id, cut, touch)

    hand.emulator.store.update = cutting  # type: ignore[method-assign]
    project.voices({"a": {"title": "A title that is too long"}})
    project.run("apply", "--yes").expect(1)
    project.settled()
    assert project.lock["voices"]["a"]["blocked"]["title"]["observed"] == "A title th"


def test_an_external_voice_whose_model_another_catalog_manages(project: Project, hand: Hand) -> None:
    other = Project(project.root.parent / "other", project.environ)
    other.root.mkdir()
    other.config(catalog="other")
    other.voices({"x": {}})
    other.apply()
    model = other.lock["voices"]["x"]["id"]
    before = hand.stable(model)
    project.voices({"a": {}, "guest": {"model": model, "title": "Guest", "external": True}})
    project.apply()
    project.settled()
    assert project.lock["voices"]["guest"]["id"] == model
    assert hand.stable(model) == before


def test_a_second_model_is_not_made_where_marks_do_not_stick(project: Project, hand: Hand) -> None:
    original = hand.emulator.store.update
    create = hand.emulator.store.create

    def untagged(draft: Any) -> Any:
        return create(replace(draft, tags=()))

    def dropping(model_id: str, changes: Any, touch: bool = True) -> bool:
        return original(model_id, {key: value for key, value in changes.items() if key != "tags"}, touch)

    hand.emulator.store.create = untagged  # type: ignore[method-assign]
    hand.emulator.store.update = dropping  # type: ignore[method-assign]
    project.voices({"a": {}, "b": {}, "c": {}})
    done = project.run("apply", "--yes").expect(1)
    assert "marks did not stick" in done.err
    assert len(hand.models()) == 1
    (record,) = project.lock["voices"].values()
    assert record["id"] == hand.models()[0]["_id"]
