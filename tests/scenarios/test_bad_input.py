"""Bad input: a message a stranger can act on, the right exit code, and nothing remote touched."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import KEY, Hand, Project
from voicectl.emulator.settings import Fault

GOOD = {"title": "Narrator"}


def voice(project: Project, **changes: Any) -> dict[str, Any]:
    return {"title": "Narrator", "samples": [{"audio": project.sample("a.wav")}], **changes}


def manifest(project: Project, **changes: Any) -> None:
    project.voices({"narrator": voice(project, **changes)})


def raw(text: str) -> Callable[[Project], None]:
    def write(project: Project) -> None:
        project.sample("a.wav")
        project.write("voices/all.yaml", text)

    return write


def samples(count: int) -> Callable[[Project], None]:
    def write(project: Project) -> None:
        manifest(project, samples=[{"audio": project.sample(f"{n}.wav")} for n in range(count)])

    return write


def linked_outside(project: Project) -> None:
    outside = project.root.parent / "outside.wav"
    project.sample("real.wav")
    (project.root / "samples/real.wav").rename(outside)
    (project.root / "samples/link.wav").symlink_to(outside)
    manifest(project, samples=[{"audio": "../samples/link.wav"}])


def in_git(project: Project) -> None:
    project.sample("x.wav")
    (project.root / ".git").mkdir()
    (project.root / "samples/x.wav").rename(project.root / ".git/x.wav")
    manifest(project, samples=[{"audio": "../.git/x.wav"}])


def content(name: str, data: bytes) -> Callable[[Project], None]:
    def write(project: Project) -> None:
        manifest(project, samples=[{"audio": f"../samples/{name}"}])
        (project.root / "samples" / name).write_bytes(data)

    return write


def truncated(project: Project) -> None:
    manifest(project)
    path = project.root / "samples/a.wav"
    path.write_bytes(path.read_bytes()[:2000])


def not_utf8(project: Project) -> None:
    manifest(project)
    (project.root / "voices/all.yaml").write_bytes(b"voices:\n  a: {title: \xff}\n")


DAMAGED_LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\n"

FILES: list[tuple[str, Callable[[Project], None], list[str]]] = [
    ("not utf-8", not_utf8, ["voices/all.yaml:2", "UTF-8"]),
    ("broken yaml", raw("voices:\n  narrator: {title: [}\n"), ["voices/all.yaml:2"]),
    (
        "conflict marks",
        raw("voices:\n<<<<<<< ours\n  a: {title: A}\n=======\n"),
        ["all.yaml:2:1: merge-conflict"],
    ),
    ("duplicate key", raw("voices:\n  a: {title: A}\n  a: {title: B}\n"), ["voices/all.yaml:3:3", "a"]),
    ("unknown key", lambda p: manifest(p, titel="x"), ["titel", "did you mean 'title'?"]),
    ("title is a list", lambda p: manifest(p, title=["x"]), ["title"]),
    ("title is a number", lambda p: manifest(p, title=2026), ["title", "quotes"]),
    ("tags is a text", lambda p: manifest(p, tags="x"), ["tags"]),
    ("visibility", lambda p: manifest(p, visibility="unlisted"), ["not one of private, unlist, public", "'unlist'?"]),
    ("voices is a list", raw("voices: [a]\n"), ["voices"]),
    ("name", raw("voices:\n  Bad Name: {title: A, samples: [{audio: ../samples/a.wav}]}\n"), ["Bad Name"]),
    ("no samples", lambda p: manifest(p, samples=[]), ["samples"]),
    ("21 samples", samples(21), ["samples", "20"]),
    (
        "some transcripts",
        lambda p: manifest(p, samples=[{"audio": p.sample("a.wav"), "transcript": "x"}, {"audio": p.sample("b.wav")}]),
        ["transcript"],
    ),
    ("missing sample", lambda p: manifest(p, samples=[{"audio": "../samples/none.wav"}]), ["none.wav"]),
    ("a directory", lambda p: manifest(p, samples=[{"audio": "../samples"}]), ["directory"]),
    ("outside", lambda p: manifest(p, samples=[{"audio": "../../secret.wav"}]), ["outside"]),
    ("link outside", linked_outside, ["outside"]),
    ("under .git", in_git, [".git"]),
    ("text named wav", content("t.wav", b"These are words, not sound.\n" * 10), ["t.wav"]),
    ("truncated wav", truncated, ["a.wav"]),
    ("empty mp3", content("e.mp3", b""), ["e.mp3", "empty"]),
    ("damaged lfs pointer", content("l.wav", DAMAGED_LFS), ["git lfs pull"]),
    ("public without cover", lambda p: manifest(p, visibility="public"), ["cover_image"]),
    ("comma in tag", lambda p: manifest(p, tags=["a,b"]), ["comma"]),
    ("our prefix", lambda p: manifest(p, tags=["voicectl:x"]), ["voicectl:"]),
    ("nothing matches", lambda p: None, ["voices"]),
]


@pytest.mark.parametrize(("write", "words"), [(f[1], f[2]) for f in FILES], ids=[f[0] for f in FILES])
@pytest.mark.parametrize("command", ["validate", "apply"])
def test_bad_files(
    project: Project, hand: Hand, command: str, write: Callable[[Project], None], words: list[str]
) -> None:
    write(project)
    done = project.run(command, *(["--yes"] if command == "apply" else [])).expect(1)
    for word in words:
        assert word in done.err, done.err
    assert "Traceback" not in done.err
    assert hand.requests() == []
    document = project.run("validate", "--format", "json").expect(1).json
    assert document["error"]["code"] == "invalid_files"
    assert all(where["line"] >= 1 and where["column"] >= 1 for where in document["error"]["where"])


def test_every_problem_is_told_in_one_run_in_order(project: Project) -> None:
    project.write("voices/b.yaml", "voices:\n  b: {titel: B}\n")
    project.write("voices/a.yaml", "voices:\n  a:\n    visibility: open\n    samples: []\n")
    lines = [line for line in project.run("validate").err.splitlines() if line.startswith("voices/")]
    places = [tuple(line.split(":")[:2]) for line in lines]
    assert len(lines) >= 4
    assert [(file, int(line)) for file, line in places] == sorted((file, int(line)) for file, line in places)


def test_annotations_for_github(project: Project) -> None:
    project.write("voices/a.yaml", 'voices:\n  a: {titel: "B%"}\n')
    out = project.run("validate", "--format", "github").expect(1).out
    assert out.startswith("::error file=voices/a.yaml,line=2,col=")


def test_no_project_file(tmp_path: Path) -> None:
    done = Project(tmp_path).run("plan").expect(1)
    assert "voicectl.yaml" in done.err
    assert "voicectl init" in done.err


def test_a_missing_and_an_unknown_environment(project: Project) -> None:
    project.config(environments={"production": {}, "staging": {}})
    manifest(project)
    assert "production, staging" in project.run("plan").expect(1).err
    assert "did you mean 'staging'?" in project.run("-e", "stagin", "plan").expect(1).err


def locked(project: Project) -> dict[str, Any]:
    manifest(project)
    project.apply()
    return project.lock


def _cut(project: Project) -> None:
    project.lock_path.write_bytes(project.lock_path.read_bytes()[:-40])


def _empty(project: Project) -> None:
    project.lock_path.write_text("")


def _conflict(project: Project) -> None:
    text = project.lock_path.read_text()
    project.lock_path.write_text("<<<<<<< ours\n" + text + "=======\n" + text + ">>>>>>> theirs\n")


def _change(**values: Any) -> Callable[[Project], None]:
    def change(project: Project) -> None:
        project.lock_path.write_text(json.dumps({**project.lock, **values}))

    return change


def _identity(**values: Any) -> Callable[[Project], None]:
    def change(project: Project) -> None:
        lock = project.lock
        lock["provider"] |= values
        project.lock_path.write_text(json.dumps(lock))

    return change


LOCKS: list[tuple[str, Callable[[Project], None], int, str]] = [
    ("truncated", _cut, 1, "not complete JSON"),
    ("empty", _empty, 1, "empty"),
    ("conflict marks", _conflict, 1, "merge-conflict"),
    ("other catalog", _change(catalog="other"), 1, "catalog other"),
    ("other environment", _change(environment="staging"), 1, "environment staging"),
    ("newer", _change(format_version=2), 1, "newer"),
    ("unknown key", _change(surplus=1), 1, "surplus"),
    ("other host", _identity(host="api.fish.audio"), 1, "api.fish.audio"),
    ("other account", _identity(account="f" * 32), 3, "f" * 32),
]


@pytest.mark.parametrize(("damage", "code", "word"), [lock[1:] for lock in LOCKS], ids=[lock[0] for lock in LOCKS])
def test_a_lockfile_that_can_not_be_used(
    project: Project, hand: Hand, damage: Callable[[Project], None], code: int, word: str
) -> None:
    locked(project)
    damage(project)
    before = project.lock_path.read_bytes()
    hand.emulator.log.clear()
    done = project.run("apply", "--yes").expect(code)
    assert word in done.out + done.err
    assert not hand.mutating()
    assert project.lock_path.read_bytes() == before


def test_no_key(project: Project, hand: Hand) -> None:
    manifest(project)
    del project.environ["FISH_API_KEY"]
    assert "FISH_API_KEY" in project.run("plan").expect(1).err
    project.run("plan", "--offline").expect(0)
    assert hand.requests() == []


def test_a_bad_key_and_no_credit(project: Project, hand: Hand) -> None:
    manifest(project)
    hand.emulator.settings = replace(hand.emulator.settings, keys=("another-key-entirely",))
    done = project.run("apply", "--yes", "--format", "json").expect(1)
    assert done.json["error"]["code"] == "unauthorized"
    assert KEY not in done.out + done.err
    # Nobody saw a creation refused for want of credit, which belongs to speech; a provider may change its mind.
    no_credit = Fault("status", status=402, method=("POST",), path="/model")
    hand.emulator.settings = replace(hand.emulator.settings, keys=(), rules=(no_credit,))
    project.voices({name: voice(project) for name in ("a", "b", "c")})
    done = project.run("apply", "--yes", "--format", "json").expect(1)
    assert done.json["error"]["code"] == "no_credit"
    assert {result["status"] for result in done.json["results"]} <= {"failed", "not_tried"}
    assert hand.models() == []


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://example.org", "plain http"),
        ("http://10.0.0.1:8080", "plain http"),
        ("ftp://example.org", "not an address"),
        ("https://user:secret@example.org", "user name"),
        ("nonsense", "not an address"),
    ],
)
def test_addresses_where_the_key_must_not_go(project: Project, url: str, word: str) -> None:
    manifest(project)
    project.environ["FISH_API_URL"] = url
    assert word in project.run("plan").expect(1).err


@contextmanager
def answering(answer: bytes | None) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers every connection with these bytes; None: never."""
    server = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            held.append(connection)
            seen.append(connection.recv(65536))
            if answer is not None:
                connection.sendall(answer)
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}", seen
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for connection in held:
            connection.close()
        thread.join(2)


def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real waiting with shorter times: the defaults wait for minutes."""
    from voicectl.provider.fish import client
    from voicectl.provider.fish.bounds import Patience

    quick = Patience(connect=1, read=0.3, first_pause=0.05, deadline=0.6)
    monkeypatch.setattr(client.FishClient.__init__, "__kwdefaults__", _with(client, quick))


def _with(client: Any, patience: Any) -> dict[str, Any]:
    return {**client.FishClient.__init__.__kwdefaults__, "patience": patience}


HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<html>no</html>"
HALF = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"total": 1, "it'
AWAY = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://elsewhere.example/model\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "word"),
    [(None, "did not answer"), (HTML, "text/html"), (HALF, "broke"), (AWAY, "elsewhere.example")],
    ids=["hangs", "html", "half", "redirect"],
)
def test_an_endpoint_that_misbehaves(
    project: Project, monkeypatch: pytest.MonkeyPatch, answer: bytes | None, word: str
) -> None:
    _impatient(monkeypatch)
    manifest(project)
    with answering(answer) as (url, seen):
        project.environ["FISH_API_URL"] = url
        done = project.run("plan").expect(1)
    assert word in done.err
    assert seen
    assert KEY not in done.err + done.out


def test_an_endpoint_that_refuses(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    _impatient(monkeypatch)
    manifest(project)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    project.environ["FISH_API_URL"] = f"http://127.0.0.1:{port}"
    assert "can't be reached" in project.run("plan").expect(1).err


def test_usage_errors_exit_with_1_and_as_json_where_asked(project: Project) -> None:
    manifest(project)
    assert "--fromat" in project.run("plan", "--fromat", "json").expect(1).err
    done = project.run("plan", "--format", "json", "--max-deletes", "many").expect(1)
    assert done.json["error"]["code"] == "usage"
    done = project.run("plan", "--format", "json", "--only", "nobody").expect(1)
    assert "matches no voice" in done.json["error"]["message"]


def test_nobody_to_ask(project: Project, hand: Hand) -> None:
    manifest(project)
    done = project.run("apply").expect(3)
    assert "--yes" in done.err
    assert not hand.mutating()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_project_is_refused_before_the_first_change(project: Project, hand: Hand) -> None:
    manifest(project)
    project.root.chmod(0o555)
    try:
        project.run("apply", "--yes").expect(1)
    finally:
        project.root.chmod(0o755)
    assert not hand.mutating()


def test_a_state_that_can_not_be_saved_is_refused_before_the_first_change(project: Project, hand: Hand) -> None:
    project.config(state="locked/voicectl.lock.json")
    project.write("locked", "a file where a directory should be")
    manifest(project)
    project.run("apply", "--yes").expect(1)
    assert not hand.mutating()


def test_a_link_to_a_directory_of_manifests_is_an_error_not_a_removal(project: Project) -> None:
    project.voices({"a": {}}, file="voices/sub/a.yaml")
    text = (project.root / "voices/sub/a.yaml").read_text().replace("../samples", "../../samples")
    (project.root / "voices/sub/a.yaml").write_text(text)
    project.voices({"b": {}})
    project.apply()
    (project.root / "voices/sub").rename(project.root / "real")
    (project.root / "voices/sub").symlink_to("../real")
    for command in ("validate", "plan"):
        assert "voices/sub:1:1: this is a link to a directory" in project.run(command).expect(1).err


def test_with_json_logs_a_failure_is_an_event_too(project: Project) -> None:
    project.voices({"a": {"visibility": "unlisted"}})
    done = project.run("plan", "--log-format", "json").expect(1)
    _, event, _ = map(json.loads, done.err.splitlines())
    assert (event["event"], event["code"]) == ("error", "invalid_files")
    assert event["problems"][0]["file"] == "voices/all.yaml"
