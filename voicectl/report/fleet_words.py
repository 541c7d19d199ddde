"""Many catalogs in one answer: a table of all, then what is not in step in each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from voicectl.report import drift_words, table, words
from voicectl.report.catalog_words import INVENTORY, OF_GENERATIONS, CatalogRow, cell
from voicectl.report.document import code, document
from voicectl.report.escape import shortened, terminal
from voicectl.report.terminal import Style, fold, padded, width

COLUMNS = ("directory", "catalog", "environment", "exit", "result")


@dataclass(frozen=True, slots=True)
class Row:
    """A catalog of the fleet, and how its run ended: what it found in a line, or why it failed.

    `state` is its lockfile's path in the project.
    """

    directory: str
    catalog: str
    environment: str | None
    exit_code: int
    summary: str
    error: str
    state: str


def summary(kind: str, answer: Mapping[str, Any]) -> str:
    """What one run found, in a line."""
    match kind:
        case "plan":
            plan = _read_plan(answer)
            parts = words.counts(plan) + ([f"{len(plan.refusals)} refused"] if plan.refusals else [])
            return ", ".join([*parts, *words.others(plan)])
        case "drift":
            return drift_words.totals(_read_drift(answer))
        case "validate":
            warnings = len(answer.get("problems", ()))
            return f"{len(answer.get('voices', ()))} voices" + (f", {warnings} warnings" if warnings else "")
    return f"{len(answer.get('voices', ()))} voices"


def as_json(kind: str, rows: Sequence[Row], answers: Sequence[Mapping[str, Any]]) -> str:
    """All in one document: each catalog with its whole answer."""
    catalogs = [
        {
            "directory": row.directory,
            "catalog": row.catalog,
            "environment": row.environment,
            "exit": row.exit_code,
            "result": row.summary,
            "error": row.error or None,
            "answer": answer,
        }
        for row, answer in zip(rows, answers, strict=True)
    ]
    values: dict[str, Any] = {"format_version": "1.0", "command": kind, "catalogs": catalogs}
    if kind == "drift":
        values["unmanaged"] = list(_unmanaged(answers).values())
    return document(values)


def table_rows(rows: Iterable[Row]) -> list[tuple[str, ...]]:
    """The cells of the table, in the order of COLUMNS."""
    return [
        (row.directory, row.catalog, row.environment or "", str(row.exit_code), row.error or row.summary)
        for row in rows
    ]


def table_text(columns: Sequence[str], rows: Sequence[Sequence[str]], style: Style) -> str:
    """A table whose columns line up in any script; the last one may be long."""
    lines = [tuple(column.upper() for column in columns)]
    lines += [(*(shortened(terminal(text), 60) or "-" for text in row[:-1]), terminal(row[-1]) or "-") for row in rows]
    widths = [max(width(line[column]) for line in lines) for column in range(len(columns) - 1)]
    texts = ["  ".join([*map(padded, line[:-1], widths), line[-1]]) for line in lines]
    return fold("\n".join([style.paint(texts[0], "bold"), *texts[1:]]) + "\n", style.columns)


def table_in(columns: Sequence[str], rows: Sequence[Sequence[str]], fmt: str, style: Style) -> str:
    """A table in one of its formats."""
    if fmt == "csv":
        return table.as_csv(columns, rows)
    return table.as_markdown(columns, rows) if fmt == "markdown" else table_text(columns, rows, style)


def table_of(kind: str, rows: Sequence[Row], fmt: str, style: Style) -> str:
    """The table of catalogs."""
    head = f"### voicectl fleet {kind}\n\n" if fmt == "markdown" else ""
    return head + table_in(COLUMNS, table_rows(rows), fmt, style)


def details(
    kind: str,
    rows: Sequence[Row],
    answers: Sequence[Mapping[str, Any]],
    fmt: str,
    style: Style,
    fail_on: Sequence[str],
) -> str:
    """What is not in step, catalog by catalog; models that nobody claims once for all."""
    parts = []
    for row, answer in zip(rows, answers, strict=True):
        if row.error or kind not in ("plan", "drift"):
            continue
        body = _plan_of(answer, fmt, style) if kind == "plan" else _drift_of(answer, fmt, style, fail_on)
        parts.append(body)
    strangers = _unmanaged(answers).values() if kind == "drift" else ()
    lines = [f'unmanaged {each["id"]}  "{words.short(str(each["title"]))}"' for each in strangers]
    if lines and fmt == "markdown":
        parts.append("#### Claimed by nobody\n\n" + "".join(f"- {code(line)}\n" for line in lines))
    elif lines:
        parts.append("\n".join(lines) + "\n")
    return "".join(f"\n{part}" for part in parts if part)


def inventory(
    rows: Sequence[Row],
    answers: Sequence[Mapping[str, Any]],
    fmt: str,
    style: Style,
    columns: Sequence[str] | None,
    *,
    generations: bool,
) -> str:
    """One table of all voices; a catalog that could not be read has a row that says why."""
    chosen = columns or (OF_GENERATIONS if generations else INVENTORY)
    cells: list[tuple[str, ...]] = []
    for row, answer in zip(rows, answers, strict=True):
        where = (row.directory, row.catalog, row.environment or "")
        if row.error:
            cells.append((*where, *("" for _ in chosen[:-1]), f"error: {row.error}"))
        cells += [(*where, *(cell(voice, column) for column in chosen)) for voice in _voices(answer)]
    return table_in(("directory", "catalog", "environment", *chosen), cells, fmt, style)


def merged_drift(
    rows: Sequence[Row],
    answers: Sequence[Mapping[str, Any]],
    fmt: str,
    fail_on: Sequence[str],
    *,
    version: str,
    top: str,
) -> str:
    """One JUnit or SARIF document of all catalogs: a suite, or a run, for each.

    `top` is the place in the repository that directories are named from.
    """
    from datetime import UTC, datetime
    from xml.etree import ElementTree as ET

    from voicectl.errors import VoicectlError
    from voicectl.report import drift_junit, drift_sarif, sarif

    strangers = _unmanaged(answers)
    now = datetime.now(UTC)
    made = []
    for row, answer in zip(rows, answers, strict=True):
        prefix = top if row.directory == "." else f"{top}{row.directory}/"
        if row.error and fmt == "junit":
            made.append(drift_junit.failure(VoicectlError(f"{row.directory}: {row.error}"), now))
        elif row.error:
            made.append(sarif.failure(VoicectlError(f"{row.directory}: {row.error}"), version, prefix))
        else:
            report = _read_drift(answer)
            # Each model that nobody claims stands in the first catalog that reports it.
            mine = tuple(each for each in report.unmanaged if strangers.pop(each.id, None))
            report = replace(report, unmanaged=mine)
            if fmt == "junit":
                made.append(drift_junit.render(report, fail_on, now))
            else:
                made.append(drift_sarif.render(report, fail_on, version=version, state=row.state, prefix=prefix))
    if fmt == "sarif":
        documents = [json.loads(each) for each in made]
        return document({**documents[0], "runs": [run for each in documents for run in each["runs"]]})
    root = ET.Element("testsuites")
    for number, each in enumerate(made):
        for suite in ET.fromstring(each):  # our own output
            suite.set("id", str(number))
            root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _plan_of(answer: Mapping[str, Any], fmt: str, style: Style) -> str:
    from voicectl.report import plan_markdown, plan_text

    plan = _read_plan(answer)
    if plan.empty and not plan.refusals:
        return ""
    return plan_markdown.render(plan) if fmt == "markdown" else plan_text.render(plan, style)


def _drift_of(answer: Mapping[str, Any], fmt: str, style: Style, fail_on: Sequence[str]) -> str:
    from voicectl.report import drift_markdown, drift_text

    report = replace(_read_drift(answer), unmanaged=())
    if not drift_words.drifted(report) and not report.orphaned:
        return ""
    heading = drift_words.namespace(report)
    if fmt == "markdown":
        return drift_markdown.render(report, heading, fail_on)
    return drift_text.render(report, heading, fail_on, style)


def _unmanaged(answers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Models that no catalog of the fleet claims, each once: of one account every catalog reports the same ones."""
    claimed = {voice.get("id") for answer in answers for voice in answer.get("voices", ()) if isinstance(voice, dict)}
    return {
        each["id"]: each
        for answer in answers
        for each in answer.get("unmanaged", ())
        if isinstance(each, dict) and each.get("id") not in claimed
    }


def _read_plan(answer: Mapping[str, Any]) -> Any:
    from voicectl.plan.saved import decode

    return decode(json.dumps(answer).encode(), "the answer")


def _read_drift(answer: Mapping[str, Any]) -> Any:
    from pydantic import TypeAdapter

    from voicectl.plan.drift_report import DriftReport

    return TypeAdapter(DriftReport).validate_python(answer)


def _voices(answer: Mapping[str, Any]) -> list[CatalogRow]:
    from pydantic import TypeAdapter

    return TypeAdapter(list[CatalogRow]).validate_python(answer.get("voices", ()))
