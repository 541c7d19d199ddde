"""The inventory: a row for each voice, or for each of its generations, and the columns of a row. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, Record, Retired
from voicectl.model.voice import Voice


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """One voice in the list. `status` compares manifest and lockfile."""

    name: str
    status: str
    """applied | not applied | removed: in both, only in a manifest, only in the lockfile (perhaps retired).

    In a list of generations: current | pending | retired."""
    id: str | None
    state: str | None
    generation: int | None
    visibility: str | None
    title: str
    origin: str | None
    tags: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    """The ids of retired generations."""
    file: str | None = None
    line: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    speech: str | None = None
    speaker: str | None = None
    document: str | None = None
    granted: date | None = None
    expires: date | None = None
    withdrawn: date | None = None
    applied: datetime | None = None
    """When its record was last changed."""
    commit: str | None = None
    retired_at: datetime | None = None
    delete_after: datetime | None = None


Cell = Callable[[CatalogRow], object]
COLUMNS: Mapping[str, Cell] = {
    "name": lambda row: row.name,
    "title": lambda row: row.title,
    "status": lambda row: row.status,
    "visibility": lambda row: row.visibility,
    "state": lambda row: row.state,
    "id": lambda row: row.id,
    "generation": lambda row: row.generation,
    "origin": lambda row: row.origin,
    "retired": lambda row: " ".join(row.retired),
    "tags": lambda row: ", ".join(row.tags),
    "file": lambda row: row.file,
    "line": lambda row: row.line,
    "owner": lambda row: row.metadata.get("owner"),
    "speech": lambda row: row.speech,
    "speaker": lambda row: row.speaker,
    "document": lambda row: row.document,
    "granted": lambda row: row.granted,
    "expires": lambda row: row.expires,
    "withdrawn": lambda row: row.withdrawn,
    "applied": lambda row: row.applied,
    "commit": lambda row: row.commit,
    "retired_at": lambda row: row.retired_at,
    "delete_after": lambda row: row.delete_after,
}
"""Every column by its name; `metadata.KEY` is one too."""
METADATA = "metadata."
TABLE = ("name", "id", "state", "generation", "visibility", "title")
"""The columns of the table, where nobody asks for others."""
OF_GENERATIONS = ("name", "generation", "status", "id", "state", "retired_at", "delete_after", "title")
INVENTORY = tuple(name for name in COLUMNS if name not in ("retired_at", "delete_after"))
"""The columns of CSV and Markdown, where nobody asks for others."""


def known(column: str) -> bool:
    """Whether there is such a column."""
    return column in COLUMNS or (column.startswith(METADATA) and column != METADATA)


def cell(row: CatalogRow, column: str) -> str:
    """A cell as text: times in UTC, nothing for what is not known."""
    value = row.metadata.get(column.removeprefix(METADATA)) if column.startswith(METADATA) else COLUMNS[column](row)
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def rows(catalog: Catalog, lock: Lock) -> list[CatalogRow]:
    """An entry for each name in manifests or lockfile, sorted; removed voices as long as the account keeps them."""
    return [_row(name, catalog, lock) for name in sorted({*catalog.voices, *lock.voices, *lock.removed})]


def generations(catalog: Catalog, lock: Lock) -> list[CatalogRow]:
    """An entry for each generation: the one that serves, the one that is to replace it, those that are retired."""
    return [each for row in rows(catalog, lock) for each in _of_name(row, lock)]


def _of_name(row: CatalogRow, lock: Lock) -> Iterator[CatalogRow]:
    record = lock.voices.get(row.name)
    if record is not None:
        yield replace(row, status="current", retired=())
        if record.pending is not None:
            yield replace(row, status="pending", id=record.pending.id, generation=record.pending.generation, retired=())
    for gone in lock.retired(row.name):
        yield replace(
            row,
            status="retired",
            id=gone.id,
            generation=gone.generation,
            state=None,
            retired=(),
            retired_at=gone.retired_at,
            delete_after=gone.delete_after,
        )


def _row(name: str, catalog: Catalog, lock: Lock) -> CatalogRow:
    voice, record = catalog.voices.get(name), lock.voices.get(name)
    status = "removed" if voice is None else "applied" if record is not None else "not applied"
    kept = lock.removed[name].retired[0] if name in lock.removed and voice is None else None
    return _with_manifest(voice, CatalogRow(
        name=name,
        status=status,
        id=record.id if record else (kept.id if kept else None),
        state=record.state if record else None,
        generation=record.generation if record else (kept.generation if kept else None),
        visibility=record.applied.visibility if record else None,
        title=(record.applied.title if record else None) or "",
        origin=record.origin if record else None,
        tags=(record.applied.tags if record else None) or (),
        retired=tuple(gone.id for gone in _others(lock.retired(name), kept)),
        **_changed(record),
    ))  # fmt: skip


def _others(retired: tuple[Retired, ...], shown: Retired | None) -> Iterator[Retired]:
    return (gone for gone in retired if gone is not shown)


def _changed(record: Record | None) -> dict[str, Any]:
    changed = record.changed if record else None
    return {"applied": changed.at, "commit": changed.commit} if changed else {}


def _with_manifest(voice: Voice | None, row: CatalogRow) -> CatalogRow:
    """What only the manifest says, put in."""
    if voice is None:
        return row
    consent = voice.consent
    return replace(
        row,
        title=voice.title,
        visibility=row.visibility or voice.metadata.visibility,
        tags=row.tags or voice.metadata.tags or (),
        file=voice.source.file,
        line=voice.source.line,
        metadata=dict(voice.free),
        speech=voice.speech_model,
        speaker=consent.speaker if consent else None,
        document=consent.document if consent else None,
        granted=consent.granted_on if consent else None,
        expires=consent.expires_on if consent else None,
        withdrawn=consent.withdrawn_on if consent else None,
    )
