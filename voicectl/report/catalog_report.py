"""The catalog as `list`, `show` and `output` tell it: manifests and lockfile, no account."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, Record, Retired
from voicectl.report.document import as_json, document
from voicectl.report.escape import padded, shortened, terminal, width
from voicectl.report.style import Style
from voicectl.report.words import moment


@dataclass(frozen=True, slots=True)
class Row:
    """One voice in a list. `status` compares manifest and lockfile."""

    name: str
    status: str
    """applied | not applied | removed: in both, only in a manifest, only in the lockfile (perhaps retired)."""
    id: str | None
    state: str | None
    generation: int | None
    visibility: str | None
    title: str
    origin: str | None


def rows(catalog: Catalog, lock: Lock) -> list[Row]:
    """One row for each name that the manifests or the lockfile have, sorted; removed ones while they are kept."""
    return [_row(name, catalog, lock) for name in sorted({*catalog.voices, *lock.voices, *lock.removed})]


def _row(name: str, catalog: Catalog, lock: Lock) -> Row:
    voice, record = catalog.voices.get(name), lock.voices.get(name)
    status = "removed" if voice is None else "applied" if record is not None else "not applied"
    desired = voice.metadata.visibility if voice else None
    kept = lock.removed[name].retired[0] if name in lock.removed and voice is None else None
    return Row(
        name=name,
        status=status,
        id=record.id if record else (kept.id if kept else None),
        state=record.state if record else None,
        generation=record.generation if record else (kept.generation if kept else None),
        visibility=(record.applied.visibility if record else None) or desired,
        title=voice.title if voice else (record.applied.title if record else None) or "",
        origin=record.origin if record else None,
    )


def table(found: list[Row], style: Style) -> str:
    """A table whose columns line up whatever the script of the titles."""
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


def list_json(catalog: Catalog, found: Iterable[Row]) -> str:
    """The list as JSON."""
    voices = [as_json(row) for row in found]
    values = {"format_version": "1.0", "catalog": catalog.name, "environment": catalog.environment, "voices": voices}
    return document(values)


def show_json(name: str, catalog: Catalog, lock: Lock) -> str:
    """Everything known of a voice, consent and free metadata too."""
    voice, record = catalog.voices.get(name), lock.voices.get(name)
    desired = as_json(voice) if voice else None
    if desired is not None:
        # The manifest's words: there `metadata` is what is free.
        desired |= {"fields": desired["metadata"], "metadata": desired.pop("free")}
    values: dict[str, Any] = {
        "format_version": "1.0",
        "name": name,
        "desired": desired,
        "recorded": as_json(record) if record else None,
        "retired": [as_json(gone) for gone in lock.retired(name)],
    }
    return document(values)


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


def ids(lock: Lock) -> tuple[dict[str, str], list[str]]:
    """Name to id of every voice with a trained model, and the names that are left out."""
    found = {name: r.id for name, r in sorted(lock.voices.items()) if r.state == "trained"}
    return found, sorted(lock.voices.keys() - found.keys())


def output(found: dict[str, str], fmt: str, prefix: str) -> str:
    """The ids as environment variables, JSON or YAML."""
    if fmt == "json":
        return document(found)
    if fmt == "yaml":
        return "".join(f"{json.dumps(name)}: {json.dumps(model_id)}\n" for name, model_id in found.items()) or "{}\n"
    return "".join(f"{variable(name, prefix)}={shlex.quote(model_id)}\n" for name, model_id in found.items())


def variable(name: str, prefix: str) -> str:
    """The environment variable of a voice: `narrator-2` is `VOICE_NARRATOR_2` with the prefix `VOICE_`."""
    return prefix + "".join(c if c.isalnum() else "_" for c in name).upper()
