"""The catalog for people: a table, and one voice. From manifests and lockfile, without the account."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, Record, Retired
from voicectl.model.voice import Sample
from voicectl.report.catalog_words import TABLE, CatalogRow, cell
from voicectl.report.document import as_json
from voicectl.report.escape import shortened, terminal
from voicectl.report.terminal import Style, padded, width
from voicectl.report.words import moment


def table(found: Sequence[CatalogRow], style: Style, columns: Sequence[str] = TABLE) -> str:
    """A table whose columns line up in any script."""
    if not found:
        return "no voices\n"
    lines = [tuple(_HEADS.get(column, column).upper() for column in columns)]
    lines += [tuple(_cell(row, column) for column in columns) for row in found]
    widths = [max(width(line[column]) for line in lines) for column in range(len(columns))]
    texts = [
        "  ".join(padded(cell, cells) for cell, cells in zip(line, widths, strict=True)).rstrip() for line in lines
    ]
    return "\n".join([style.paint(texts[0], "bold"), *texts[1:]]) + "\n"


_HEADS = {"generation": "gen"}


def _cell(row: CatalogRow, column: str) -> str:
    # In the short table one column tells both: the model's state, or why there is none.
    text = row.status if column == "state" and row.status in ("removed", "not applied") else cell(row, column)
    return shortened(terminal(text), 60) or "-"


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


def _samples(samples: Iterable[Sample]) -> Iterator[str]:
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
