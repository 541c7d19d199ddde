"""Pull requests that mean harm: files of the project are whatever a stranger put there. Everything fails closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Hand, Project

PAST = "2020-01-01T00:00:00Z"


@pytest.fixture
def victim(project: Project, hand: Hand) -> str:
    """A model of another catalog, in the same account, beside a catalog of three voices."""
    project.config(policy={"max_deletes": "100%"})
    project.voices({"a": {}, "b": {}, "c": {}})
    project.apply()
    return hand.create("Theirs", tags=["voicectl:other", "voicectl:other:host:0123456789ab"])


def edited(project: Project, change: Callable[[dict[str, Any]], None]) -> None:
    lock = project.lock
    change(lock)
    project.lock_path.write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n")


def retired(model: str, *, deleting: bool = False) -> dict[str, Any]:
    times = {"retired_at": PAST, "delete_after": PAST}
    return {"id": model, "generation": 1, "inputs": None, "deleting": deleting, **times}


def untouched(hand: Hand, model: str) -> Callable[[], None]:
    before = hand.stable(model)

    def check() -> None:
        assert hand.stable(model) == before

    return check


@pytest.mark.parametrize("deleting", [False, True])
@pytest.mark.parametrize("place", ["current", "pending", "retired", "removed"])
def test_another_catalogs_id_in_the_lockfile(
    project: Project, hand: Hand, victim: str, place: str, deleting: bool
) -> None:
    check = untouched(hand, victim)

    def put(lock: dict[str, Any]) -> None:
        record = lock["voices"]["a"]
        if place == "current":
            record["id"] = victim
        elif place == "pending":
            record["pending"] = {"id": victim, "generation": 9, "inputs": record["inputs"]}
        elif place == "retired":
            record["retired"] = [retired(victim, deleting=deleting)]
        else:
            lock["removed"]["gone"] = {"retired": [retired(victim, deleting=deleting)]}

    edited(project, put)
    project.voices({"b": {}, "c": {}})  # and the voice leaves, so that its model would go
    for command in (("apply", "--yes"), ("apply", "--yes", "--exclude", "a"), ("destroy", "--confirm", "acme")):
        project.run(*command)
        check()


@pytest.mark.parametrize("deleting", [False, True])
def test_an_id_that_nobody_manages_in_the_lockfile(project: Project, hand: Hand, victim: str, deleting: bool) -> None:
    mine = hand.create("Made by hand", tags=["mine"])
    check = untouched(hand, mine)
    edited(project, lambda lock: lock["removed"].update(gone={"retired": [retired(mine, deleting=deleting)]}))
    project.run("apply", "--yes")
    check()
    edited(project, lambda lock: lock["voices"]["a"].update(id=mine))
    project.voices({"b": {}, "c": {}})
    project.run("apply", "--yes")
    project.run("destroy", "--confirm", "acme")
    check()


def test_a_voice_of_the_catalog_declared_dead_in_the_lockfile(project: Project, hand: Hand, victim: str) -> None:
    """Its own marker says whom it serves: the models of voices that are wanted are never deleted."""
    models = {name: record["id"] for name, record in project.lock["voices"].items()}

    def put(lock: dict[str, Any]) -> None:
        del lock["voices"]["b"]
        lock["voices"]["a"]["retired"] = [retired(models["b"], deleting=True)]

    edited(project, put)
    project.apply()
    assert {name: record["id"] for name, record in project.lock["voices"].items()} == models
    assert set(models.values()) <= {model["_id"] for model in hand.models()}
    project.settled()


def test_a_voice_of_the_catalog_declared_dead_under_a_removed_name(project: Project, hand: Hand, victim: str) -> None:
    models = {name: record["id"] for name, record in project.lock["voices"].items()}

    def put(lock: dict[str, Any]) -> None:
        del lock["voices"]["b"]
        lock["removed"]["gone"] = {"retired": [retired(models["b"], deleting=True)]}

    edited(project, put)
    project.apply()
    assert {name: record["id"] for name, record in project.lock["voices"].items()} == models
    project.settled()


def test_a_voice_of_the_catalog_declared_to_be_anothers_next_generation(
    project: Project, hand: Hand, victim: str
) -> None:
    models = {name: record["id"] for name, record in project.lock["voices"].items()}

    def put(lock: dict[str, Any]) -> None:
        del lock["voices"]["b"]
        lock["voices"]["a"]["pending"] = {"id": models["b"], "generation": 2, "inputs": "sha256:" + "0" * 64}

    edited(project, put)
    project.apply()
    assert {name: record["id"] for name, record in project.lock["voices"].items()} == models
    project.settled()


def test_model_names_somebody_elses(project: Project, hand: Hand, victim: str) -> None:
    check = untouched(hand, victim)
    project.voices({"a": {}, "b": {}, "c": {}, "mine-now": {"model": victim, "title": "Mine now"}})
    assert "belongs to catalog other" in project.run("apply", "--yes").expect(3).out
    check()


def test_a_move_from_another_catalogs_name_moves_nothing(project: Project, hand: Hand, victim: str) -> None:
    check = untouched(hand, victim)
    project.voices({"a": {}, "b": {}, "c": {}, "d": {}}, moved=[{"from": "host", "to": "d"}])
    project.apply()
    check()


@pytest.mark.parametrize(
    "text",
    [
        "catalog: acme\nendpoint: https://evil.example\n",
        "catalog: acme\nprovider: https://evil.example\n",
        "catalog: acme\nprovider: {name: fish, host: evil.example}\n",
        "catalog: acme\nFISH_API_URL: https://evil.example\n",
        "catalog: acme\nstate: https://evil.example/lock.json\n",
        "catalog: acme\nstate: ../outside.json\n",
        "catalog: acme\nstate: /tmp/outside.json\n",
        "catalog: acme\nstate: .git/config\n",
        'catalog: acme\nmanifests: ["../**/*.yaml"]\n',
        'catalog: acme\nmanifests: ["/etc/*"]\n',
    ],
)
def test_a_project_file_that_points_elsewhere(project: Project, hand: Hand, text: str) -> None:
    project.voices({"a": {}})
    project.write("voicectl.yaml", text)
    project.run("apply", "--yes").expect(1)
    assert hand.requests() == []


@pytest.mark.parametrize("file", [".env", "netrc", ".netrc", "voicectl.toml", ".voicectl/config.yaml"])
def test_files_that_other_tools_would_read_mean_nothing(project: Project, hand: Hand, file: str) -> None:
    project.voices({"a": {}})
    project.write(file, "FISH_API_URL=https://evil.example\nmachine 127.0.0.1 login x password y\n")
    project.apply()
    assert len(hand.models()) == 1


def test_the_provider_of_a_catalog_can_not_be_switched(project: Project, hand: Hand, victim: str) -> None:
    project.config(provider="emulator")
    assert "provider" in project.run("plan").expect(1).err


def test_protection_takes_two_applies_to_lift(project: Project, hand: Hand) -> None:
    project.voices({"a": {"lifecycle": {"protect": True}}, "b": {}})
    project.apply()
    model = project.lock["voices"]["a"]["id"]
    project.voices({"b": {}})
    project.run("apply", "--yes", "--max-deletes", "100%").expect(3)
    project.voices({"a": {"lifecycle": {"protect": False}}, "b": {}})
    project.apply()
    project.voices({"b": {}})
    project.apply()
    assert project.lock["removed"]["a"]["retired"][0]["id"] == model


@pytest.mark.parametrize(
    "name",
    ["VOICECTL_YES", "VOICECTL_MAX_DELETES", "VOICECTL_ON_CONFLICT", "VOICECTL_CONFIRM", "VOICECTL_RECREATE_MISSING",
     "VOICECTL_APPLY_YES", "VOICECTL_APPLY_MAX_DELETES"],
)  # fmt: skip
def test_no_variable_disarms_a_guard(project: Project, hand: Hand, name: str) -> None:
    project.config(policy={"max_deletes": 0})
    project.voices({"a": {}, "b": {}})
    project.apply()
    project.voices({"a": {}})
    project.environ[name] = "100%" if "MAX" in name else "acme" if "CONFIRM" in name else "1"
    hand.emulator.log.clear()
    project.run("apply").expect(3)
    project.run("apply", "--yes").expect(3)
    project.run("destroy").expect(3)
    assert hand.mutating() == []


def test_titles_are_no_commands_for_the_runner(project: Project) -> None:
    """GitHub reads lines that begin with `::` (spaces left out) as commands, and so do others with `##`."""
    titles = ["::error::pwned", "  ::add-mask::x", "##vso[task.setvariable]x", "x\n::stop-commands::y", "x##[group]y"]
    project.voices({f"v{n}": {"title": title, "description": title} for n, title in enumerate(titles)})
    project.config(policy={"rules": [{"message": "::warning::m", "schema": {"maxProperties": 1}}]})
    for command in (
        ["plan"],
        ["plan", "--format", "json"],
        ["plan", "--format", "markdown"],
        ["validate"],
        ["validate", "--format", "github"],
    ):
        done = project.run(*command)
        assert "##[" not in done.out + done.err
        assert "##vso[" not in done.out + done.err
        for line in (done.out + done.err).splitlines():
            ours = line.startswith(("::error file=voices/", "::warning file=voices/", "### voicectl plan", "#### "))
            assert ours or not line.strip().startswith(("::", "##"))


def test_a_protected_voice_recorded_under_a_name_that_leaves(project: Project, hand: Hand) -> None:
    project.voices({"a": {"lifecycle": {"protect": True}}, "b": {}})
    project.apply()
    model = project.lock["voices"]["a"]["id"]

    def put(lock: dict[str, Any]) -> None:
        record = dict(lock["voices"]["a"], protect=False, retain="PT0S")
        lock["voices"]["a"]["id"] = "f" * 32
        lock["voices"]["zzz"] = record

    edited(project, put)
    project.run("apply", "--yes", "--recreate-missing")
    assert model in {each["_id"] for each in hand.models()}


@pytest.mark.parametrize("place", ["removed", "retired"])
def test_a_protected_voice_marked_for_deletion(project: Project, hand: Hand, place: str) -> None:
    project.voices({"a": {"lifecycle": {"protect": True}}, "b": {}})
    project.apply()
    model = project.lock["voices"]["a"]["id"]

    def put(lock: dict[str, Any]) -> None:
        record = lock["voices"].pop("a")
        if place == "removed":
            lock["removed"]["a"] = {"retired": [retired(model, deleting=True)]}
        else:
            lock["voices"]["a"] = dict(record, id="f" * 32, retired=[retired(model, deleting=True)])

    edited(project, put)
    project.run("apply", "--yes", "--recreate-missing").expect(3)
    assert model in {each["_id"] for each in hand.models()}


@pytest.mark.parametrize("arguments", [["validate"], ["fleet", "validate"]])
def test_no_module_of_the_checkout_runs(
    project: Project, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    project.voices({"a": {}})
    path = project.root / "samples/a.wav"
    path.write_bytes(path.read_bytes().replace(b"\x01\0\x08\0data", b"\x02\0\x08\0data"))  # for the decoder to decide
    for name in ("pickle", "struct", "click", "voicectl"):
        project.write(f"{name}.py", "open('ran', 'w').close()\nraise SystemExit(1)\n")
    project.run(*arguments).expect(0)
    assert not (project.root / "ran").exists()
