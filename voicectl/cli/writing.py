"""Writing several files of a project so that it is valid afterwards, or writing none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from voicectl.cli import wiring
from voicectl.cli.context import Context
from voicectl.errors import InvalidFiles, UsageError

if TYPE_CHECKING:
    from voicectl.files import Rewriting
    from voicectl.manifest.project import Project

T = TypeVar("T")


def sift(items: Sequence[T], wrong: Callable[[Sequence[T]], str]) -> tuple[list[T], list[tuple[T, str]]]:
    """The items that are fine, and the others with what is wrong with them.

    `wrong` says what is wrong with several items together; empty if nothing is. For each bad item among n it is called
    about log n times.
    """
    reason = wrong(items)
    if not reason:
        return list(items), []
    if len(items) == 1:
        return [], [(items[0], reason)]
    half = len(items) // 2
    (good, bad), (more, others) = (sift(part, wrong) for part in (items[:half], items[half:]))
    return good + more, bad + others


def manifest_directory(project: Project) -> str:
    """Where new manifests go, relative to the project: beside the others."""
    from voicectl.manifest.discover import fixed_part

    return fixed_part(project.manifests[0].split("/")) or "."


def inside(project: Project, context: Context, path: Path, option: str) -> str:
    """A path of the command line, relative to the project. Raises UsageError if it is outside of it."""
    try:
        return context.path(path).resolve().relative_to(project.root).as_posix()
    except ValueError:
        raise UsageError(f"{option} {path} is outside the project", "name a place in it") from None


def check_found(project: Project, path: str, option: str) -> None:
    """Raises UsageError if no glob of the project finds a manifest at this path."""
    from voicectl.manifest.discover import matches

    if not any(matches(pattern, path) for pattern in project.manifests):
        raise UsageError(
            f"{path} matches none of the globs under `manifests:`, so no plan would see it",
            f"choose another place with {option}, or add a glob",
        )


def refused(context: Context, texts: Mapping[str, str], *, read_samples: bool = True) -> str:
    """The first thing wrong with the project if these files held these texts; empty if nothing. Writes nothing."""
    try:
        wiring.load(context, read_samples=read_samples, instead={path: text.encode() for path, text in texts.items()})
    except InvalidFiles as error:
        return str(next(problem for problem in error.problems if problem.level == "error"))
    return ""


def write_all(written: Rewriting, texts: Mapping[str, str]) -> None:
    """Write these files. Raises UsageError if one can't be written; then all are as they were."""
    try:
        written.write({path: text.encode() for path, text in texts.items()})
    except OSError as error:
        raise UsageError(
            f"{error.filename} can't be written: {error.strerror}", "nothing was changed; check its permissions"
        ) from error
