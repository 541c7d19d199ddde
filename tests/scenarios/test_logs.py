"""`--log-format json`: standard error is JSON lines and nothing else, whatever happens."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.conftest import KEY, Hand, Project
from voicectl.emulator.server import RunningEmulator
from voicectl.emulator.settings import Fault
from voicectl.files import Scratch
from voicectl.state.file import FileStore

JSON = ("--log-format", "json")


def events(err: str, code: int | None = None) -> list[dict[str, Any]]:
    """The lines of a log, which must be one: of one run, in order, from its first line to its last."""
    lines = [json.loads(line) for line in err.splitlines()]
    assert KEY not in err
    assert len({line["run"] for line in lines}) == 1
    assert re.fullmatch("[0-9a-f]{32}", lines[0]["run"])
    times = [line["time"] for line in lines]
    assert times == sorted(times)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment) for moment in times)
    assert [line["event"] for line in lines].index("run") == 0
    if code is not None:
        assert (lines[-1]["event"], lines[-1]["exit_code"]) == ("end", code)
        assert sum(line["event"] in ("run", "end") for line in lines) == 2
    return lines


def of(lines: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == event]


def start(project: Project, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "voicectl", *JSON, *arguments],
        cwd=project.root,
        env={**os.environ, **project.environ},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "command"),
    [
        (("validate",), 0, "validate"),
        (("plan", "--detailed-exitcode"), 0, "plan"),
        (("plan", "--offline"), 0, "plan"),
        (("apply", "--yes"), 0, "apply"),
        (("drift",), 0, "drift"),
        (("list",), 0, "list"),
        (("output",), 0, "output"),
        (("doctor",), 0, "doctor"),
        (("state", "rebuild", "--yes"), 0, "state rebuild"),
        (("init", "new"), 0, "init"),
        (("say", "a", "Hello", "-o", "a.mp3"), 0, "say"),
        (("import", "--all"), 0, "import"),
        (("--version",), 0, ""),
        ((), 0, ""),
        (("plan", "--bogus"), 1, "plan"),
        (("plan", "--only", "nobody"), 1, "plan"),
        (("bogus",), 1, ""),
        (("apply", "--wait", "long"), 1, "apply"),
        (("-C", "nowhere", "plan"), 1, "plan"),
        (("emulator", "--host", "256.1.1.1"), 1, "emulator"),
        (("destroy", "--confirm", "other"), 3, "destroy"),
    ],
    ids=str,
)
def test_every_line_of_every_command_is_json(
    project: Project, arguments: tuple[str, ...], code: int, command: str
) -> None:
    project.voices({"a": {}})
    project.apply()
    # What a process says besides (at its beginning, at its end, of what was not closed) is tried with a few.
    whole = command in ("plan", "apply", "say", "emulator", "")
    done = (project.spawn if whole else project.run)(*JSON, *arguments).expect(code)
    lines = events(done.err, code)
    assert lines[0]["command"] == command
    if code:
        (error,) = of(lines, "error")
        assert error["message"]


def test_the_environment_and_the_last_word_choose_too(project: Project) -> None:
    project.voices({"a": {}})
    project.environ["VOICECTL_LOG_FORMAT"] = "json"
    events(project.run("plan", "--nonsense").err, 1)
    assert project.run("plan", "--log-format", "text", "--nonsense").err.startswith("error: ")
    events(project.run("plan", "--log-format", "text", *JSON).err, 0)
    del project.environ["VOICECTL_LOG_FORMAT"]
    spoken = project.run("say", "-o", "x.mp3", "--", "a", "--log-format=json")
    assert spoken.err.startswith("error: "), "what is to be spoken is no option"


def test_an_apply_tells_what_each_change_took(project: Project, hand: Hand) -> None:
    project.config(concurrency=1, environments={"staging": {}})
    project.voices({"a": {}, "b": {"tags": ["broken"]}, "c": {}})
    refused = Fault(kind="status", method=("POST",), path="/model", nth=(2,), status=400)
    hand.emulator.settings = replace(hand.emulator.settings, latency=50, rules=(refused,))
    lines = events(project.run("apply", "--yes", "-e", "staging", *JSON).err, 1)
    assert (lines[0]["catalog"], lines[0]["environment"]) == ("acme", "staging")
    assert of(lines, "planned")[0]["total"] == 3
    ended = [line for line in lines if line["event"] in ("done", "failed")]
    assert [(line["event"], line["voice"], line["done"], line["total"]) for line in ended] == [
        ("done", "a", 1, 3),
        ("failed", "b", 2, 3),
        ("done", "c", 3, 3),
    ]
    assert all(0.05 <= line["seconds"] < 5 for line in ended)
    (trouble,) = of(lines, "request")
    assert (trouble["method"], trouble["path"], trouble["status"]) == ("POST", "/model", 400)
    assert f"(request id {trouble['request_id']})" in ended[1]["detail"]
    assert lines[-1]["seconds"] >= sum(line["seconds"] for line in ended)


def test_with_v_every_request_is_told_as_the_emulator_saw_it(project: Project, hand: Hand) -> None:
    project.voices({"a": {}, "b": {}})
    lines = events(project.run("apply", "--yes", "-v", *JSON).err, 0)
    told = {line["request_id"]: (line["method"], line["path"], line["status"]) for line in of(lines, "request")}
    seen = hand.http.get("/_emulator/log").json()["entries"]
    assert told == {entry["request_id"]: (entry["method"], entry["path"], entry["status"]) for entry in seen}
    assert not of(events(project.run("plan", *JSON).err, 0), "request"), "without -v all went well"


def test_a_lost_response_and_its_repetition(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    project.apply()
    project.voices({"a": {"title": "New"}, "b": {}})
    hand.emulator.log.clear()
    lost = [Fault(kind="reset_after", method=(method,), path="/model*", nth=(1,)) for method in ("PATCH", "POST")]
    hand.emulator.settings = replace(hand.emulator.settings, rules=tuple(lost))
    lines = events(project.run("apply", "--yes", *JSON).err, 0)
    told = {(line["method"], line["status"], line["request_id"]) for line in of(lines, "request")}
    _, second = (entry for entry in hand.emulator.log.entries() if entry.method == "PATCH")
    # An answer that never came has no id; the repetition is told, although it succeeded; creations are looked for.
    assert told == {("PATCH", None, None), ("PATCH", 200, second.request_id), ("POST", None, None)}
    assert len(of(lines, "retrying")) == 2


def test_text_errors_name_the_request_id(project: Project, hand: Hand) -> None:
    project.voices({"a": {}})
    hand.emulator.settings = replace(hand.emulator.settings, keys=("another-key",))
    done = project.run("plan").expect(1)
    (entry,) = hand.emulator.log.entries()
    words = "No permission -- see authorization schemes"
    assert f"does not accept the API key (401): {words} (request id {entry.request_id})" in done.err


HOSTILE_ID = f"::error::x ##[group]y {KEY} " + "z" * 500


@pytest.fixture
def hostile() -> Iterator[RunningEmulator]:
    """A server whose request ids, and one error, are what an attacker would like to see in a log."""

    def wrap(app: Any) -> Any:
        async def served(scope: Any, receive: Any, send: Any) -> None:
            async def spoiled(message: Any) -> None:
                if message["type"] == "http.response.start":
                    kept = [pair for pair in message["headers"] if pair[0] != b"x-request-id"]
                    message = {**message, "headers": [*kept, (b"x-request-id", HOSTILE_ID.encode())]}
                await send(message)

            await app(scope, receive, spoiled)

        return served

    with RunningEmulator(wrap=wrap) as emulator:
        body = json.dumps({"message": f"no: Bearer {KEY}\n::error::forged\n\x1b[2J\u202e"})
        rule = Fault(kind="status", method=("POST",), path="/model", status=400, body=body)
        emulator.settings = replace(emulator.settings, rules=(rule,))
        yield emulator


@pytest.mark.parametrize("arguments", [JSON, (*JSON, "-v"), (), ("-v",)], ids=" ".join)
def test_what_a_server_says_forges_nothing(
    project: Project, hostile: RunningEmulator, arguments: tuple[str, ...]
) -> None:
    project.environ["FISH_API_URL"] = hostile.url
    project.voices({"a": {"title": "::error::title\n##[endgroup]"}})
    done = project.run("apply", "--yes", *arguments).expect(1)
    for text in (done.err, done.out):
        assert KEY not in text
        assert "##[" not in text
        assert "\x1b" not in text
        assert "z" * 101 not in text
        assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]
    if JSON[0] in arguments:
        (failed,) = of(events(done.err, 1), "failed")
        assert "Bearer …\n::error::forged" in failed["detail"], "JSON keeps the text, and its line is one line"


def test_a_server_that_is_not_there(project: Project) -> None:
    project.voices({"a": {}})
    project.apply()
    project.environ["FISH_API_URL"] = "http://127.0.0.1:9"
    lines = events(project.run("say", "a", "Hello", "-o", "a.mp3", *JSON).err, 1)
    (request,) = of(lines, "request")
    assert (request["method"], request["path"], request["status"], request["request_id"]) == (
        "POST",
        "/v1/tts",
        None,
        None,
    )
    assert of(lines, "error")[0]["code"] == "unreachable"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_early(project: Project, hand: Hand, number: int) -> None:
    project.config(concurrency=2)
    project.voices({f"v{i}": {} for i in range(10)})
    hand.emulator.settings = replace(hand.emulator.settings, latency=300)
    process = start(project, "apply", "--yes")
    while len(hand.models()) < 2:
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    lines = events(err, None if number == signal.SIGKILL else 130)
    assert of(lines, "started")
    if number != signal.SIGKILL:
        assert of(lines, "error")[0]["code"] == "interrupted"


def test_a_question_is_a_line_too(project: Project, hand: Hand) -> None:
    pty = pytest.importorskip("pty", reason="needs a pseudo-terminal")
    project.voices({"a": {}})
    master, slave = pty.openpty()
    process = start(project, "apply", stdin=slave)
    os.close(slave)
    os.write(master, b"yes\n")
    _, err = process.communicate(timeout=30)
    os.close(master)
    assert of(events(err, 0), "question")[0]["detail"] == "Apply? Type 'yes' to go on"
    assert len(hand.models()) == 1


def test_waiting_and_warnings_are_lines(project: Project) -> None:
    project.voices({"a": {"samples": [{"audio": project.sample("short.wav", seconds=4)}]}})
    with FileStore(project.lock_path, project.lock_path.name, Scratch(project.root)).lease(
        "voicectl apply", 0, lambda holder: None, "0123"
    ):
        done = project.run("apply", "--yes", "--lock-timeout", "0.1", *JSON).expect(4)
    lines = events(done.err, 4)
    assert not of(lines, "problem"), "manifests are read once nobody else is at work"
    warned = events(project.run("plan", *JSON).expect(0).err, 0)
    (problem,) = of(warned, "problem")
    assert (problem["level"], problem["file"]) == ("warning", "voices/all.yaml")
    assert "waiting up to 0.1 s for another run" in of(lines, "note")[0]["detail"]
    assert "run 0123" in of(lines, "error")[0]["message"], "the other run's log can be found"


def test_refusals_are_lines(project: Project) -> None:
    project.voices({f"v{i}": {} for i in range(4)})
    project.apply()
    project.voices({"v0": {}})
    lines = events(project.run("plan", *JSON).err, 3)
    (refused,) = of(lines, "refused")
    assert refused["detail"].startswith("3 of 4 voices would be retired or deleted")
    assert refused["voices"] == ["v1", "v2", "v3"]


BROKEN = """
import logging, sys, warnings
import click
from voicectl.cli.commands import drift
from voicectl.cli.main import main

def broken(*args, **options):
    print("printed", file=sys.stderr)
    click.echo("echoed", err=True)
    warnings.warn("warned")
    logging.getLogger("any").error("logged")
    click.echo("no end of line", err=True, nl=False)
    raise RuntimeError("broken")

drift.observed = broken
sys.exit(main())
"""


def test_whatever_python_writes_becomes_a_line(project: Project) -> None:
    project.voices({"a": {}})
    script = str(project.write("broken.py", BROKEN))
    lines = events(project.spawn_script(script, "drift", "-vv", *JSON).expect(1).err, 1)
    notes = " ".join(line["detail"] for line in of(lines, "note"))
    assert all(word in notes for word in ("printed", "echoed", "warned", "logged", "no end of line"))
    (error,) = of(lines, "error")
    assert error["message"] == "internal error: RuntimeError: broken"
    assert 'raise RuntimeError("broken")' in error["traceback"]
    assert "traceback" not in of(events(project.spawn_script(script, "drift", *JSON).err, 1), "error")[0]
    assert "Traceback" in project.spawn_script(script, "drift", "-vv").err, "people have it as it is"


def test_the_emulators_address_is_a_line(project: Project) -> None:
    process = start(project, "emulator", "--port", "0")
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    answer = httpx.get(f"{url}/model?self=true", trust_env=False)
    assert answer.status_code == 401
    assert (
        httpx.get(f"{url}/_emulator/log", trust_env=False).json()["entries"][0]["request_id"]
        == (answer.headers["x-request-id"])
    )
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert url in of(events(err, 0), "note")[0]["detail"]
