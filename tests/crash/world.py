"""A world for crashes: a project and an account that can be copied, killed in the middle, and compared."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from tests.conftest import KEY, Project
from tests.warm import COMMAND, Running, warm
from voicectl.emulator.server import RunningEmulator

CHILD = str(Path(__file__).with_name("child.py"))
Phase = Literal["before", "after", "late", "full"]
"""Of a request: before the work is done, after it and before the response, or held back and done later.
Of a save: before it or after it; or the disk is full from then on, and the process ends by itself."""


class Killer:
    """Sits before the emulator and kills a process at its n-th request. Counts from 1.

    A request that is held back (`late`) is done when the `deliver_at`-th request comes, before that one's work.
    """

    def __init__(self, app: Any) -> None:
        self.app = app
        self.methods: list[str] = []
        self.held: list[tuple[Any, list[Any]]] = []
        self.deliver_at: int | None = None
        self.number: int | None = None
        self.phase: Phase = "before"
        self.process: Running | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_emulator"):
            await self.app(scope, receive, send)
            return
        self.methods.append(scope["method"])
        if len(self.methods) == self.deliver_at:
            await self.deliver()
        if len(self.methods) != self.number:
            await self.app(scope, receive, send)
            return
        if self.phase == "late":
            self.held.append((scope, await _whole(receive)))
        elif self.phase == "after":
            await self.app(scope, receive, _swallow)
        while self.process is None:
            await _moment()
        os.kill(self.process.pid, signal.SIGKILL)

    async def deliver(self) -> None:
        """Do what was held back; nobody gets the responses."""
        held, self.held = self.held, []
        for scope, messages in held:
            remaining = iter(messages)

            async def receive(remaining: Iterator[Any] = remaining) -> Any:
                return next(remaining, {"type": "http.disconnect"})

            await self.app(scope, receive, _swallow)


async def _whole(receive: Any) -> list[Any]:
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    return messages


async def _swallow(message: Any) -> None:
    """The response that nobody gets."""


async def _moment() -> None:
    import asyncio

    await asyncio.sleep(0.01)


@dataclass
class World:
    """A project directory and an account's database, side by side in one directory."""

    root: Path
    port: int = 0
    killer: Killer | None = field(default=None, repr=False)
    emulator: RunningEmulator | None = field(default=None, repr=False)
    held: list[tuple[Any, list[Any]]] = field(default_factory=list, repr=False)
    """Requests that were sent and have not arrived yet; they outlive the process that sent them."""

    @property
    def project(self) -> Project:
        url = f"http://127.0.0.1:{self.port}"
        return Project(self.root / "project", {"FISH_API_URL": url, "FISH_API_KEY": KEY})

    @property
    def database(self) -> Path:
        return self.root / "account.db"

    def copy(self, target: Path) -> World:
        shutil.copytree(self.root, target)
        return World(target, self.port, held=list(self.held))

    @contextmanager
    def served(self) -> Iterator[RunningEmulator]:
        """The account over TCP, always on the port that the lockfile knows."""
        made: list[Killer] = []

        def wrap(app: Any) -> Killer:
            made.append(Killer(app))
            return made[0]

        with RunningEmulator(db=self.database, port=self.port, wrap=wrap) as emulator:
            self.port = int(emulator.url.rpartition(":")[2])
            self.killer = made[0]
            self.killer.held = self.held
            self.emulator = emulator
            yield emulator
            self.held = self.killer.held
        self.killer = self.emulator = None

    def readdress(self) -> None:
        """Let the lockfile speak of the port that this copy of the account is served on."""
        path = self.project.lock_path
        if path.exists():
            lock = json.loads(path.read_text(encoding="utf-8"))
            lock["provider"]["host"] = f"127.0.0.1:{self.port}"
            path.write_text(json.dumps(lock, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
        path = self.project.root / "plan.json"
        if path.exists():
            plan = json.loads(path.read_text(encoding="utf-8"))
            plan["provider"]["host"] = f"127.0.0.1:{self.port}"
            path.write_text(json.dumps(plan), encoding="utf-8")

    def killed_at_request(self, number: int, phase: Phase, *arguments: str) -> int:
        """Run the command until its n-th request kills it; the exit code."""
        assert self.killer is not None
        self.killer.number, self.killer.phase = number, phase
        self.killer.process = process = self._start(*arguments)
        code = process.wait(60)
        self.killer.number = None
        return code

    def killed_at_save(self, number: int, phase: Phase, *arguments: str) -> int:
        """Run the command until its n-th save kills it; the exit code."""
        return self._start(phase, str(number), *arguments, what=CHILD).wait(60)

    def unkilled(self, *arguments: str) -> str:
        """Run the command to its end, and return what it said on standard error."""
        code = self._start("after", "0", *arguments, what=CHILD).wait(60)
        told = (self.root / "stderr.txt").read_text(encoding="utf-8")
        if code != 0:
            raise RuntimeError(f"the undisturbed apply ended with {code}\n{told}")
        return told

    def _start(self, *arguments: str, what: str = COMMAND) -> Running:
        project = self.project
        with (self.root / "stderr.txt").open("wb") as told, open(os.devnull, "r+b") as nothing:
            env = {**os.environ, **project.environ}
            return warm().start(*arguments, what=what, cwd=project.root, env=env, streams=(nothing, nothing, told))


def violations(emulator: RunningEmulator, project: Project, reference: Reference, *, twins: bool = False) -> list[str]:
    """What is wrong after recovery; empty where every promise held. With `twins`, retired ones may be there."""
    found: list[str] = []
    plan = project.run("plan", "--detailed-exitcode")
    if plan.code != 0:
        found.append(f"the plan is not empty: exit {plan.code}\n{plan.out}{plan.err}")
    if not project.lock_path.exists():
        return [*found, "there is no lockfile"]
    lock = project.lock
    models = {model["_id"]: model for model in emulator.store.models()}
    names = set(yaml.safe_load((project.root / "voices/all.yaml").read_text())["voices"])
    if set(lock["voices"]) != names:
        found.append(f"recorded voices are {sorted(lock['voices'])} instead of {sorted(names)}")
    current = {name: record["id"] for name, record in lock["voices"].items()}
    found += [f"{name}'s model {i} is not in the account" for name, i in current.items() if i not in models]
    known = _known(lock)
    ours = {i: m for i, m in models.items() if "voicectl:acme" in m["tags"]}
    found += [f"model {i} carries our marks and is unknown to the lock" for i in ours.keys() - known]
    found += [f"id {i} was lost" for i in sorted(reference.kept - models.keys())]
    markers = Counter(tag for m in ours.values() for tag in m["tags"] if tag.count(":") > 1)
    surplus = markers - reference.markers - reference.optional
    if twins:
        surplus -= Counter(f"{tag}:retired" for tag in reference.markers)
    missing = reference.markers - markers
    found += [f"surplus model with {tag}" for tag in surplus.elements()]
    found += [f"no model with {tag}" for tag in missing.elements()]
    foreign = {i: m for i, m in models.items() if i in reference.foreign}
    found += [f"foreign model {i} changed" for i, m in reference.foreign.items() if stable(foreign.get(i)) != stable(m)]
    return found


def _known(lock: dict[str, Any]) -> set[str]:
    known = {record["id"] for record in lock["voices"].values()}
    known |= {record["pending"]["id"] for record in lock["voices"].values() if record["pending"]}
    known |= {gone["id"] for record in lock["voices"].values() for gone in record["retired"]}
    return known | {gone["id"] for entry in lock["removed"].values() for gone in entry["retired"]}


def stable(model: dict[str, Any] | None) -> Any:
    """A model without its samples, whose urls are signed anew each time."""
    return model and json.dumps({k: v for k, v in model.items() if k != "samples"}, sort_keys=True)


@dataclass(frozen=True)
class Reference:
    """How it looks when nothing was killed.

    `markers` are all our models by their markers; `optional` may be there as well (a generation whose
    retention begins anew when the lockfile was lost); `kept` ids must survive; `foreign` stay as they are.
    """

    markers: Counter[str]
    optional: Counter[str]
    kept: frozenset[str]
    foreign: dict[str, Any]
    methods: tuple[str, ...] = ()
    """Of the requests of the undisturbed apply, in order."""
    saves: int = 0
