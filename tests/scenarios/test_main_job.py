"""The main job: manifests become models, and a second plan is empty."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.conftest import Hand, Project


def test_manifests_become_models_and_the_next_plan_is_empty(project: Project, hand: Hand) -> None:
    project.voices({"narrator": {"tags": ["warm"], "description": "Long texts."}, "host": {"visibility": "unlist"}})
    done = project.spawn("apply", "--yes").expect(0)
    assert "2 to create" in done.out
    assert "Applied: 2 changes done; the plan is empty now." in done.out
    project.spawn("plan", "--detailed-exitcode").expect(0)
    by_id = {model["_id"]: model for model in hand.models()}
    narrator = by_id[project.lock["voices"]["narrator"]["id"]]
    assert narrator["title"] == "Narrator"
    assert narrator["visibility"] == "private"
    assert "warm" in narrator["tags"]
    assert "voicectl:acme" in narrator["tags"]
    assert by_id[project.lock["voices"]["host"]["id"]]["visibility"] == "unlist"


def test_nothing_is_public_before_it_is_trained(project: Project, hand: Hand) -> None:
    from dataclasses import replace

    hand.emulator.settings = replace(hand.emulator.settings, training_seconds=0.5)
    project.voices({"host": {"visibility": "unlist"}})
    project.apply()
    mutating = hand.mutating()
    assert [method for method, _ in mutating] == ["POST", "PATCH"]
    looks = hand.requests()
    patch = looks.index(mutating[1])
    assert [m for m, _ in looks[looks.index(mutating[0]) : patch]].count("GET") >= 2
    assert project.lock["voices"]["host"]["state"] == "trained"


def test_plan_sends_get_only(project: Project, hand: Hand) -> None:
    project.voices({"narrator": {}, "host": {}})
    project.plan()
    project.apply()
    hand.emulator.log.clear()
    project.voices({"narrator": {"title": "Other"}})
    project.plan()
    assert hand.requests()
    assert not hand.mutating()


def test_a_change_in_git_updates_and_costs_one_patch(project: Project, hand: Hand) -> None:
    project.voices({"narrator": {}, "host": {}})
    project.apply()
    first = project.lock["voices"]["narrator"]["id"]
    hand.emulator.log.clear()
    project.voices({"narrator": {"title": "The Narrator", "description": "New."}, "host": {}})
    assert project.actions() == [("narrator", "update")]
    project.apply()
    assert hand.mutating() == [("PATCH", f"/model/{first}")]
    assert hand.get(first)["title"] == "The Narrator"
    project.settled()


def test_drift_is_shown_with_three_values_and_put_back(project: Project, hand: Hand) -> None:
    project.voices({"narrator": {}})
    project.apply()
    model = project.lock["voices"]["narrator"]["id"]
    hand.patch(model, title="Edited in the web app")
    (change,) = project.plan()["changes"]
    assert change["fields"] == [
        {
            "field": "title",
            "desired": "Narrator",
            "recorded": "Narrator",
            "observed": "Edited in the web app",
            "cause": "drift",
        }
    ]
    text = project.run("plan").out
    assert "account now" in text
    assert "Edited in the web app" in text
    project.apply()
    assert hand.get(model)["title"] == "Narrator"


def test_a_conflict_is_refused_until_somebody_decides(project: Project, hand: Hand) -> None:
    project.voices({"narrator": {}})
    project.apply()
    model = project.lock["voices"]["narrator"]["id"]
    hand.patch(model, title="By hand")
    project.voices({"narrator": {"title": "In Git"}})
    hand.emulator.log.clear()
    done = project.run("apply", "--yes").expect(3)
    assert "By hand" in done.out
    assert not hand.mutating()
    project.run("apply", "--yes", "--on-conflict", "overwrite").expect(0)
    assert hand.get(model)["title"] == "In Git"


def test_kept_drift_is_left_alone_and_the_plan_is_empty(project: Project, hand: Hand) -> None:
    project.voices({"narrator": {}})
    project.apply()
    model = project.lock["voices"]["narrator"]["id"]
    hand.patch(model, title="By hand")
    assert project.actions("--on-drift", "keep") == []
    project.run("apply", "--yes", "--on-drift", "keep").expect(0)
    assert hand.get(model)["title"] == "By hand"
    project.run("plan", "--on-drift", "fail").expect(3)


def test_both_sides_agree_and_the_lock_is_behind(project: Project, hand: Hand) -> None:
    project.voices({"narrator": {}})
    project.apply()
    hand.patch(project.lock["voices"]["narrator"]["id"], title="New")
    project.voices({"narrator": {"title": "New"}})
    assert project.actions() == [("narrator", "refresh")]
    project.run("plan", "--detailed-exitcode").expect(2)
    hand.emulator.log.clear()
    project.apply()
    assert not hand.mutating()
    assert project.lock["voices"]["narrator"]["applied"]["title"] == "New"
    project.settled()


def test_changed_bytes_replace_and_changing_them_back_restores(project: Project, hand: Hand) -> None:
    project.voices({"narrator": {}})
    project.apply()
    first = project.lock["voices"]["narrator"]["id"]
    before = (project.root / "samples/narrator.wav").read_bytes()

    project.sample("narrator.wav", "other words")
    (change,) = project.plan()["changes"]
    assert (change["action"], change["reason"]) == ("replace", "1 sample changed")
    assert "The id will change" in project.run("plan").out
    project.apply()
    record = project.lock["voices"]["narrator"]
    assert record["generation"] == 2
    assert record["id"] != first
    assert [gone["id"] for gone in record["retired"]] == [first]
    assert any(tag.endswith(":retired") for tag in hand.get(first)["tags"])
    project.settled()

    (project.root / "samples/narrator.wav").write_bytes(before)
    assert project.actions() == [("narrator", "restore")]
    hand.emulator.log.clear()
    project.apply()
    assert ("POST", "/model") not in hand.mutating()
    again = project.lock["voices"]["narrator"]
    assert (again["id"], again["generation"]) == (first, 1)
    assert [gone["id"] for gone in again["retired"]] == [record["id"]]
    project.settled()


@pytest.mark.parametrize("what", ["samples", "tags", "yaml", "rename", "crlf"])
def test_no_noise(project: Project, what: str) -> None:
    samples = [
        {"audio": project.sample("a.wav", "one"), "transcript_file": "../samples/a.txt"},
        {"audio": project.sample("b.wav", "two"), "transcript_file": "../samples/b.txt"},
    ]
    project.write("samples/a.txt", "First line.\nSecond line.\n")
    project.write("samples/b.txt", "Other words.\n")
    voice = {"title": "N", "description": "a\nb", "tags": ["x", "y"], "samples": samples}
    project.voices({"narrator": voice})
    project.apply()
    manifest = project.root / "voices/all.yaml"
    match what:
        case "samples":
            project.voices({"narrator": {**voice, "samples": samples[::-1]}})
        case "tags":
            project.voices({"narrator": {**voice, "tags": ["y", "x"]}})
        case "yaml":
            text = manifest.read_text()
            manifest.write_text("# a comment\n\n" + text.replace("title: N", 'title: "N"'))
        case "rename":
            manifest.rename(project.root / "voices/renamed.yaml")
        case "crlf":
            for path in (manifest, project.root / "samples/a.txt", project.root / "samples/b.txt"):
                path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    project.settled()


def test_without_the_lockfile_every_model_is_adopted(project: Project, hand: Hand) -> None:
    project.voices({name: {"visibility": "unlist"} for name in ("a", "b", "c")})
    project.apply()
    project.sample("b.wav", "changed")
    project.apply()
    before = {name: record["id"] for name, record in project.lock["voices"].items()}
    retired = project.lock["voices"]["b"]["retired"][0]["id"]
    count = len(hand.models())
    project.lock_path.unlink()
    hand.emulator.log.clear()
    project.apply()
    assert {name: record["id"] for name, record in project.lock["voices"].items()} == before
    assert len(hand.models()) == count
    assert not hand.mutating()
    assert project.lock["voices"]["b"]["retired"][0]["id"] == retired
    project.settled()


def test_a_removed_voice_is_retired_and_comes_back_with_its_id(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "b": {"visibility": "unlist"}, "c": {}})
    project.apply()
    model = project.lock["voices"]["b"]["id"]
    project.voices({"a": {}, "c": {}})
    assert project.actions() == [("b", "retire")]
    project.apply()
    assert "b" not in project.lock["voices"]
    assert project.lock["removed"]["b"]["retired"][0]["id"] == model
    assert hand.get(model)
    project.settled()
    project.voices({"a": {}, "b": {"visibility": "unlist"}, "c": {}})
    assert project.actions() == [("b", "restore")]
    project.apply()
    assert project.lock["voices"]["b"]["id"] == model
    assert project.lock["removed"] == {}
    assert not any(tag.endswith(":retired") for tag in hand.get(model)["tags"])
    project.settled()


def test_a_retired_public_model_is_no_longer_public(project: Project, hand: Hand) -> None:
    project.write("covers/c.png", "")
    (project.root / "covers/c.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 64)
    project.voices({"a": {"visibility": "public", "cover_image": "../covers/c.png"}, "b": {}})
    project.apply()
    model = project.lock["voices"]["a"]["id"]
    assert hand.get(model)["visibility"] == "public"
    project.settled()
    project.voices({"b": {}})
    project.apply()
    assert hand.get(model)["visibility"] == "unlist"


def test_with_retain_0_a_removed_voice_is_pruned(project: Project, hand: Hand) -> None:
    project.config(retain=0)
    project.voices({"a": {}, "b": {}})
    project.apply()
    project.voices({"a": {}})
    assert project.actions() == [("b", "prune")]
    project.apply()
    assert len(hand.models()) == 1
    assert project.lock["removed"] == {}
    project.settled()


def test_with_retain_0_a_replaced_model_is_deleted_after_the_new_one_serves(project: Project, hand: Hand) -> None:
    project.config(retain=0)
    project.voices({"a": {}})
    project.apply()
    project.sample("a.wav", "other")
    assert project.actions() == [("a", "replace"), ("a", "prune")]
    project.apply()
    methods = [method for method, _ in hand.mutating()]
    assert methods == ["POST", "POST", "PATCH", "DELETE"]
    assert [model["_id"] for model in hand.models()] == [project.lock["voices"]["a"]["id"]]
    project.settled()


def test_a_deleted_model_is_created_anew(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "b": {}})
    project.apply()
    hand.delete(project.lock["voices"]["a"]["id"])
    (change,) = project.plan()["changes"]
    assert (change["action"], change["warnings"]) == ("create", ["the recorded model is gone from the account"])
    assert "The id will change" in project.run("plan").out
    project.apply()
    assert project.lock["voices"]["a"]["generation"] == 2
    project.settled()


def test_other_models_of_the_account_are_never_touched(project: Project, hand: Hand) -> None:
    mine = hand.create("Made by hand", tags=["mine"])
    other = hand.create("Another catalog's", tags=["voicectl:other", "voicectl:other:a:0123456789ab"])
    before = [hand.stable(mine), hand.stable(other)]
    project.voices({"a": {}})
    project.apply()
    project.voices({"a": {"title": "New"}})
    project.apply()
    project.run("destroy", "--confirm", "acme").expect(0)
    assert [hand.stable(mine), hand.stable(other)] == before
    assert len(hand.models()) == 2


def test_a_model_whose_marks_were_taken_off_gets_them_back_as_adopted(project: Project, hand: Hand) -> None:
    project.voices({"a": {"tags": ["x"]}})
    project.apply()
    model = project.lock["voices"]["a"]["id"]
    hand.patch(model, tags=["x"])
    plan = project.plan()
    (change,) = plan["changes"]
    assert [field["field"] for field in change["fields"]] == ["marks"]
    assert [warning["code"] for warning in plan["warnings"]] == ["marks_lost"]
    project.apply()
    assert sorted(hand.get(model)["tags"]) == ["voicectl:acme", "voicectl:acme:a:adopted", "x"]
    assert project.lock["voices"]["a"]["origin"] == "adopted"
    project.settled()


def test_a_move_keeps_the_model_and_its_generations(project: Project, hand: Hand) -> None:
    project.voices({"teller": {}})
    project.apply()
    project.sample("teller.wav", "changed")
    project.apply()
    record = project.lock["voices"]["teller"]
    samples = [{"audio": "../samples/teller.wav"}]
    project.voices({"narrator": {"title": "Teller", "samples": samples}}, moved=[{"from": "teller", "to": "narrator"}])
    (change,) = project.plan()["changes"]
    assert (change["action"], change["previous_name"]) == ("update", "teller")
    project.apply()
    moved = project.lock["voices"]["narrator"]
    assert (moved["id"], moved["retired"][0]["id"]) == (record["id"], record["retired"][0]["id"])
    for model in hand.models():
        assert any(tag.startswith("voicectl:acme:narrator:") for tag in model["tags"])
    project.settled()
    project.lock_path.unlink()
    project.apply()
    assert project.lock["voices"]["narrator"]["id"] == record["id"]


def test_an_existing_model_is_adopted_by_its_id(project: Project, hand: Hand) -> None:
    model = hand.create("By hand", tags=["old"])
    project.voices({"a": {"title": "By hand", "model": model}})
    (change,) = project.plan()["changes"]
    assert (change["action"], change["adopted"], change["id"]) == ("update", True, model)
    hand.emulator.log.clear()
    project.apply()
    assert hand.mutating() == [("PATCH", f"/model/{model}")]
    assert project.lock["voices"]["a"]["origin"] == "adopted"
    assert sorted(hand.get(model)["tags"]) == ["old", "voicectl:acme", "voicectl:acme:a:adopted"]
    project.settled()
    project.voices({"b": {}})
    assert ("a", "forget") in project.actions()
    project.apply()
    assert hand.get(model)["tags"] == ["old"]
    project.settled()


def test_removed_with_keep_model_forgets(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "b": {}})
    project.apply()
    model = project.lock["voices"]["a"]["id"]
    project.voices({"b": {}}, removed=[{"name": "a", "keep_model": True}])
    assert project.actions() == [("a", "forget")]
    project.apply()
    assert hand.get(model)["tags"] == []
    project.settled()


def test_an_external_voice_is_looked_up_and_never_written(project: Project, hand: Hand) -> None:
    other = httpx.Client(base_url=hand.emulator.url, headers={"Authorization": "Bearer somebody-else"}, verify=False)
    data = {"type": "tts", "train_mode": "fast", "title": "Library", "visibility": "unlist"}
    model = other.post("/model", data=data, files=[("voices", ("a.wav", b"RIFF"))]).json()["_id"]
    other.close()
    project.voices({"a": {}, "guest": {"title": "Guest", "model": model, "external": True}})
    project.apply()
    assert f"/model/{model}" not in [path for method, path in hand.mutating()]
    assert f"VOICE_GUEST={model}" in project.run("output").out
    project.settled()


def test_somebody_elses_model_is_not_adopted(project: Project, hand: Hand) -> None:
    with httpx.Client(
        base_url=hand.emulator.url, headers={"Authorization": "Bearer somebody-else"}, verify=False
    ) as other:
        data = {"type": "tts", "train_mode": "fast", "title": "Library", "visibility": "unlist"}
        model = other.post("/model", data=data, files=[("voices", ("a.wav", b"RIFF"))]).json()["_id"]
    hand.create("mine")
    project.voices({"guest": {"title": "Guest", "model": model}})
    done = project.run("apply", "--yes").expect(3)
    assert "belongs to another" in done.out + done.err
    assert f"/model/{model}" not in [path for method, path in hand.mutating()]


def test_destroy_deletes_everything_of_the_catalog(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "b": {}})
    project.apply()
    project.sample("a.wav", "changed")
    project.apply("--max-replaces", "1")
    project.run("destroy").expect(3)
    project.run("destroy", "--confirm", "other").expect(3)
    assert len(hand.models()) == 3
    project.run("destroy", "--confirm", "acme").expect(0)
    assert hand.models() == []
    assert project.lock["voices"] == {}
    assert project.lock["removed"] == {}


def test_the_emulator_in_process(local: Project) -> None:
    local.voices({"a": {}, "b": {"visibility": "unlist"}})
    assert "nothing real" in local.run("plan").out
    local.apply()
    local.settled()
    assert (local.root / ".voicectl/.gitignore").read_text() == "*\n"


def test_init_gives_a_project_that_validates_and_applies(tmp_path: Path) -> None:
    empty = Project(tmp_path)
    empty.spawn("init", "x").expect(0)
    made = Project(tmp_path / "x")
    assert "warning" not in made.spawn("validate").expect(0).err
    made.spawn("apply", "--yes").expect(0)
    made.spawn("plan", "--detailed-exitcode").expect(0)
    before = (made.root / "voicectl.yaml").read_bytes()
    again = empty.run("init", "x").expect(1)
    assert "voicectl.yaml" in again.err
    assert (made.root / "voicectl.yaml").read_bytes() == before


def test_two_voices_change_places_and_take_their_models_along(project: Project, hand: Hand) -> None:
    project.config(policy={"max_replaces": 9})
    project.voices({"a": {"title": "First"}, "b": {"title": "Second"}, "c": {}})
    project.apply()
    ids = {name: record["id"] for name, record in project.lock["voices"].items()}
    swapped = {
        "a": {"title": "Second", "samples": [{"audio": "../samples/b.wav"}]},
        "b": {"title": "First", "samples": [{"audio": "../samples/a.wav"}]},
        "c": {},
    }
    moved = [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}]
    project.voices(swapped, moved=moved)
    assert project.actions() == [("a", "update"), ("b", "update")]
    assert project.run("plan", "--only", "c").code == 0
    hand.emulator.log.clear()
    project.apply()
    assert {method for method, _ in hand.mutating()} == {"PATCH"}
    present = {name: record["id"] for name, record in project.lock["voices"].items()}
    assert present == {"a": ids["b"], "b": ids["a"], "c": ids["c"]}
    assert {hand.get(present[name])["title"] for name in "ab"} == {"First", "Second"}
    # The entries stay in Git, and mean nothing any more: with the lockfile, and without it.
    project.settled()
    project.lock_path.unlink()
    project.apply()
    assert {name: record["id"] for name, record in project.lock["voices"].items()} == present


def test_a_rename_that_git_takes_back_keeps_the_model(project: Project, hand: Hand) -> None:
    project.voices({"old": {}, "other": {}})
    project.apply()
    model = project.lock["voices"]["old"]["id"]
    samples = [{"audio": "../samples/old.wav"}]
    project.voices({"new": {"samples": samples}, "other": {}}, moved=[{"from": "old", "to": "new"}])
    project.apply()
    hand.emulator.log.clear()
    project.voices({"old": {}, "other": {}})  # git revert
    assert project.actions() == [("old", "update")]
    project.apply()
    assert project.lock["voices"]["old"]["id"] == model
    assert {method for method, _ in hand.mutating()} == {"PATCH"}
    project.settled()


def test_verbose_plans_name_the_steps(project: Project, hand: Hand) -> None:
    project.voices({"a": {"visibility": "unlist"}})
    assert "    steps: create, await training, make current, show" in project.run("plan", "-v").out
    assert "steps:" not in project.run("plan").out
    saved = project.run("plan", "--out", "plan.json", "--format", "json").expect(0).json
    assert saved["changes"][0]["steps"] == ["create", "await training", "make current", "show"]
    assert "    steps: create," in project.run("show-plan", "plan.json", "-v").out
