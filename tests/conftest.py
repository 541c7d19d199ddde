"""A temporary project, the real commands, and the emulator over TCP."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.pauses import of_applies, shorten
from tests.warm import warm
from voicectl.cli.main import main
from voicectl.cli.printing import CI_VARIABLES
from voicectl.emulator.server import RunningEmulator
from voicectl.emulator.store import Store

for _name in (*CI_VARIABLES, "GITHUB_WORKSPACE"):
    os.environ.pop(_name, None)  # these tests may run in a CI themselves, whose display no command is to follow

# Thousands of commands are run as processes: what each of them would compile is compiled once.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# These tests may run in the background, where signals are ignored; the commands that they send signals to are not.
with contextlib.suppress(ValueError):  # not the main thread
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):  # Windows has none
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

ROOT = Path(__file__).resolve().parents[1]
KEY = "key-of-the-tests-1234"


class Terminal(io.StringIO):
    """A terminal, and what a person types at it."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def expect(self, code: int) -> Done:
        assert self.code == code, f"exit {self.code} instead of {code}\n--- out\n{self.out}\n--- err\n{self.err}"
        return self


@dataclass
class Project:
    """A project directory, and commands run in it."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, text: str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
        return target

    def config(self, **keys: Any) -> None:
        self.write("voicectl.yaml", yaml.safe_dump({"catalog": "acme", **keys}, sort_keys=False))

    def config_of(self) -> dict[str, Any]:
        value: dict[str, Any] = yaml.safe_load((self.root / "voicectl.yaml").read_text(encoding="utf-8"))
        return value

    def sample(self, name: str, text: str = "", seconds: float = 11.0) -> str:
        """A wav file whose bytes depend on `text`; the path as a manifest in voices/ names it."""
        target = self.root / "samples" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(target), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(1)
            file.setframerate(800)
            frames = (text or name).encode().ljust(16, b"\x80")
            file.writeframes(frames + b"\x80" * (int(800 * seconds) - len(frames)))
        return f"../samples/{name}"

    def voices(self, voices: Mapping[str, Any], file: str = "voices/all.yaml", **more: Any) -> None:
        """Write a manifest; a voice without samples (and without `model`) gets one of its own."""
        full = {name: self.complete(name, voice) for name, voice in voices.items()}
        self.write(file, yaml.safe_dump({"voices": full, **more}, sort_keys=False, allow_unicode=True))

    def complete(self, name: str, voice: Mapping[str, Any]) -> dict[str, Any]:
        whole: dict[str, Any] = {"title": name.title(), **voice}
        if "samples" not in whole and "model" not in whole:
            whole["samples"] = [{"audio": self.sample(f"{name}.wav")}]
        return whole

    @property
    def lock_path(self) -> Path:
        hidden = self.root / ".voicectl/emulator.lock.json"
        return hidden if hidden.exists() else self.root / "voicectl.lock.json"

    @property
    def lock(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.lock_path.read_text(encoding="utf-8"))
        return value

    def run(self, *args: str, stdin: str | None = None) -> Done:
        """The command in this process, from its words to its exit code."""
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
        here = os.getcwd()
        patch = pytest.MonkeyPatch()
        try:
            for name in ("VOICECTL_ENV", "FISH_API_URL", "FISH_API_KEY", "NO_COLOR", "COLUMNS"):
                patch.delenv(name, raising=False)
            for name, value in self.environ.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.StringIO(stdin or ""))
            os.chdir(self.root)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main(args)
        finally:
            os.chdir(here)
            patch.undo()
        return Done(code, _text(out), _text(err))

    def spawn(self, *args: str, stdin: str | None = None, timeout: float = 60) -> Done:
        """The command in a process of its own."""
        return self._process(["-m", "voicectl", *args], stdin, timeout, {})

    def spawn_script(self, script: str, *args: str, timeout: float = 60) -> Done:
        """A script of the tests that runs the command in a process of its own."""
        return self._process([script, *args], None, timeout, {"PYTHONPATH": str(ROOT)})

    def spawn_several(self, *commands: Sequence[str], timeout: float = 60) -> list[Done]:
        """Commands one after the other in one process of their own."""
        several = str(ROOT / "tests/several.py")
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open(os.devnull, "rb") as nothing:
            streams = (nothing, out, err)
            process = warm().start(
                json.dumps(commands), what=several, cwd=self.root, env=self._environ(), streams=streams
            )
            code = process.wait(timeout)
            out.seek(0)
            err.seek(0)
            done = Done(code, out.read().decode(), err.read().decode())
        return [Done(*ended) for ended in done.expect(0).json]

    def _process(self, command: list[str], stdin: str | None, timeout: float, more: Mapping[str, str]) -> Done:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.root,
            env={**self._environ(), **more},
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def _environ(self) -> dict[str, str]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("VOICECTL_", "FISH_", "COLUMNS"))}
        return {**environ, **self.environ}

    def apply(self, *args: str) -> Done:
        return self.run("apply", "--yes", *args).expect(0)

    def plan(self, *args: str) -> dict[str, Any]:
        done = self.run("plan", "--format", "json", *args)
        assert done.code in (0, 2, 3), done.err
        value: dict[str, Any] = done.json
        return value

    def actions(self, *args: str) -> list[tuple[str, str]]:
        return [(change["name"], change["action"]) for change in self.plan(*args)["changes"]]

    def settled(self, *args: str) -> None:
        """The plan is empty."""
        done = self.run("plan", "--detailed-exitcode", *args)
        assert done.code == 0, done.out + done.err


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


@dataclass
class Hand:
    """The other hand: acts on the account with plain requests, as the web app would."""

    emulator: RunningEmulator
    http: httpx.Client

    @property
    def store(self) -> Store:
        return self.emulator.store

    def models(self) -> list[dict[str, Any]]:
        return list(self.emulator.store.models())

    def get(self, model_id: str) -> dict[str, Any]:
        value: dict[str, Any] = self.http.get(f"/model/{model_id}").raise_for_status().json()
        return value

    def stable(self, model_id: str) -> dict[str, Any]:
        """A model without its samples, whose urls are signed anew each time."""
        return {key: value for key, value in self.get(model_id).items() if key != "samples"}

    def patch(self, model_id: str, **values: Any) -> None:
        self.http.patch(f"/model/{model_id}", json=values).raise_for_status()

    def raw(self, model_id: str, **values: Any) -> None:
        """Sets what no API call can set."""
        self.http.post(f"/_emulator/models/{model_id}", json=values).raise_for_status()

    def delete(self, model_id: str) -> None:
        self.http.delete(f"/model/{model_id}").raise_for_status()

    def create(self, title: str, **values: Any) -> str:
        data = {"type": "tts", "train_mode": "fast", "title": title, "visibility": "private", **values}
        answer = self.http.post("/model", data=data, files=[("voices", ("a.wav", b"RIFF"))])
        return str(answer.raise_for_status().json()["_id"])

    def requests(self) -> list[tuple[str, str]]:
        return [(entry.method, entry.path) for entry in self.emulator.log.entries()]

    def mutating(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path in self.requests() if method != "GET"]


def hasten(monkeypatch: pytest.MonkeyPatch, **pauses: object) -> None:
    """Let an apply wait otherwise than other tests let it: `grace` after a lost answer, `looks` at what may lag."""
    of_applies(monkeypatch.setattr, **pauses)


PAST = "2020-01-01T00:00:00Z"


def age(project: Project, hand: Hand, *entries: dict[str, Any], when: str = PAST) -> None:
    """Let these retired models have been retired long ago: in the lockfile, and in the account, which is the proof."""
    lock = project.lock
    known = [gone for record in lock["voices"].values() for gone in record["retired"]]
    known += [gone for removed in lock["removed"].values() for gone in removed["retired"]]
    ids = {entry["id"] for entry in entries}
    for gone in known:
        if gone["id"] in ids:
            gone["retired_at"] = gone["delete_after"] = when
            hand.raw(gone["id"], updated_at=when)
    project.lock_path.write_text(json.dumps(lock, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that run in this process wait less; processes of their own wait in earnest."""
    shorten(monkeypatch.setattr)


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with RunningEmulator() as running:
        yield running


@pytest.fixture
def hand(emulator: RunningEmulator) -> Iterator[Hand]:
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=emulator.url, headers=headers, verify=False) as http:
        yield Hand(emulator, http)


@pytest.fixture
def project(tmp_path: Path, emulator: RunningEmulator) -> Project:
    """A project whose provider is the emulator over TCP."""
    made = Project(tmp_path / "project", {"FISH_API_URL": emulator.url, "FISH_API_KEY": KEY})
    made.root.mkdir()
    made.config()
    return made


@pytest.fixture
def local(tmp_path: Path) -> Project:
    """A project on the in-process emulator."""
    made = Project(tmp_path / "project")
    made.root.mkdir()
    made.config(provider="emulator")
    return made
