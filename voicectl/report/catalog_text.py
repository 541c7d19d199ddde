"""The catalog for people: a table, and one voice. From manifests and lockfile, without the account."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, Record, Retired
from voicectl.report.document import as_json
from voicectl.report.escape import shortened, terminal
from voicectl.report.terminal import Style, padded, width
from voicectl.report.words import moment


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """One voice in the list. `status` compares manifest and lockfile."""

    name: str
    status: str
    """applied | not applied | removed: in both, only in a manifest, only in the lockfile (perhaps retired)."""
    id: str | None
    state: str | None
    generation: int | None
    visibility: str | None
    title: str
    origin: str | None


def rows(catalog: Catalog, lock: Lock) -> list[CatalogRow]:
    """An entry for each name in manifests or lockfile, sorted; removed voices as long as the account keeps them."""
    return [_row(name, catalog, lock) for name in sorted({*catalog.voices, *lock.voices, *lock.removed})]


def _row(name: str, catalog: Catalog, lock: Lock) -> CatalogRow:
    voice, record = catalog.voices.get(name), lock.voices.get(name)
    status = "removed" if voice is None else "applied" if record is not None else "not applied"
    desired = voice.metadata.visibility if voice else None
    kept = lock.removed[name].retired[0] if name in lock.removed and voice is None else None
    return CatalogRow(
        name=name,
        status=status,
        id=record.id if record else (kept.id if kept else None),
        state=record.state if record else None,
        generation=record.generation if record else (kept.generation if kept else None),
        visibility=(record.applied.visibility if record else None) or desired,
        title=voice.title if voice else (record.applied.title if record else None) or "",
        origin=record.origin if record else None,
    )


def table(found: list[CatalogRow], style: Style) -> str:
    """A table whose columns line up in any script."""
    if not found:
        return "no voices\n"
    lines = [("NAME", "ID", "STATE", "GEN", "VISIBILITY", "TITLE")]
    for row in found:
        state = row.state if row.status == "applied" else row.status
        generation = str(row.generation or "-")
        title = shortened(terminal(row.title), 60)
        lines.append((row.name, row.id or "-", state or "-", generation, row.visibility or "-", title))
    widths = [max(width(line[column]) for line in lines) for column in range(6)]
    texts = [
        "  ".join(padded(cell, cells) for cell, cells in zip(line, widths, strict=True)).rstrip() for line in lines
    ]
    return "\n".join([style.paint(texts[0], "bold"), *texts[1:]]) + "\n"


def show_text(name: str, catalog: Catalog, lock: Lock, style: Style) -> str:
    """One voice for people."""
    lines = [style.paint(name, "bold")]
    voice, record = catalog.voices.get(name), lock.voices.get(name)
    if voice is not None:
        lines.append(f"  manifest     {terminal(voice.source.file)}:{voice.source.line}")
        for field in ("title", "description", "visibility"):
            value = getattr(voice.metadata, field)
            if value:
                lines.append(f"  {field:<12} {shortened(terminal(value), 200)}")
        if voice.metadata.tags:
            lines.append(f"  tags         {terminal(', '.join(voice.metadata.tags))}")
        lines += list(_samples(voice.samples))
        if voice.consent is not None:
            consent = as_json(voice.consent)
            lines.append("  consent      " + _pairs(consent))
        if voice.free:
            lines.append("  metadata     " + _pairs(dict(voice.free)))
        if voice.lifecycle.protect:
            lines.append("  protected    never retired or pruned")
    else:
        lines.append("  not in the manifests")
    lines.append(style.paint("  generations", "bold"))
    generations = list(_generations(record, lock.retired(name)))
    return "\n".join([*lines, *(generations or ["    none: not applied yet"])]) + "\n"


def _samples(samples: Iterable[Any]) -> Iterator[str]:
    for sample in samples:
        seconds = f", {sample.seconds:.1f} s" if sample.seconds is not None else ""
        words = ", with transcript" if sample.transcript is not None else ""
        yield f"  sample       {terminal(sample.path)} ({sample.format}, {sample.size / 1000:.0f} kB{seconds}{words})"


def _pairs(values: dict[str, Any]) -> str:
    return terminal(", ".join(f"{key}: {_plain(value)}" for key, value in values.items() if value is not None))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _generations(record: Record | None, retired: Iterable[Retired]) -> Iterator[str]:
    if record is not None:
        yield f"    {record.generation}  {record.id}  current, {record.origin}, {record.state}"
        if record.pending is not None:
            yield f"    {record.pending.generation}  {record.pending.id}  pending"
        for field, blocked in sorted(record.blocked.items()):
            yield f"       {field} is blocked by the provider: {terminal(_plain(blocked.observed))}"
    for gone in retired:
        dates = f"retired {moment(gone.retired_at)}, kept until {moment(gone.delete_after)}"
        yield f"    {gone.generation}  {gone.id}  {'being deleted' if gone.deleting else dates}"
