"""An account that was made by hand comes under management without an id changing."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.conftest import Hand, Project


@pytest.fixture
def project(project: Project) -> Project:
    project.voices({"first": {}})
    project.apply()
    return project


def stable(hand: Hand) -> dict[str, Any]:
    return {
        model["_id"]: {k: v for k, v in hand.stable(model["_id"]).items() if k not in ("tags", "updated_at")}
        for model in hand.models()
    }


def test_by_id_and_the_next_plan_adopts_and_nothing_else(project: Project, hand: Hand) -> None:
    ids = [hand.create("Acme Narrator", description="Warm.", tags=["english", "warm"]), hand.create("Acme Host")]
    before = stable(hand)
    hand.emulator.log.clear()
    done = project.run("import", f"narrator={ids[0]}", f"host={ids[1]}").expect(0)
    assert hand.mutating() == []
    assert "wrote voices/host.yaml" in done.err
    plan = project.plan()
    assert {(c["name"], c["action"], c["adopted"]) for c in plan["changes"]} == {
        ("narrator", "update", True), ("host", "update", True),
    }  # fmt: skip
    assert {field["field"] for change in plan["changes"] for field in change["fields"]} == {"marks"}
    project.apply()
    project.settled()
    assert stable(hand) == before
    assert {project.lock["voices"][name]["id"] for name in ("narrator", "host")} == set(ids)
    assert set(hand.get(ids[0])["tags"]) > {"english", "warm"}


def test_all_with_names_made_from_titles_in_any_script(project: Project, hand: Hand) -> None:
    titles = ["Ärzte-Hotline", "語り手", "الراوي", "Acme Host", "Acme  Host!", "", "!!!", "first", "x" * 200]
    for title in titles:
        hand.raw(hand.create("Titled"), title=title)
    hand.create("Theirs", tags=["voicectl:other", "voicectl:other:z:0123456789ab"])
    project.run("import", "--all").expect(0)
    written = {path.stem for path in (project.root / "voices").glob("*.yaml")} - {"all"}
    assert len(written) == len(titles)
    assert {"arzte-hotline", "acme-host", "acme-host-2", "first-2", "voice", "voice-2"} <= written
    assert all(name.isascii() and len(name) <= 63 for name in written)
    plan = project.plan()
    assert {change["action"] for change in plan["changes"]} == {"update"}
    assert all(change["adopted"] for change in plan["changes"])
    project.apply()
    assert "Nothing to import" in project.run("import", "--all").expect(0).out


def test_samples_beside_the_model_are_taken_on_trust(project: Project, hand: Hand) -> None:
    model = hand.create("Narrator")
    project.run("import", f"narrator={model}").expect(0)
    path = project.root / "voices/narrator.yaml"
    content = yaml.safe_load(path.read_text())
    content["voices"]["narrator"]["samples"] = [{"audio": project.sample("narrator.wav")}]
    path.write_text(yaml.safe_dump(content))
    project.apply()
    assert project.lock["voices"]["narrator"]["id"] == model
    project.sample("narrator.wav", "another")
    assert project.actions() == [("narrator", "replace")]


def test_into_an_environment(project: Project, hand: Hand) -> None:
    text = "# ours\ncatalog: acme   # the name\nenvironments:\n  production: {}\n  staging: {title_suffix: ' (s)'}\n"
    project.write("voicectl.yaml", text)
    model = hand.create("Narrator (s)")
    project.run("import", "--env", "staging", f"narrator={model}").expect(0)
    written = (project.root / "voicectl.yaml").read_text()
    assert written.startswith("# ours\ncatalog: acme   # the name\n")
    assert model in written
    plan = project.run("plan", "--env", "staging", "--format", "json", "--only", "narrator").expect(0).json
    assert [(change["name"], change["adopted"]) for change in plan["changes"]] == [("narrator", True)]
    project.run("validate", "--env", "production").expect(0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["narrator=" + "0" * 32], "there is no model"),
        (["first=MINE"], "is a voice of the manifests already"),
        (["again=FIRST"], "is managed already, as first"),
        (["theirs=OTHER"], "carries the marks of other"),
        (["a=MINE", "b=MINE"], "asked for twice"),
        (["a=MINE", "a=MINE"], "given twice"),
        (["narrator=nonsense"], "is not NAME=ID"),
        (["Bad Name=MINE"], "is not NAME=ID"),
        ([], "--all"),
        (["--all", "a=MINE"], "--all"),
        (["a=MINE", "--out", "elsewhere"], "matches none of the globs"),
        (["a=MINE", "--out", "../outside"], "outside the project"),
        (["taken=MINE"], "exists already"),
    ],
)
def test_what_can_not_be_imported(project: Project, hand: Hand, arguments: list[str], said: str) -> None:
    ids = {
        "MINE": hand.create("Mine"),
        "OTHER": hand.create("Theirs", tags=["voicectl:other", "voicectl:other:z:0123456789ab"]),
        "FIRST": project.lock["voices"]["first"]["id"],
    }
    project.write("voices/taken.yaml", "voices: {}\n")
    before = sorted((p.name, p.read_bytes()) for p in (project.root / "voices").iterdir())
    filled = ["=".join(ids.get(part, part) for part in argument.split("=")) for argument in arguments]
    done = project.run("import", *filled).expect(1)
    assert said in done.err
    assert sorted((p.name, p.read_bytes()) for p in (project.root / "voices").iterdir()) == before


def test_anothers_public_model_is_not_ours(project: Project, hand: Hand) -> None:
    import httpx

    with httpx.Client(base_url=hand.emulator.url, headers={"Authorization": "Bearer another-key"}) as other:
        data = {"type": "tts", "train_mode": "fast", "title": "Library", "visibility": "unlist"}
        model = other.post("/model", data=data, files=[("voices", ("a.wav", b"RIFF"))]).raise_for_status().json()["_id"]
    assert "belongs to another account" in project.run("import", f"guest={model}").expect(1).err


def test_hostile_titles_are_only_text(project: Project, hand: Hand) -> None:
    hand.create("x: {y}\n# - &a *b !!python/object:os.system \u0085 \x1b[2J")
    hand.create("yes")
    hand.create("2026-01-01")
    project.run("import", "--all").expect(0)
    project.run("validate").expect(0)
    assert all(change["adopted"] for change in project.plan()["changes"])


def test_a_project_without_a_manifest_begins_with_an_import(project: Project, hand: Hand) -> None:
    (project.root / "voices/all.yaml").unlink()
    project.lock_path.unlink()
    hand.delete(hand.models()[0]["_id"])
    model = hand.create("Narrator")
    value = project.run("drift", "--unmanaged", "--format", "json").expect(0).json
    assert [row["id"] for row in value["unmanaged"]] == [model]
    project.run("import", "--all").expect(0)
    assert project.actions() == [("narrator", "update")]


def test_what_another_environment_names_is_claimed(project: Project, hand: Hand) -> None:
    project.write("voicectl.yaml", "catalog: acme\nenvironments: {production: {}, staging: {title_suffix: ' (s)'}}\n")
    model, other = hand.create("Narrator (s)"), hand.create("Guide")
    project.run("import", "--env", "staging", f"narrator={model}").expect(0)
    assert "title: Narrator\n" in (project.root / "voices/narrator.yaml").read_text()
    assert "another environment" in project.run("import", "--env", "production", f"x={model}").expect(1).err
    project.run("import", "--env", "production", "--all").expect(0)
    assert other in (project.root / "voicectl.yaml").read_text()
    for environment in ("production", "staging"):
        project.run("validate", "--env", environment).expect(0)
    done = project.run("import", "--env", "staging", "--all").expect(0)
    assert "Nothing to import" in done.out


def test_a_project_that_would_be_invalid_stays_as_it_was(project: Project, hand: Hand) -> None:
    text = "catalog: acme\nenvironments:\n  production: &p {voices: {}}\n  staging: *p\n"
    project.write("voicectl.yaml", text)
    hand.create("Narrator")
    done = project.run("import", "--env", "staging", "--all")
    if done.code != 0:
        assert "can't be edited so that only these values change" in done.err
        assert (project.root / "voicectl.yaml").read_text() == text
        assert not (project.root / "voices/narrator.yaml").exists()
    project.run("validate", "--env", "production").expect(0)


@pytest.mark.parametrize("title", ["a\0b", "x" * 1_100_000])
def test_a_model_that_no_manifest_can_describe_keeps_none_of_the_others_out(
    project: Project, hand: Hand, title: str
) -> None:
    good = [hand.create(f"Voice {number}") for number in range(3)]
    bad = hand.create("To be renamed")
    hand.raw(bad, title=title)
    done = project.run("import", "--all").expect(1)
    assert f"({bad}) is left out: the project would be invalid with it" in done.err
    assert "run `voicectl import --all` again" in done.err
    assert "3 models imported" in done.out
    assert len(done.err) < 3000
    assert sorted(change["id"] for change in project.plan()["changes"]) == sorted(good)
    hand.patch(bad, title="A title")
    project.run("import", "--all").expect(0)
    project.apply()
    project.settled()
