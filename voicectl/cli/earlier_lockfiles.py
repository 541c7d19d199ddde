"""Lockfiles of a catalog's earlier names: a first plan under a new one would make every voice a second time."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from voicectl.errors import StateError
from voicectl.files import read_regular
from voicectl.model.lock import Lock
from voicectl.plan.plan import Notice
from voicectl.state.codec import MAX_BYTES, decode

if TYPE_CHECKING:
    from voicectl.manifest.project import Project


def earlier(project: Project) -> list[tuple[str, Lock]]:
    """Lockfiles beside the project's own that hold voices of another name, which no environment has any more."""
    from voicectl.manifest.project import load_project, state_of

    own = {load_project(project.root, name).state: name for name in project.environments or (None,)}
    path = PurePosixPath(state_of(project.content))
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
    """The warning of a first plan under a new name: it makes every voice a second time."""
    there = (project.root / project.state).exists()
    to = f" --env {project.environment}" if project.environment else ""
    return tuple(
        Notice(
            "old_lockfile",
            f"{place} records {len(lock.voices)} voices of {lock.namespace}"
            + (
                ", which nothing in this project manages any more"
                if there
                else f", and there is no {project.state} yet: this plan makes every voice of {project.namespace} "
                "a second time"
            ),
            "once you have moved or deleted its models, delete the file" if there else _remedy(project, to),
            tuple(sorted(lock.voices)),
        )
        for place, lock in earlier(project)
    )


def _remedy(project: Project, to: str) -> str:
    words = f"if these are the models of {project.namespace}, `voicectl state move{to}` moves them, and their ids stay"
    others = [name for name in project.environments if name != project.environment]
    if others:
        words += f"; if they are those of {' or '.join(others)}, run it with that --env first"
    return words + "; if both sets are wanted, go on"


def read(path: Path, name: str) -> Lock | None:
    """The lockfile at a path; None if there is none, or none that we can read."""
    try:
        return decode(read_regular(path, MAX_BYTES), name)
    except (OSError, StateError):
        return None
