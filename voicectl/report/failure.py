"""A failure in place of the report that a reader expected: as JSON, as text, as a page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from voicectl.errors import InvalidFiles, Problem, VoicectlError
from voicectl.model.canonical import CLOSED
from voicectl.report.document import document, fenced
from voicectl.report.escape import terminal

MAX_PROBLEMS = 100
"""Problems that a page lists."""
Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class ErrorPlace:
    """A position in a file of the project; line and column count from 1."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class ErrorProblem:
    """One of several things wrong in the project's files."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    level: Level
    file: str
    line: int
    column: int
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class ErrorValues:
    """What failed. `code` is stable; `problems` is there when files of the project are wrong."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    code: str
    message: str
    hint: str
    where: tuple[ErrorPlace, ...]
    problems: tuple[ErrorProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorDocument:
    """What a command prints instead of its document when it fails."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    error: ErrorValues


def error_values(failure: VoicectlError) -> dict[str, Any]:
    """A failure as JSON types."""
    where = tuple(ErrorPlace(place.file, place.line, place.column) for place in failure.where)
    values = asdict(ErrorValues(failure.code, failure.message, failure.hint, where))
    if isinstance(failure, InvalidFiles):
        return values | {"problems": problems(failure.problems)}
    del values["problems"]
    return values


def problems(found: Iterable[Problem]) -> list[dict[str, Any]]:
    """Problems of files as JSON types, each with its place."""
    return [asdict(_problem(each)) for each in found]


def _problem(problem: Problem) -> ErrorProblem:
    level: Level = "warning" if problem.level == "warning" else "error"
    place = problem.place
    return ErrorProblem(level, place.file, place.line, place.column, problem.message, problem.hint)


def as_document(failure: VoicectlError) -> str:
    """A failure as a JSON document."""
    return document({"error": error_values(failure)})


def as_text(failure: VoicectlError) -> str:
    """A failure for people."""
    lines = [str(problem) for problem in failure.problems] if isinstance(failure, InvalidFiles) else []
    lines += [f"error: {failure.message}", *([f"  {failure.hint}"] if failure.hint else [])]
    return "".join(f"{terminal(line)}\n" for line in lines)


def as_markdown(failure: VoicectlError, command: str) -> str:
    """A failure as a page, everything in code: messages quote manifests and servers."""
    lines = [terminal(failure.message)]
    lines += [f"    {terminal(failure.hint)}"] if failure.hint else []
    text = f"### voicectl {command}: failed\n\n{fenced(lines)}"
    if isinstance(failure, InvalidFiles):
        shown = [terminal(str(problem)) for problem in failure.problems[:MAX_PROBLEMS]]
        more = len(failure.problems) - len(shown)
        shown += [f"… and {more} more: `voicectl validate` lists them all"] if more else []
        text += f"\n{fenced(shown)}"
    return text
