"""The exit code of every command in every outcome, as one table."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Hand, Project
from tests.hosting.service import git
from voicectl.audio.hearing import has_decoder
from voicectl.cli.main import SECTIONS
from voicectl.files import Scratch
from voicectl.state.file import FileStore

CONTRACT = Path(__file__).resolve().parents[3] / "shared" / "cli.md"
MEANINGS = {
    0: "done",
    1: "an apply in which any voice failed",
    2: "changes",
    3: "refused, a person must decide",
    4: "try again",
    130: "interrupted",
}

State = Callable[[Project, Hand], None]


def new(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "b": {}})


def in_step(project: Project, hand: Hand) -> None:
    new(project, hand)
    project.apply()


def ahead(project: Project, hand: Hand) -> None:
    in_step(project, hand)
    project.voices({"a": {"title": "New"}, "b": {}})


def committed(project: Project, hand: Hand) -> None:
    new(project, hand)
    git(project.root, "init", "-q", "-b", "main")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "voices")
    project.apply()
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "lockfile")


def edited(project: Project, hand: Hand) -> None:
    committed(project, hand)
    text = project.lock_path.read_text(encoding="utf-8")
    project.lock_path.write_text(text.replace('"protect": false', '"protect": true'), encoding="utf-8")
    git(project.root, "add", "-A")


def saved(project: Project, hand: Hand) -> None:
    ahead(project, hand)
    project.run("plan", "--out", "plan.json").expect(0)


def stale(project: Project, hand: Hand) -> None:
    saved(project, hand)
    hand.patch(project.lock["voices"]["a"]["id"], title="By hand")


def done(project: Project, hand: Hand) -> None:
    saved(project, hand)
    project.apply()


def invalid(project: Project, hand: Hand) -> None:
    project.voices({"a": {"visibility": "unlisted"}})


def by_hand(project: Project, hand: Hand) -> None:
    in_step(project, hand)
    hand.patch(project.lock["voices"]["a"]["id"], title="By hand")


def conflict(project: Project, hand: Hand) -> None:
    ahead(project, hand)
    hand.patch(project.lock["voices"]["a"]["id"], title="By hand")


def too_many_leave(project: Project, hand: Hand) -> None:
    project.config(policy={"max_deletes": 0})
    in_step(project, hand)
    project.voices({"a": {}})


def protected(project: Project, hand: Hand) -> None:
    project.voices({"a": {"lifecycle": {"protect": True}}, "b": {}})
    project.apply()
    project.voices({"b": {}})


def without_consent(project: Project, hand: Hand) -> None:
    project.config(policy={"require_consent": ["private"]})
    new(project, hand)


def against_a_rule(project: Project, hand: Hand) -> None:
    project.config(policy={"rules": [{"message": "m", "schema": {"properties": {"title": {"pattern": "^X"}}}}]})
    new(project, hand)


def broken_lock(project: Project, hand: Hand) -> None:
    in_step(project, hand)
    project.lock_path.write_text("{")


def wrong_key(project: Project, hand: Hand) -> None:
    in_step(project, hand)
    project.environ["FISH_API_KEY"] = "another-key-of-the-tests"


def no_key(project: Project, hand: Hand) -> None:
    new(project, hand)
    del project.environ["FISH_API_KEY"]


def refusing_server(project: Project, hand: Hand) -> None:
    from voicectl.emulator.settings import Fault

    new(project, hand)
    rule = Fault(kind="status", status=400, method=("POST",), path="/model", nth=(2,))
    hand.emulator.settings = replace(hand.emulator.settings, rules=(rule,))


def still_training(project: Project, hand: Hand) -> None:
    new(project, hand)
    hand.emulator.settings = replace(hand.emulator.settings, training_seconds=60)


def empty(project: Project, hand: Hand) -> None:
    (project.root / "voices").mkdir()


def two_environments(project: Project, hand: Hand) -> None:
    project.config(environments={"a": {}, "b": {}})
    new(project, hand)


def one_applied(project: Project, hand: Hand) -> None:
    two_environments(project, hand)
    project.apply("--env", "a")


def no_plan(project: Project, hand: Hand) -> None:
    (project.root / "plan.json").write_text("[]")


OUTCOMES: list[tuple[str, State, int]] = [
    ("init new", empty, 0),
    ("init .", in_step, 1),
    ("help", empty, 0),
    ("help marks", empty, 0),
    ("help apply", empty, 0),
    ("help nonsense", empty, 1),
    ("validate", new, 0),
    ("validate --format json", new, 0),
    ("validate", invalid, 1),
    ("validate --format github", invalid, 1),
    ("validate", without_consent, 1),
    ("validate", against_a_rule, 1),
    ("validate", empty, 1),
    ("validate --nonsense", new, 1),
    ("plan", new, 0),
    ("plan", in_step, 0),
    ("plan --detailed-exitcode", in_step, 0),
    ("plan --detailed-exitcode", ahead, 2),
    ("plan --detailed-exitcode --format json", ahead, 2),
    ("plan --detailed-exitcode --offline", ahead, 2),
    ("plan --detailed-exitcode", conflict, 3),
    ("plan --on-conflict overwrite --detailed-exitcode", conflict, 2),
    ("plan", conflict, 3),
    ("plan", too_many_leave, 3),
    ("plan --offline", too_many_leave, 3),
    ("plan --max-deletes 1", too_many_leave, 0),
    ("plan", protected, 3),
    ("plan", without_consent, 3),
    ("plan", against_a_rule, 3),
    ("plan --only nobody", new, 1),
    ("plan --only a --exclude nobody", new, 1),
    ("plan --env nowhere", new, 1),
    ("plan", invalid, 1),
    ("plan", broken_lock, 1),
    ("plan", wrong_key, 3),
    ("plan", no_key, 1),
    ("plan --offline", no_key, 0),
    ("plan --out gone/plan.json", new, 1),
    ("add x samples/a.wav", new, 0),
    ("add x samples/gone.wav", new, 1),
    ("add", new, 1),
    ("lint", new, 1),
    *([("lint --fail-on never", new, 0)] if has_decoder() else []),
    ("lint --only nobody", new, 1),
    ("fleet validate", new, 0),
    ("fleet plan --offline --detailed-exitcode", new, 2),
    ("fleet drift", new, 1),
    ("fleet list --root gone", new, 1),
    ("preview --out page", ahead, 0),
    ("preview --out page --all", new, 0),
    ("preview --out voices", new, 1),
    ("preview --out page --say Hello", in_step, 0),
    ("preview --out page --say Hello --all", in_step, 3),
    ("history", committed, 0),
    ("history --deleted", new, 0),
    ("history", new, 1),
    ("diff --env a --env a", new, 1),
    ("diff --env a --env b", two_environments, 0),
    ("diff --env a --env b", one_applied, 2),
    ("show-plan plan.json", saved, 0),
    ("show-plan plan.json --format markdown", saved, 0),
    ("show-plan plan.json", no_plan, 1),
    ("show-plan gone.json", new, 1),
    ("apply --yes", new, 0),
    ("apply --yes", in_step, 0),
    ("apply", in_step, 0),
    ("apply", ahead, 3),
    ("apply --yes", conflict, 3),
    ("apply --yes", too_many_leave, 3),
    ("apply --yes", protected, 3),
    ("apply --yes --exclude a", protected, 0),
    ("apply --yes", without_consent, 3),
    ("apply --yes", against_a_rule, 3),
    ("apply --yes", refusing_server, 1),
    ("apply --yes --format json", refusing_server, 1),
    ("apply --yes --wait 0", still_training, 1),
    ("apply --yes", invalid, 1),
    ("apply --yes", broken_lock, 1),
    ("apply --yes", no_key, 1),
    ("apply --yes --only nobody", new, 1),
    ("apply plan.json --yes", saved, 0),
    ("apply plan.json --yes", done, 0),
    ("apply plan.json --yes", stale, 4),
    ("apply plan.json --yes --format json", stale, 4),
    ("apply plan.json", saved, 3),
    ("apply plan.json --yes --only a", saved, 1),
    ("apply plan.json --yes", no_plan, 1),
    ("list", in_step, 0),
    ("list", invalid, 1),
    ("show a", in_step, 0),
    ("show nobody", in_step, 1),
    ("output", in_step, 0),
    ("output", empty, 1),
    ("output", broken_lock, 1),
    ("drift", in_step, 0),
    ("drift", ahead, 0),
    ("drift", by_hand, 2),
    ("drift --format json", by_hand, 2),
    ("drift --fail-on missing", by_hand, 0),
    ("drift --fail-on nonsense", in_step, 1),
    ("drift", new, 1),
    ("drift", invalid, 1),
    ("drift", no_key, 1),
    ("import --all", in_step, 0),
    ("import", in_step, 1),
    ("import x=nonsense", in_step, 1),
    ("import --all", invalid, 1),
    ("say a Hello -o out.mp3", in_step, 0),
    ("say a Hello -o out.mp3", new, 1),
    ("say nobody Hello -o out.mp3", in_step, 1),
    ("audition a Hello -o out.mp3", new, 1),
    ("audition a Hello -o out.flac", new, 1),
    ("pull", in_step, 0),
    ("pull", by_hand, 0),
    ("pull --dry-run", by_hand, 0),
    ("pull", new, 1),
    ("pull", invalid, 1),
    ("pull --only nobody", in_step, 1),
    ("state rebuild", in_step, 0),
    ("state rebuild", new, 1),
    ("state rebuild", broken_lock, 3),
    ("state rebuild --yes", broken_lock, 0),
    ("state rebuild", invalid, 1),
    ("state unlock", in_step, 0),
    ("state merge voicectl.lock.json voicectl.lock.json voicectl.lock.json", in_step, 0),
    ("state merge gone gone gone", in_step, 1),
    ("state merge voicectl.lock.json voicectl.lock.json voicectl.lock.json", broken_lock, 1),
    ("state nonsense", in_step, 1),
    ("destroy --confirm acme", in_step, 0),
    ("destroy", in_step, 3),
    ("destroy --confirm other", in_step, 3),
    ("destroy --confirm acme", protected, 3),
    ("doctor", in_step, 0),
    ("doctor", no_key, 1),
    ("doctor", invalid, 1),
    ("schema lock", empty, 0),
    ("schema nonsense", empty, 1),
    ("completion bash", empty, 0),
    ("completion cmd", empty, 1),
    ("emulator --faults gone.yaml", empty, 1),
    ("--version", empty, 0),
    ("--help", empty, 0),
    ("ci comment plan.md --exit-code 2", committed, 1),  # no hosting runs this
    ("ci issue drift.md --exit-code 2", committed, 1),
    ("ci fetch-lockfile", committed, 0),
    ("ci fetch-lockfile --way branch", committed, 1),  # no remote
    ("ci push-lockfile", in_step, 1),  # no repository
    ("ci push-lockfile", committed, 1),  # no remote
    ("ci check-lockfile --staged", committed, 0),
    ("ci check-lockfile --staged", edited, 1),
    ("ci check-lockfile --base HEAD", edited, 0),
    ("ci check-lockfile --base HEAD~1 --strict", committed, 3),
    ("ci check-lockfile", committed, 1),
    ("", empty, 0),
    ("nonsense", empty, 1),
]


@pytest.mark.parametrize(("command", "state", "code"), OUTCOMES, ids=[f"{c} [{s.__name__}]" for c, s, _ in OUTCOMES])
def test_outcome(project: Project, hand: Hand, command: str, state: State, code: int) -> None:
    state(project, hand)
    ended = project.run(*command.split()).expect(code)
    assert "internal error" not in ended.err
    if "--format json" in command:
        document = json.loads(ended.out)
        assert ("error" in document) == (code in (1, 3, 4))
    elif code not in (0, 2):
        assert (ended.out + ended.err).strip(), "a failure says what happened"


def test_locked_by_another_run(project: Project, hand: Hand) -> None:
    in_step(project, hand)
    store = FileStore(project.lock_path, project.lock_path.name, Scratch(project.root))
    with store.lease("another run", 0, lambda holder: None):
        for command in (("apply", "--yes"), ("destroy", "--confirm", "acme")):
            project.run(*command).expect(4)
        project.run("plan").expect(0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(project: Project, hand: Hand, number: int) -> None:
    new(project, hand)
    hand.emulator.settings = replace(hand.emulator.settings, latency=500)
    process = subprocess.Popen(
        [sys.executable, "-m", "voicectl", "apply", "--yes"],
        cwd=project.root,
        env={**os.environ, **project.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not hand.requests():
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(30) == 130


def test_every_command_is_in_the_table() -> None:
    named = {command.split()[0] for command, _, _ in OUTCOMES if command and not command.startswith("-")}
    assert {name for section in SECTIONS.values() for name in section} <= named


def test_the_codes_are_those_of_the_contract() -> None:
    if not CONTRACT.exists():
        pytest.skip("the contract is not beside this checkout")
    rows = re.findall(r"^\| (\d+) \| (.+?) \|$", CONTRACT.read_text(encoding="utf-8"), re.MULTILINE)
    assert {int(code) for code, _ in rows} == set(MEANINGS)
    for code, meaning in rows:
        assert MEANINGS[int(code)] in meaning
    assert {code for _, _, code in OUTCOMES} | {130} == set(MEANINGS)
