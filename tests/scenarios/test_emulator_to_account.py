"""From the emulator to an account: what was made for a trial stays out of Git, and out of the way."""

from __future__ import annotations

import pytest

from tests.conftest import KEY, Hand, Project, Terminal
from tests.hosting.service import git
from voicectl.emulator.server import RunningEmulator
from voicectl.errors import UsageError


def test_turning_to_an_account_starts_clean(local: Project, emulator: RunningEmulator, hand: Hand) -> None:
    local.voices({"a": {}})
    local.apply()
    local.settled()
    assert (local.root / ".voicectl/emulator.lock.json").is_file()
    assert not (local.root / "voicectl.lock.json").exists()
    local.config(provider="fish")
    local.environ |= {"FISH_API_URL": emulator.url, "FISH_API_KEY": KEY}
    local.apply()
    assert len(hand.models()) == 1


def test_each_environment_has_its_own(local: Project) -> None:
    local.config(provider="emulator", environments={"staging": {}, "production": {}})
    local.voices({"a": {}})
    local.apply("--env", "staging")
    assert (local.root / ".voicectl/emulator.staging.lock.json").is_file()
    assert local.actions("--env", "production") == [("a", "create")]


def test_a_lockfile_of_an_early_version_is_read_and_then_moved(local: Project) -> None:
    local.voices({"a": {}})
    local.apply()
    hidden, former = local.root / ".voicectl/emulator.lock.json", local.root / "voicectl.lock.json"
    hidden.rename(former)
    before = former.read_bytes()
    local.settled()
    assert former.read_bytes() == before, "a plan changes nothing"
    local.voices({"a": {"title": "New"}})
    done = local.apply()
    assert "moved voicectl.lock.json to .voicectl/emulator.lock.json" in done.err
    assert not former.exists()
    assert local.lock["voices"]["a"]["generation"] == 1
    local.settled()


def test_a_catalog_of_an_account_does_not_become_one_of_the_emulator(local: Project, emulator: RunningEmulator) -> None:
    local.config(provider="fish")
    local.environ |= {"FISH_API_URL": emulator.url, "FISH_API_KEY": KEY}
    local.voices({"a": {}})
    local.apply()
    local.config(provider="emulator")
    for command in ("plan", "drift", "apply"):
        done = local.run(command).expect(1)
        assert "voicectl.lock.json is of provider fish, but this run is of emulator" in done.err
    local.config(provider="emulator", state="trial.lock.json")  # as the message says
    assert local.actions() == [("a", "create")]


def test_an_emulators_lockfile_in_the_way_names_the_commands_that_lead_out(
    local: Project, emulator: RunningEmulator
) -> None:
    local.config(provider="emulator", state="voicectl.lock.json")
    local.voices({"a": {}})
    local.apply()
    local.config(provider="fish")
    local.environ |= {"FISH_API_URL": emulator.url, "FISH_API_KEY": KEY}
    done = local.run("plan").expect(1)
    assert "voicectl.lock.json is of provider emulator" in done.err
    assert "`rm voicectl.lock.json`, then `voicectl apply`" in done.err
    (local.root / "voicectl.lock.json").unlink()
    local.apply()


def test_a_project_that_begins_with_the_account(local: Project) -> None:
    done = local.run("init", "new", "--provider", "fish").expect(0)
    assert "voicectl doctor" in done.out
    assert "provider: fish # set FISH_API_KEY" in (local.root / "new/voicectl.yaml").read_text()
    local.run("-C", "new", "validate").expect(0)
    local.run("init", "other").expect(0)
    assert "provider: emulator" in (local.root / "other/voicectl.yaml").read_text()


@pytest.mark.parametrize(
    ("typed", "provider"), [("fish\n", "fish"), ("\n", "emulator"), ("Emulator\n", "emulator"), ("", "emulator")]
)
def test_a_person_is_asked(local: Project, monkeypatch: pytest.MonkeyPatch, typed: str, provider: str) -> None:
    monkeypatch.setattr("io.StringIO", Terminal)
    done = local.run("init", "new", stdin=typed).expect(0)
    assert "Provider?" in done.err
    assert f"provider: {provider} " in (local.root / "new/voicectl.yaml").read_text()


def test_a_wrong_answer_writes_nothing(local: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("io.StringIO", Terminal)
    assert "'aws' is no provider" in local.run("init", "new", stdin="aws\n").expect(1).err
    assert not (local.root / "new").exists()


def test_what_brings_lockfiles_into_git_leaves_the_emulators_alone(local: Project) -> None:
    local.voices({"a": {}})
    local.apply()
    git(local.root, "init", "-q", "-b", "main")
    git(local.root, "add", "-A")
    git(local.root, "commit", "-q", "-m", "voices")
    for command in (["fetch-lockfile"], ["push-lockfile"], ["check-lockfile", "--base", "HEAD"]):
        done = local.run("ci", *command).expect(0)
        assert "not kept in Git" in done.err
    assert "lock" not in git(local.root, "ls-files")
    # An edit by hand is told all the same: a pull request may change the provider with it.
    local.write("voicectl.lock.json", "{}")
    git(local.root, "add", "-A")
    git(local.root, "commit", "-q", "-m", "by hand")
    local.run("ci", "check-lockfile", "--base", "HEAD^", "--strict").expect(3)
    git(local.root, "rm", "-q", "voicectl.lock.json")
    assert "has no history" in local.run("history").expect(1).err


def test_a_project_that_begins_with_recordings(local: Project) -> None:
    local.sample("take1.wav")
    local.write("cast.csv", "name,audio,title\nnarrator,samples/take1.wav,Our Narrator\n")
    local.run("init", "new", "--from", "cast.csv").expect(0)
    local.run("-C", "new", "validate").expect(0)
    assert "Our Narrator" in local.run("-C", "new", "list").expect(0).out
    assert not (local.root / "new/voices/narrator.yaml").read_text().count("starter")


def test_a_table_that_is_wrong_leaves_no_project(local: Project) -> None:
    local.write("cast.csv", "name,audio\nnarrator,nowhere.wav\n")
    local.run("init", "new", "--from", "cast.csv").expect(1)
    assert not (local.root / "new/voicectl.yaml").exists()
    local.run("init", "new", "--from", "cast.csv").expect(1)


def test_a_project_that_begins_with_an_account(local: Project, emulator: RunningEmulator, hand: Hand) -> None:
    local.environ |= {"FISH_API_URL": emulator.url, "FISH_API_KEY": KEY}
    model = hand.create("Our Narrator")
    local.run("init", "new", "--from-account").expect(0)
    assert f"model: {model}" in (local.root / "new/voices/our-narrator.yaml").read_text()
    assert "adopt" in local.run("-C", "new", "plan").expect(0).out
    assert (
        "leave --from and the emulator out"
        in local.run("init", "x", "--from-account", "--provider", "emulator").expect(1).err
    )


def test_an_account_that_does_not_answer_leaves_no_project(local: Project) -> None:
    local.run("init", "new", "--from-account").expect(1)  # there is no key
    assert not (local.root / "new/voicectl.yaml").exists()


def test_a_trial_that_was_settled_does_not_let_an_accounts_catalog_become_the_emulators(
    local: Project, emulator: RunningEmulator
) -> None:
    local.voices({"a": {}})
    local.apply()
    local.config(provider="fish")
    local.environ |= {"FISH_API_URL": emulator.url, "FISH_API_KEY": KEY}
    local.apply()
    assert (local.root / ".voicectl/emulator.lock.json").is_file()
    local.config(provider="emulator")
    assert "voicectl.lock.json is of provider fish" in local.run("plan").expect(1).err


def test_what_was_begun_keeps_its_project_file(local: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise UsageError("the terminal is gone", "open another")

    local.sample("take1.wav")
    local.write("cast.csv", "name,audio\nnarrator,samples/take1.wav\n")
    monkeypatch.setattr("voicectl.cli.commands.add._report", gone)
    local.run("init", "new", "--from", "cast.csv").expect(1)
    assert (local.root / "new/voices/narrator.yaml").is_file()
    local.run("-C", "new", "validate").expect(0)
