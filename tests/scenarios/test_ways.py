"""Under every likely way of the live provider no model is made twice and none is lost."""

from __future__ import annotations

import pytest

from tests.conftest import hasten
from tests.scenarios.ways import HOPELESS, WAYS, Row, account, serving, story


@pytest.mark.parametrize("way", WAYS)
def test_a_catalog_lives_under_this_way(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "listings and GETs lag":
        # In earnest the grace period is 5 s, and a lag of 1.5 s was seen: it has to be longer than the lag.
        hasten(monkeypatch, grace=0.8, looks=(0.0, 0.2, 0.4, 0.6))
    with account(WAYS[way]) as (project, hand):
        rows: list[Row] = []
        for row in story(project, hand):
            rows.append(row)
            # Tags that a provider changes are its answer to a value, told once and listed from then on.
            refused = row.code == 1 and "tags did not stick" in row.told
            lost = way == "tags dropped on creation" and row.step in ("create one, answer lost", "apply again")
            assert row.code == 0 or refused or lost, "\n".join(map(str, rows))
            assert all(number == 1 for number in serving(hand).values()), "\n".join(map(str, rows))
        assert [row.code for row in rows[-3:]] == [0, 0, 0], "\n".join(map(str, rows))


@pytest.mark.parametrize("way", HOPELESS)
def test_a_run_stops_before_a_second_model_where_marks_can_not_be_kept(way: str) -> None:
    with account(HOPELESS[way]) as (project, hand):
        project.voices({"a": {}, "b": {}, "c": {}})
        for _ in range(2):
            done = project.run("apply", "--yes")
            assert done.code in (1, 3)
            assert len(hand.models()) <= 1
        assert "marks" in done.err + done.out or "tag" in done.err + done.out


def test_cut_marks_and_a_lost_lockfile_make_no_second_model() -> None:
    with account(HOPELESS["tags cut to 20 characters"]) as (project, hand):
        project.voices({"a": {}, "b": {}})
        project.run("apply", "--yes").expect(1)
        (only,) = hand.models()
        project.lock_path.unlink()
        done = project.run("apply", "--yes").expect(3)
        assert "[marks_unreadable]" in done.out + done.err or "marks can't be read" in done.out + done.err
        assert [model["_id"] for model in hand.models()] == [only["_id"]]


def test_tags_cut_by_hand_lead_out_by_model() -> None:
    with account({}) as (project, hand):
        project.voices({"a": {}, "b": {}})
        project.apply()
        ids = {model["_id"] for model in hand.models()}
        cut = project.lock["voices"]["a"]["id"]
        hand.patch(cut, tags=["voicectl:acme", "voicectl:acme:a:efc2"])
        project.lock_path.unlink()
        (refusal,) = project.plan()["refusals"]
        assert refusal["code"] == "marks_unreadable"
        assert f"write `model: {cut}`" in refusal["hint"]
        project.voices({"a": {"model": cut}, "b": {}})
        project.run("apply", "--yes").expect(0)
        assert {model["_id"] for model in hand.models()} == ids
        assert project.plan()["changes"] == []
