"""What was changed by hand is accepted into Git."""

from __future__ import annotations

import pytest

from tests.conftest import Hand, Project

MANIFEST = """\
# The voices of Acme.
voices:
  narrator:   # the first one
    title: Acme Narrator
    tags: [english, warm]
    samples: [{audio: ../samples/a.wav}]
  host:
    title: 'Acme Host'
    samples: [{audio: ../samples/b.wav}]
"""


@pytest.fixture
def applied(project: Project) -> Project:
    for name in ("a", "b"):
        project.sample(f"{name}.wav")
    project.write("voices/all.yaml", MANIFEST)
    project.apply()
    return project


def test_the_manifest_gets_the_accounts_values_and_nothing_else_changes(applied: Project, hand: Hand) -> None:
    models = {name: record["id"] for name, record in applied.lock["voices"].items()}
    marks = [tag for tag in hand.get(models["narrator"])["tags"] if tag.startswith("voicectl:")]
    hand.patch(models["narrator"], title="By Hand", tags=["english", "calm", *marks])
    hand.patch(models["host"], description="For guests: welcome!", visibility="unlist")
    hand.emulator.log.clear()
    shown = applied.run("pull", "--dry-run").expect(0).out
    assert {"-    title: Acme Narrator", "+    title: By Hand"} <= set(shown.splitlines())
    assert (applied.root / "voices/all.yaml").read_text() == MANIFEST
    applied.run("pull").expect(0)
    assert hand.mutating() == []
    assert (applied.root / "voices/all.yaml").read_text() == MANIFEST.replace(
        "    title: Acme Narrator\n    tags: [english, warm]", "    title: By Hand\n    tags: [calm, english]"
    ).replace(
        "    title: 'Acme Host'\n",
        "    title: 'Acme Host'\n    visibility: unlist\n    description: \"For guests: welcome!\"\n",
    )
    applied.settled()
    applied.run("drift").expect(0)
    assert "Nothing to pull" in applied.run("pull").expect(0).out
    assert "Nothing to pull" in applied.run("pull", "--dry-run").expect(0).out


def test_windows_line_ends_stay(applied: Project, hand: Hand) -> None:
    path = applied.root / "voices/all.yaml"
    path.write_bytes(MANIFEST.replace("\n", "\r\n").encode())
    hand.patch(applied.lock["voices"]["narrator"]["id"], title="By Hand")
    applied.run("pull").expect(0)
    assert path.read_bytes() == MANIFEST.replace("Acme Narrator", "By Hand").replace("\n", "\r\n").encode()


def test_a_manifest_that_is_ahead_is_not_taken_back(applied: Project, hand: Hand) -> None:
    path = applied.root / "voices/all.yaml"
    path.write_text(MANIFEST.replace("Acme Narrator", "Ahead"))
    assert "Nothing to pull" in applied.run("pull").expect(0).out
    hand.patch(applied.lock["voices"]["host"]["id"], title="By Hand")
    applied.run("pull", "--only", "host").expect(0)
    assert applied.actions() == [("narrator", "update")]


def test_defaults_and_environments(project: Project, hand: Hand) -> None:
    project.write(
        "voicectl.yaml",
        "catalog: acme\ndefaults: {tags: [acme]}\nenvironments:\n  production: {}\n  staging:\n"
        "    title_suffix: ' (s)'\n    voices:\n      host: {description: Staged}   # only here\n",
    )
    project.sample("a.wav")
    project.sample("b.wav")
    project.write("voices/all.yaml", MANIFEST)
    project.run("apply", "--yes", "--env", "staging").expect(0)
    ids = {model["title"]: model["_id"] for model in hand.models()}
    marks = [tag for tag in hand.get(ids["Acme Host (s)"])["tags"] if tag.startswith("voicectl:")]
    hand.patch(ids["Acme Narrator (s)"], title="Storyteller (s)")
    hand.patch(ids["Acme Host (s)"], title="No suffix", description="By hand", tags=["loud", *marks])
    done = project.run("pull", "--env", "staging").expect(0)
    assert "lacks the environment's title_suffix" in done.err
    assert "acme comes from the defaults" in done.err
    assert "changes in every environment" in done.err
    assert "title: Storyteller\n" in (project.root / "voices/all.yaml").read_text()
    assert "host: {description: By hand}   # only here" in (project.root / "voicectl.yaml").read_text()


def test_an_alias_is_left_to_a_person(project: Project, hand: Hand) -> None:
    project.sample("a.wav")
    text = "voices:\n  a: &a\n    title: A\n    samples: [{audio: ../samples/a.wav}]\n  b: *a\n"
    project.write("voices/all.yaml", text)
    project.apply()
    hand.patch(project.lock["voices"]["b"]["id"], title="By Hand")
    lock = project.lock_path.read_bytes()
    assert "can't be edited" in project.run("pull").expect(1).err
    assert (project.root / "voices/all.yaml").read_text() == text
    assert project.lock_path.read_bytes() == lock


def test_nothing_to_compare_with(project: Project) -> None:
    project.voices({"a": {}})
    project.run("pull").expect(1)
    project.apply()
    assert "matches no voice" in project.run("pull", "--only", "nobody").expect(1).err


def test_a_conflict_is_left_to_a_person(applied: Project, hand: Hand) -> None:
    path = applied.root / "voices/all.yaml"
    path.write_text(MANIFEST.replace("Acme Narrator", "From Git"))
    hand.patch(applied.lock["voices"]["narrator"]["id"], title="From the web")
    hand.patch(applied.lock["voices"]["host"]["id"], title="By hand")
    done = applied.run("pull").expect(0)
    assert "Git changed it too; the account has 'From the web'" in done.err
    assert "From Git" in path.read_text()
    assert "By hand" in path.read_text()
    applied.run("plan").expect(3)


@pytest.mark.parametrize("tag", ["new: tag", "#h", "true", "123", "it's", "zed", "a"])
def test_any_tag_goes_into_a_list_of_lines(project: Project, hand: Hand, tag: str) -> None:
    project.sample("a.wav")
    text = (
        "voices:\n  a:\n    title: A\n    tags:\n    - x   # kept\n    - y\n    samples: [{audio: ../samples/a.wav}]\n"
    )
    project.write("voices/all.yaml", text)
    project.apply()
    model = project.lock["voices"]["a"]["id"]
    hand.patch(model, tags=[*hand.get(model)["tags"], tag])
    project.run("pull").expect(0)
    assert "    - x   # kept\n    - y\n    - " in (project.root / "voices/all.yaml").read_text()
    project.settled()


def test_values_that_no_manifest_may_have_are_left_out_and_the_others_go_on(applied: Project, hand: Hand) -> None:
    lock = applied.lock_path.read_bytes()
    before = applied.lock["voices"]["narrator"]
    hand.raw(before["id"], visibility="public")
    hand.patch(applied.lock["voices"]["host"]["id"], title="By hand")
    dry = applied.run("pull", "--dry-run").expect(1)
    assert "narrator is left out: with the account's values the manifests would be invalid" in dry.err
    assert "a public voice needs a cover_image" in dry.err
    assert "public" not in dry.out
    assert '+    title: "By hand"' in dry.out
    assert ((applied.root / "voices/all.yaml").read_text(), applied.lock_path.read_bytes()) == (MANIFEST, lock)
    assert "narrator can't be pulled" in applied.run("pull").expect(1).err
    assert (applied.root / "voices/all.yaml").read_text() == MANIFEST.replace("'Acme Host'", '"By hand"')
    assert applied.lock["voices"]["narrator"] == before
    assert "Nothing to pull" in applied.run("pull", "--exclude", "narrator").expect(0).out


def test_a_voice_whose_lines_can_not_be_edited_does_not_keep_the_others_back(project: Project, hand: Hand) -> None:
    shared = "  a: &a\n    title: A\n    samples: [{audio: ../samples/a.wav}]\n  b: *a\n"
    others = "".join(f"  {n}:\n    title: {n}\n    samples: [{{audio: {project.sample(n)}}}]\n" for n in "cdef")
    project.sample("a.wav")
    project.write("voices/all.yaml", f"voices:\n{shared}{others}")
    project.apply()
    for name in "bdf":
        hand.patch(project.lock["voices"][name]["id"], title=f"{name} by hand")
    dry = project.run("pull", "--dry-run").expect(1)
    done = project.run("pull").expect(1)
    for each in (dry, done):
        assert "b is left out: voices/all.yaml can't be edited" in each.err
        assert "or go on without: --exclude b" in each.err
    text = (project.root / "voices/all.yaml").read_text()
    assert text == f"voices:\n{shared}{others}".replace("title: d", "title: d by hand").replace(
        "title: f", "title: f by hand"
    )
    assert all(f"+    title: {name} by hand" in dry.out for name in "df")
    project.run("pull", "--exclude", "b").expect(0)
    assert project.actions() == [("b", "update")]


def test_a_manifest_behind_a_link_stays_one(applied: Project, hand: Hand) -> None:
    (applied.root / "voices/all.yaml").rename(applied.root / "real.yaml")
    text = (applied.root / "real.yaml").read_text()
    (applied.root / "voices/all.yaml").symlink_to("../real.yaml")
    hand.patch(applied.lock["voices"]["host"]["id"], title="By hand")
    applied.run("pull").expect(0)
    assert (applied.root / "voices/all.yaml").is_symlink()
    assert (applied.root / "real.yaml").read_text() == text.replace("Acme Host", "By hand").replace(
        "'By hand'", '"By hand"'
    )
