"""A whole cast from a table or a folder: which recordings belong to which voice, and what its manifest will say."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from voicectl.errors import Place
from voicectl.files import read_regular
from voicectl.manifest.problems import Problems, did_you_mean, shown
from voicectl.manifest.samples import MAX_TRANSCRIPT
from voicectl.model import canonical, names
from voicectl.model.voice import VISIBILITIES

MAX_TABLE = 16 * 1024 * 1024
MAX_ROWS = 20_000
COLUMNS = (
    "name", "title", "description", "tags", "visibility", "audio", "transcript", "speaker", "granted_on", "expires_on",
)  # fmt: skip
_OF_VOICE = ("title", "description", "tags", "visibility", "speaker", "granted_on", "expires_on")
_METADATA = "metadata."
_SOUNDS = re.compile(r"(?i)\.(wav|mp3|m4a|mp4|m4b|mov|opus|ogg|oga|flac|aif|aiff|aifc|amr|caf|mkv|webm|aac|w64|3gp)$")
_NUMBERED = re.compile(r"(.*?)[-_ ]?[0-9]{1,4}")


@dataclass(frozen=True, slots=True)
class Take:
    """One recording that is to come in, and the place (of a table, or itself) that names it."""

    source: Path
    place: Place
    transcript: str | None = None
    """The words spoken, where somebody wrote them down."""
    beside: Path | None = None
    """The text file beside the recording, where the words come from."""


@dataclass(frozen=True, slots=True)
class Part:
    """One voice of the cast: its recordings, and what else its manifest says (`values`)."""

    name: str
    place: Place
    takes: tuple[Take, ...]
    values: Mapping[str, Any] = field(default_factory=dict)


def from_files(name: str, files: Sequence[Path], transcript: str | None, title: str | None) -> tuple[Part, Problems]:
    """The part that the command line names. Transcripts come from the text files beside the recordings."""
    problems = Problems()
    here = Place("NAME")
    _check_name(name, here, problems)
    takes = [_take(file, Place(str(file)), transcript, problems) for file in files]
    return Part(name, here, tuple(takes), {"title": title} if title else {}), problems


def from_folder(folder: Path) -> tuple[list[Part], Problems]:
    """The cast of a folder: a folder for each voice, or files such as `narrator-1.wav`. Hidden ones are left out."""
    problems = Problems()
    found: dict[str, list[Take]] = {}
    places: dict[str, Place] = {}
    for path in _listed(folder, problems):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            name, files = path.name, [file for file in _listed(path, problems) if _is_sound(file)]
        elif _is_sound(path):
            numbered = _NUMBERED.fullmatch(path.stem)
            name, files = (numbered[1] if numbered and numbered[1] else path.stem), [path]
        else:
            continue
        if not files:
            continue
        place = Place(str(path))
        name = slug(name)
        places.setdefault(name, place)
        found.setdefault(name, []).extend(_take(file, Place(str(file)), None, problems) for file in files)
    for name, place in places.items():
        _check_name(name, place, problems)
    if not found and not problems.has_errors:
        problems.error(Place(str(folder)), "holds no recordings", "name a folder with a folder for each voice in it")
    return [Part(name, places[name], tuple(takes)) for name, takes in found.items()], problems


def _listed(folder: Path, problems: Problems) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        problems.error(Place(str(folder)), f"can't be read ({error.strerror or error})", "check its permissions")
        return []


def from_table(path: Path) -> tuple[list[Part], Problems]:
    """The cast of a CSV file (comma, semicolon or tab; UTF-8, with or without a BOM). Recordings are named relative
    to it."""
    problems = Problems()
    text = _table(path, problems)
    if text is None:
        return [], problems
    lines = _rows(text, path, problems)
    header = [canonical.text(cell).lower() for cell in next(lines, (0, []))[1]]
    if not _check_header(header, Place(str(path)), problems):
        return [], problems
    rows: dict[str, list[tuple[Place, dict[str, str]]]] = {}
    for line, cells in lines:
        place = Place(str(path), line)
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header):
            words = f"has {len(cells)} cells, and the first line {len(header)}"
            problems.error(place, words, "put cells that hold the separator in double quotes")
            continue
        # Spreadsheets write empty columns, too.
        nameless = next((cell for key, cell in zip(header, cells, strict=False) if not key and cell.strip()), None)
        if nameless is not None:
            words = f"{shown(nameless)} is in a column without a name"
            problems.error(place, words, "name the column in the first line, or empty the cell")
            continue
        row = {key: canonical.text(cell) for key, cell in zip(header, cells, strict=False)}
        if not row.get("name"):
            problems.error(place, "name: must not be empty", "write the voice's name in every one of its rows")
            continue
        rows.setdefault(row["name"], []).append((place, row))
    if not rows and not problems.has_errors:
        problems.error(Place(str(path)), "names no recordings", "write a line for each recording below the first line")
    return [_part(name, of_name, path.parent, problems) for name, of_name in rows.items()], problems


def slug(text: str) -> str:
    """A voice's name from a file's: `Old Man` gives `old-man`."""
    return re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-._") or text


def _table(path: Path, problems: Problems) -> str | None:
    place = Place(str(path))
    try:
        data = read_regular(path.resolve(), MAX_TABLE)
    except OSError as error:
        problems.error(place, f"can't be read ({error.strerror or error})", "check the path")
        return None
    if len(data) > MAX_TABLE:
        problems.error(place, f"is larger than {MAX_TABLE // 1024**2} MiB", "is it the right file?")
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")  # what a spreadsheet calls "Unicode text"
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.error(Place(str(path), line), "is not UTF-8 text", "save the table as CSV in UTF-8")
        return None


def _rows(text: str, path: Path, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Each row and the line on which it begins. The separator is whatever the first line has most of.

    Reports what is no CSV and what is too much: nothing is left out in silence.
    """
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    line = 1
    try:
        for number, cells in enumerate(reader):
            if number > MAX_ROWS:
                problems.error(Place(str(path), line), f"is the row after {MAX_ROWS:,}", "split the table")
                return
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        hint = (
            "end each cell that begins with a quote with one, and double the quotes inside; transcripts end at 64 KiB"
        )
        problems.error(Place(str(path), line), f"can't be read as CSV from here on ({error})", hint)


def _check_header(header: Sequence[str], place: Place, problems: Problems) -> bool:
    for index, column in enumerate(header):
        if column and column in header[:index]:
            problems.error(place, f"two columns are called {column!r}", "delete one of them")
        if column and column not in COLUMNS and not (column.startswith(_METADATA) and column != _METADATA):
            hint = did_you_mean(column, COLUMNS, f"columns are {', '.join(COLUMNS)} and metadata.KEY")
            problems.error(place, f"there is no column {shown(column)}", hint)
    for column in ("name", "audio"):
        if column not in header:
            hint = f"the first line names the columns: {', '.join(COLUMNS)}"
            problems.error(place, f"the column {column!r} is missing", hint)
    return not problems.has_errors


def _part(name: str, rows: Sequence[tuple[Place, Mapping[str, str]]], base: Path, problems: Problems) -> Part:
    first = rows[0][0]
    _check_name(name, first, problems)
    values: dict[str, tuple[str, Place]] = {}
    takes = []
    for place, row in rows:
        for column, text in row.items():
            if not text or not (column in _OF_VOICE or column.startswith(_METADATA)):
                continue
            known, where = values.setdefault(column, (text, place))
            if known != text:
                words = f"{column}: {shown(text)}, but line {where.line} says {shown(known)} of the voice {name!r}"
                problems.error(place, words, "write it once, or the same in all of its rows")
        if row.get("audio"):
            takes.append(_take(base / row["audio"], place, row.get("transcript") or None, problems))
        else:
            problems.error(place, "audio: must not be empty", "name a recording, relative to the table")
    return Part(name, first, tuple(takes), _values(values, problems))


def _values(given: Mapping[str, tuple[str, Place]], problems: Problems) -> dict[str, Any]:
    """What a manifest says of the voice, from the table's columns."""
    values: dict[str, Any] = {}
    consent: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    for column, (text, place) in given.items():
        if column == "tags":
            values["tags"] = [tag for tag in map(canonical.text, re.split("[,;|]", text)) if tag]
        elif column == "visibility":
            if text not in VISIBILITIES:
                hint = did_you_mean(text, VISIBILITIES)
                problems.error(place, f"visibility: {shown(text)} is not one of {', '.join(VISIBILITIES)}", hint)
            values["visibility"] = text
        elif column in ("granted_on", "expires_on"):
            try:
                consent[column] = date.fromisoformat(text)
            except ValueError:
                words = f"{column}: {shown(text)} is not a date"
                problems.error(place, words, "write it as year-month-day, such as 2026-03-01")
        elif column == "speaker":
            consent["speaker"] = text
        elif column.startswith(_METADATA):
            metadata[column.removeprefix(_METADATA)] = text
        else:
            values[column] = text
    if consent and "speaker" not in consent:
        place = next(where for column, (_, where) in given.items() if column in consent)
        problems.error(place, "a consent's dates need its speaker", "fill the column speaker")
    return {**values, **({"consent": consent} if consent else {}), **({"metadata": metadata} if metadata else {})}


def _take(file: Path, place: Place, transcript: str | None, problems: Problems) -> Take:
    """A recording with its words. Reports one that is no regular file."""
    given = shown(str(file))
    try:
        file = file.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else "can't be read"
        problems.error(place, f"audio: {given}: {reason}", "check the path")
        return Take(file, place)
    if not file.is_file():
        problems.error(place, f"audio: {given} is not a regular file", "name a recording")
        return Take(file, place)
    if transcript is not None:
        return Take(file, place, canonical.text(transcript))
    beside = file.with_suffix(".txt")
    if beside == file or not os.path.lexists(beside):
        return Take(file, place)
    try:
        data = read_regular(beside, MAX_TRANSCRIPT)
        words = canonical.text(data.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        problems.error(Place(str(beside)), "can't be read as UTF-8 text", "save it as UTF-8, or move it away")
        return Take(file, place)
    if len(data) > MAX_TRANSCRIPT or not words:
        words = "is empty" if not words else f"is larger than {MAX_TRANSCRIPT // 1024} KiB"
        problems.error(Place(str(beside)), words, "it must hold the words spoken in the recording beside it")
        return Take(file, place)
    return Take(file, place, words, beside)


def _check_name(name: str, place: Place, problems: Problems) -> None:
    if not re.fullmatch(names.VOICE, name):
        hint = "a name has a to z, 0 to 9, and - _ . inside, and at most 63 characters; the title may be anything"
        problems.error(place, f"name: {shown(name)} can't be a voice's name", hint)


def _is_sound(path: Path) -> bool:
    return _SOUNDS.search(path.name) is not None and not path.name.startswith(".")
