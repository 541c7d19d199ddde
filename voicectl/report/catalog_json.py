"""The catalog for machines: lists, one voice, and the ids that applications read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock
from voicectl.plan.rules import desired_form
from voicectl.report.catalog_words import CatalogRow
from voicectl.report.document import as_json, document


def list_json(catalog: Catalog, found: Iterable[CatalogRow]) -> str:
    """The list as JSON."""
    voices = [as_json(row) for row in found]
    values = {"format_version": "1.0", "catalog": catalog.name, "environment": catalog.environment, "voices": voices}
    return document(values)


def show_json(name: str, catalog: Catalog, lock: Lock) -> str:
    """All that we know of a voice. `desired` is the form that `policy.rules` judge."""
    voice, record = catalog.voices.get(name), lock.voices.get(name)
    values: dict[str, Any] = {
        "format_version": "1.0",
        "name": name,
        "desired": desired_form(voice) if voice else None,
        "recorded": as_json(record) if record else None,
        "retired": [as_json(gone) for gone in lock.retired(name)],
    }
    return document(values)


def ids(lock: Lock) -> tuple[dict[str, str], list[str]]:
    """Name to id of every voice with a trained model, and the names without one."""
    found = {name: r.id for name, r in sorted(lock.voices.items()) if r.state == "trained"}
    return found, sorted(lock.voices.keys() - found.keys())


SPEECH = "$speech"
"""The key of the speech models beside the ids: no voice can have this name."""


def output(found: dict[str, str], fmt: str, prefix: str, speech: Mapping[str, str] = MappingProxyType({})) -> str:
    """The ids as environment variables, JSON or YAML; the last two with the speech models, where a voice has one."""
    values: dict[str, Any] = {**found, **({SPEECH: dict(speech)} if speech else {})}
    if fmt == "json":
        return document(values)
    if fmt == "yaml":
        # JSON is YAML, and needs no care about what a plain scalar might mean.
        return "".join(f"{json.dumps(name)}: {json.dumps(value)}\n" for name, value in values.items()) or "{}\n"
    return "".join(f"{variable(name, prefix)}={shlex.quote(model_id)}\n" for name, model_id in found.items())


def variable(name: str, prefix: str) -> str:
    """The environment variable of a voice: `narrator-2` is `VOICE_NARRATOR_2` with the prefix `VOICE_`."""
    return prefix + "".join(c if c.isalnum() else "_" for c in name).upper()
