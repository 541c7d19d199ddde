"""What `validate` says of a project's files, and problems as annotations for GitHub."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from voicectl.errors import Place, Problem, counted
from voicectl.model.catalog import Catalog
from voicectl.report.document import document
from voicectl.report.escape import github as escaped
from voicectl.report.failure import problems as listed


def valid_text(catalog: Catalog) -> str:
    """One line for files without errors."""
    samples = [sample for voice in catalog.voices.values() for sample in voice.samples]
    seconds = sum(sample.seconds or 0.0 for sample in samples)
    pointers = sum(sample.pointer for sample in samples)
    unseen = f" ({pointers} not looked at: Git LFS pointers)" if pointers else ""
    warnings = f", {counted(len(catalog.warnings), 'warning')}" if catalog.warnings else ""
    return (
        f"{catalog.namespace}: {counted(len(catalog.voices), 'voice')}, {counted(len(samples), 'sample')} "
        f"({seconds:.0f} s): valid{unseen}{warnings}\n"
    )


def valid_json(catalog: Catalog) -> str:
    """The same for machines, with the warnings."""
    values: dict[str, Any] = {
        "format_version": "1.0",
        "catalog": catalog.name,
        "environment": catalog.environment,
        "voices": sorted(catalog.voices),
        "problems": listed(catalog.warnings),
    }
    return document(values)


def github(problems: Iterable[Problem], prefix: str = "") -> str:
    """Annotations for GitHub Actions; `prefix` is the project's place in the repository."""
    return "".join(
        annotation(
            problem.level, problem.message + (f"; {problem.hint}" if problem.hint else ""), problem.place, prefix
        )
        + "\n"
        for problem in problems
    )


def annotation(level: str, words: str, place: Place | None = None, prefix: str = "") -> str:
    """One workflow command, which is a line: `level` is error, warning or notice."""
    where = ""
    if place is not None:
        where = f" file={escaped(prefix + place.file, property_value=True)},line={place.line},col={place.column}"
    return f"::{level}{where}::{escaped(words)}"
