"""Lockfiles of a catalog's earlier names: a first plan under a new one would make every voice a second time."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from voicectl.errors import StateError
from voicectl.manifest.project import Project, load_project
from voicectl.model.lock import Lock
from voicectl.plan.plan import Notice
from voicectl.state.content import decode


def earlier(project: Project) -> list[tuple[str, Lock]]:
    """Lockfiles beside the project's own that hold voices of another name, which no environment keeps any more."""
    own = {load_project(project.root, name).state: name for name in project.environments or (None,)}
    path = PurePosixPath(project.content.state)
    ending = ".lock.json" if path.name.endswith(".lock.json") else path.suffix
    stem = path.name.removesuffix(ending)
    found = []
    for candidate in sorted((project.root / path.parent).glob(f"{stem}*{ending}")):
        place = candidate.relative_to(project.root).as_posix()
        lock = read(candidate, place)
        if lock is None or not lock.ids() or lock.namespace == project.namespace:
            continue
        if place in own and lock.catalog == project.catalog and lock.environment == own[place]:
            continue
        found.append((place, lock))
    return found


def notices(project: Project) -> tuple[Notice, ...]:
    """What a first plan under a new name has to say: every voice would be made a second time."""
    if (project.root / project.state).exists():
        return ()
    to = f" --env {project.environment}" if project.environment else ""
    return tuple(
        Notice(
            "old_lockfile",
            f"{place} records {len(lock.voices)} voices of {lock.namespace}, and there is no {project.state} yet: "
            f"this plan makes every voice of {project.namespace} a second time",
            f"`voicectl state move{to}` takes the models along with their ids; if both are wanted, go on",
            tuple(sorted(lock.voices)),
        )
        for place, lock in earlier(project)
    )


def read(path: Path, name: str) -> Lock | None:
    """The lockfile at a path; None where there is none that can be read."""
    try:
        return decode(path.read_bytes(), name) if path.is_file() and not path.is_symlink() else None
    except (OSError, StateError):
        return None
