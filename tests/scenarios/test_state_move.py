"""A catalog that gets environments, or another name: its models go along with their ids."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.conftest import KEY, Hand, Project
from voicectl.emulator.settings import Fault


def applied(project: Project) -> dict[str, str]:
    """Three voices, one of them replaced, and one that was removed; ids by name."""
    project.config(policy={"max_deletes": 9, "max_replaces": 9})
    project.voices({name: {} for name in ("a", "b", "c", "gone")})
    project.apply()
    project.sample("b.wav", "another")
    voices: dict[str, Any] = {name: {} for name in ("a", "c")}
    own = {"b": {"samples": [{"audio": "../samples/b.wav"}]}}
    project.voices(voices | own)
    project.apply()
    return {name: record["id"] for name, record in project.lock["voices"].items()}


def with_environments(project: Project) -> None:
    project.config(policy={"max_deletes": 9}, environments={"production": {}, "staging": {}})


def test_environments_are_added_to_an_applied_project(project: Project, hand: Hand) -> None:
    ids = applied(project)
    with_environments(project)
    plan = project.plan("--env", "production")
    assert [notice["code"] for notice in plan["warnings"]] == ["old_lockfile"]
    assert "a second time" in plan["warnings"][0]["message"]
    assert "state move --env production" in plan["warnings"][0]["hint"]
    before = {model["_id"] for model in hand.models()}
    assert "--yes" in project.run("state", "move", "--env", "production").expect(3).err
    assert all("voicectl:acme" in model["tags"] for model in hand.models())
    # The hint, followed to the letter, leads out.
    done = project.run("state", "move", "--env", "production", "--yes").expect(0)
    assert "voicectl.production.lock.json is now of acme.production" in done.out
    assert not project.lock_path.exists()
    project.settled("--env", "production")
    project.run("drift", "--env", "production").expect(0)
    assert {model["_id"] for model in hand.models()} == before
    assert project.run("output", "--env", "production", "--format", "json").json.keys() == ids.keys()
    assert all("voicectl:acme.production" in model["tags"] for model in hand.models())
    # Another environment is another matter, and nothing old is in its way.
    assert "old_lockfile" not in str(project.plan("--env", "staging")["warnings"])


def test_a_catalog_gets_another_name(project: Project, hand: Hand) -> None:
    ids = applied(project)
    project.write("voicectl.yaml", project.root.joinpath("voicectl.yaml").read_text().replace("acme", "beta"))
    told = project.run("plan").expect(1).err
    assert "is of catalog acme" in told
    assert "`voicectl state move`" in told
    project.run("state", "move", "--yes").expect(0)
    assert {name: record["id"] for name, record in project.lock["voices"].items()} == ids
    project.settled()
    assert all("voicectl:beta" in model["tags"] for model in hand.models())


def test_it_is_killed_in_the_middle_and_goes_on(project: Project, hand: Hand) -> None:
    ids = applied(project)
    with_environments(project)
    # Half of the marks are rewritten, then the provider fails for good.
    rules = (Fault("status", method=("PATCH",), nth=(3,), status=400),)
    hand.emulator.settings = replace(hand.emulator.settings, rules=rules)
    failed = project.run("state", "move", "--env", "production", "--yes").expect(1)
    assert "run the same command again" in failed.err
    assert project.lock_path.exists()
    assert not (project.root / "voicectl.production.lock.json").exists()
    hand.emulator.settings = replace(hand.emulator.settings, rules=())
    hand.emulator.log.clear()
    project.run("state", "move", "--env", "production", "--yes").expect(0)
    assert len(hand.mutating()) == 1
    project.settled("--env", "production")
    assert project.run("output", "--env", "production", "--format", "json").json.keys() == ids.keys()


def test_what_is_not_ours_is_not_touched(project: Project, hand: Hand) -> None:
    applied(project)
    mine = hand.create("By hand", tags=["mine"])
    hand.patch(project.lock["voices"]["c"]["id"], tags=["x"])
    guest = hand.create("Guest", tags=["voicectl:other", "voicectl:other:x:0123456789ab"])
    before = {i: hand.stable(i) for i in (mine, guest, project.lock["voices"]["c"]["id"])}
    with_environments(project)
    done = project.run("state", "move", "--env", "production", "--yes").expect(0)
    assert "c: " in done.out
    assert "does not carry our marks" in done.out
    assert {i: hand.stable(i) for i in before} == before


def test_there_is_nothing_to_move_or_something_is_in_the_way(project: Project, hand: Hand) -> None:
    applied(project)
    assert "no lockfile of another name" in project.run("state", "move", "--yes").expect(1).err
    with_environments(project)
    project.run("apply", "--yes", "--env", "production").expect(0)
    told = project.run("state", "move", "--env", "production", "--yes").expect(1).err
    assert "exists already" in told
    project.environ["FISH_API_KEY"] = KEY + "-of-another"
    assert project.run("state", "move", "--env", "staging", "--yes").code != 0
    assert all("voicectl:acme.staging" not in model["tags"] for model in hand.models())


def test_the_wrong_key_replaces_no_good_lockfile(project: Project, hand: Hand) -> None:
    applied(project)
    before = project.lock_path.read_bytes()
    for key in ("of-an-empty-account", "of-another-account"):
        project.environ["FISH_API_KEY"] = key
        if key.endswith("another-account"):
            other = Project(project.root.parent / "other", project.environ)
            other.root.mkdir()
            other.config()
            other.voices({"a": {}})
            other.apply()
        told = project.run("state", "rebuild", "--yes").expect(1).err
        assert "workspace" in told
        assert project.lock_path.read_bytes() == before
    project.environ["FISH_API_KEY"] = KEY
    project.run("state", "rebuild", "--yes").expect(0)


def test_what_withdrawn_consents_left_survives_a_rebuild_and_a_merge(project: Project, hand: Hand) -> None:
    project.config(policy={"max_deletes": 9})
    speaker = {"speaker": "Jane Roe"}
    project.voices({"a": {}, "b": {"consent": speaker}})
    project.apply()
    project.voices({"a": {}, "b": {"consent": {**speaker, "withdrawn_on": "2020-01-01"}}})
    project.apply()
    (deleted,) = project.lock["deleted"]
    assert (deleted["name"], deleted["reason"]) == ("b", "consent withdrawn")
    assert deleted["samples"][0]["file"] == "samples/b.wav"
    assert project.lock["revision"] == 2
    project.run("state", "rebuild", "--yes").expect(0)
    assert project.lock["deleted"] == [deleted]
    ours = project.write("ours.json", project.lock_path.read_text())
    base = project.write("base.json", "")
    lock = project.lock
    del lock["deleted"]
    import json

    project.write("theirs.json", json.dumps(lock, indent=2))
    project.run("state", "merge", str(base), "theirs.json", str(ours)).expect(0)
    assert json.loads((project.root / "theirs.json").read_text())["deleted"] == [deleted]
    # The same recording under another name, without the entry that says withdrawn.
    project.voices({"a": {}, "c": {"samples": [{"audio": "../samples/b.wav"}]}})
    assert "was withdrawn" in project.run("apply", "--yes").expect(3).err
