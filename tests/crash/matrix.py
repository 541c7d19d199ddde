"""Every request and every save of an apply, killed at each, and recovered from in three ways.

    python -m tests.crash.matrix [--every N] [--json FILE]

The apply creates, updates (a cover, too), replaces, restores, retires, prunes, moves, adopts, and finds an older
twin. It is a real process, killed with SIGKILL before a request's work, after the work and before the response,
before a save and after it; or its disk is full from a save on. Then apply runs again: on the same disk, on a fresh
clone with the lockfile as it was before, and with none.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from tests.conftest import PAST, Project
from tests.crash.world import Phase, Reference, World, violations
from tests.pauses import shorten

FULL: Phase = "full"
RECOVERIES = ("same disk", "old lockfile", "no lockfile")
COMMAND = ("apply", "--yes", "--quiet")
SAVED = ("apply", "plan.json", "--yes", "--quiet")


@dataclass(frozen=True)
class Point:
    """One moment of an apply at which the process dies."""

    kind: Literal["request", "save"]
    number: int
    phase: Phase

    deliver_at: int | None = None
    """For a late request: at which request of the recovery it arrives."""

    def __str__(self) -> str:
        late = f", arriving at request {self.deliver_at} of the recovery" if self.deliver_at else ""
        return f"{self.phase} {self.kind} {self.number}{late}"


def build(world: World, concurrency: int = 1) -> Reference:
    """A project one apply away from every action at once, its plan saved, and how it looks after that apply."""
    world.root.mkdir(parents=True, exist_ok=True)
    world.database.parent.mkdir(exist_ok=True)
    with world.served() as emulator:
        project = world.project
        project.root.mkdir()
        project.config(concurrency=concurrency, policy={"max_deletes": 9, "max_replaces": 9})
        first = ("updated", "replaced", "restored", "retired", "pruned", "teller", "adopted", "kept", "twin")
        project.voices({name: {} for name in first} | _covered(project, "one"))
        project.apply()
        restored = (project.root / "samples/restored.wav").read_bytes()
        project.sample("restored.wav", "another")
        stay: dict[str, Any] = {name: {} for name in first if name not in ("pruned", "restored")}
        project.voices(stay | _own("restored") | _covered(project, "one"))
        project.apply()
        _older_twin(emulator, project.lock["voices"]["twin"]["id"])
        hand = _foreign(emulator, world)
        (project.root / "samples/restored.wav").write_bytes(restored)
        project.sample("replaced.wav", "another")
        voices = {name: {} for name in ("kept", "adopted", "twin")} | _own("restored", "replaced")
        voices |= _covered(project, "two")
        voices |= {"updated": {"title": "New"}, "created": {"visibility": "unlist"}, "created2": {}}
        voices["narrator"] = {"samples": [{"audio": "../samples/teller.wav"}], "title": "Teller"}
        project.voices(voices, moved=[{"from": "teller", "to": "narrator"}])
        _age(project, emulator)
        project.run("plan", "--out", "plan.json").expect(0)
    return _reference(world, hand)


def _covered(project: Project, cover: str) -> dict[str, Any]:
    """A voice with this cover, and with two values besides that are sent along."""
    path = project.root / f"covers/{cover}.png"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + cover.encode().ljust(64, b"\0"))
    return {"covered": {"cover_image": f"../covers/{cover}.png", "description": cover}}


def _older_twin(emulator: Any, model_id: str) -> None:
    """Another clone has made the same model a day earlier, and pushed its lockfile nowhere."""
    from tests.conftest import KEY
    from voicectl.emulator.entity import Draft, workspace_of

    model = json.loads(emulator.store.get(model_id).text)
    made = emulator.store.create(Draft(workspace=workspace_of(KEY), title=model["title"], tags=tuple(model["tags"])))
    emulator.store.update(made.id, {"created_at": "2026-01-01T00:00:00.000000Z"}, touch=False)


def _own(*names: str) -> dict[str, Any]:
    return {name: {"samples": [{"audio": f"../samples/{name}.wav"}]} for name in names}


def _age(project: Project, emulator: Any) -> None:
    """Let the removed voice's retention be over, and forget that one voice was ever recorded."""
    lock = project.lock
    (gone,) = lock["removed"]["pruned"]["retired"]
    gone["retired_at"] = gone["delete_after"] = PAST
    emulator.store.update(gone["id"], {"updated_at": PAST}, touch=False)
    del lock["voices"]["adopted"]
    project.lock_path.write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _foreign(emulator: Any, world: World) -> dict[str, Any]:
    from tests.conftest import KEY
    from voicectl.emulator.entity import Draft, workspace_of

    tags = (("mine",), ("voicectl:other", "voicectl:other:kept:0123456789ab"))
    for number, each in enumerate(tags):
        emulator.store.create(Draft(workspace=workspace_of(KEY), title=f"Foreign {number}", tags=each))
    return {m["_id"]: m for m in emulator.store.models() if "voicectl:acme" not in m["tags"]}


def _reference(world: World, foreign: dict[str, Any]) -> Reference:
    """Run the apply undisturbed on a copy."""
    target = world.root.parent / "reference"
    copy = world.copy(target)
    with copy.served() as emulator:
        before = {m["_id"]: m for m in emulator.store.models() if "voicectl:acme" in m["tags"]}
        told = copy.unkilled(*COMMAND)
        assert copy.killer is not None
        methods, saves = tuple(copy.killer.methods), int(told.rpartition("saves: ")[2])
        after = {m["_id"]: m for m in emulator.store.models() if "voicectl:acme" in m["tags"]}
    shutil.rmtree(target)
    pruned = before.keys() - after.keys()
    return Reference(
        markers=_markers(after.values()),
        optional=_markers(before[i] for i in pruned),
        kept=frozenset(before.keys() - pruned),
        foreign=foreign,
        methods=methods,
        saves=saves,
    )


def _markers(models: Any) -> Counter[str]:
    return Counter(tag for model in models for tag in model["tags"] if tag.count(":") > 1)


def points(reference: Reference) -> list[Point]:
    """Every point of the matrix."""
    phases: tuple[Phase, ...] = ("before", "after")
    numbers = range(1, len(reference.methods) + 1)
    requests = [Point("request", n, phase) for n, phase in product(numbers, phases)]
    saves = [Point("save", n, phase) for n, phase in product(range(1, reference.saves + 1), (*phases, FULL))]
    posts = [n for n in numbers if reference.methods[n - 1] == "POST"]
    return requests + saves + [Point("request", n, "late", at) for n, at in product(posts, numbers)]


def cases(
    world: World, reference: Reference, point: Point, command: tuple[str, ...]
) -> Iterator[tuple[str, list[str]]]:
    """Kill at one point, then recover in each way; what was violated."""
    with tempfile.TemporaryDirectory(prefix="voicectl-crash-") as directory:
        killed = world.copy(Path(directory) / "killed")
        with killed.served():
            killed.readdress()
            if point.kind == "request":
                code = killed.killed_at_request(point.number, point.phase, *command)
            else:
                code = killed.killed_at_save(point.number, point.phase, *command)
        if code == 0 and killed.project.config_of()["concurrency"] > 1:
            return  # this time it needed fewer requests
        if code != (1 if point.phase == FULL else -9):
            told = (killed.root / "stderr.txt").read_text()
            yield "kill", [f"the process ended with {code} instead of being killed\n{told}"]
            return
        # Without its lockfile a saved plan is stale: what was recorded is not what it says.
        for recovery in RECOVERIES if command == COMMAND else RECOVERIES[:2]:
            yield recovery, recover(killed, world, reference, point, recovery, command, Path(directory))


def recover(
    killed: World,
    before: World,
    reference: Reference,
    point: Point,
    recovery: str,
    command: tuple[str, ...],
    directory: Path,
) -> list[str]:
    """Apply again on a copy, and look."""
    copy = killed.copy(directory / recovery.replace(" ", "-"))
    if recovery != "same disk":
        copy.project.lock_path.unlink(missing_ok=True)
        shutil.rmtree(copy.project.root / ".voicectl", ignore_errors=True)
    if recovery == "old lockfile":
        shutil.copy(before.project.lock_path, copy.project.lock_path)
    with copy.served() as emulator:
        copy.readdress()
        assert copy.killer is not None
        copy.killer.deliver_at = point.deliver_at
        project = copy.project
        again = project.run(*command)
        copy.killer.deliver_at = None
        if copy.killer.held and point.deliver_at:
            return []  # the recovery ended before that request: nothing arrived late
        twins = bool(point.deliver_at)
        if twins and again.code == 1 and "still to retire: duplicate" in again.out:
            # It arrived while this run was at work, which had no part in it: it waits for a plan that shows it.
            again = project.run(*command)
        found = [] if again.code == 0 else [f"apply ended with {again.code}\n{again.out}{again.err}"]
        found += violations(emulator, project, reference, twins=twins)
    shutil.rmtree(copy.root)
    return found


def with_conflicts_of_covers() -> None:
    """The control: where a cover can be in conflict, a run that was killed after sending one stops the next."""
    from voicectl.plan import compare

    compare.NOT_READ_BACK = frozenset()


def without_the_end() -> None:
    """The control: an apply that neither sweeps nor plans again must leave duplicates behind."""
    from voicectl.engine import apply

    async def nothing(self: Any, *outcomes: Any) -> list[Any]:
        return []

    apply._FinalLooks.before_widening = nothing  # type: ignore[method-assign,assignment]
    apply._FinalLooks.verify = nothing  # type: ignore[method-assign,assignment]


CONTROLS = {"end": without_the_end, "cover": with_conflicts_of_covers}


def begin(control: str | None) -> None:
    """What a worker process does first."""
    shorten()
    if control is not None:
        CONTROLS[control]()


def one(arguments: tuple[Path, Reference, Point, tuple[str, ...]]) -> list[tuple[str, str, list[str]]]:
    """One point in a worker process, on a port of its own."""
    root, reference, point, command = arguments
    return [(str(point), recovery, found) for recovery, found in cases(World(root), reference, point, command)]


def run(
    every: int = 1,
    *,
    workers: int = 2,
    only: Callable[[Point], bool] = lambda point: True,
    control: str | None = None,
    concurrency: int = 1,
    saved: bool = False,
) -> tuple[int, list[tuple[str, str, list[str]]]]:
    """The matrix, or each `every`-th point of it; the number of cases and those with violations.

    With a `control` the recoveries lack a part of what makes them converge, and must not. With a `concurrency`
    above 1 the requests come in another order each time, so that each run looks at other moments. With `saved`
    it is a saved plan that is applied, and applied again: then nothing arrives late.
    """
    shorten()  # of the building, too; pytest takes it back
    with tempfile.TemporaryDirectory(prefix="voicectl-matrix-") as directory:
        world = World(Path(directory) / "world")
        reference = build(world, concurrency)
        chosen = [p for p in points(reference) if only(p) and not (p.deliver_at and saved)][::every]
        results = []
        with ProcessPoolExecutor(workers, initializer=begin, initargs=(control,)) as pool:
            jobs = [(world.root, reference, point, SAVED if saved else COMMAND) for point in chosen]
            for result in pool.map(one, jobs):
                results += result
    return len(results), [result for result in results if result[2]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--control", choices=CONTROLS, help="without a part of the protocol: must fail")
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--saved", action="store_true", help="apply a saved plan, and the same again")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    count, broken = run(options.every, control=options.control, concurrency=options.concurrency, saved=options.saved)
    for point, recovery, found in broken:
        print(f"{point}, {recovery}:")
        for violation in found:
            print(f"    {violation}")
    print(f"{count} cases, {len(broken)} with violations")
    if options.json:
        options.json.write_text(json.dumps({"cases": count, "violations": len(broken)}) + "\n", encoding="utf-8")
    return int(bool(broken) != bool(options.control))


if __name__ == "__main__":
    sys.exit(main())
