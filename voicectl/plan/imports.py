"""Existing models on their way into the manifests: which may come, and under which names. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from voicectl.errors import VoicectlError
from voicectl.model import canonical, marker
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock
from voicectl.model.observed import Model

MAX_NAME = 63


class NotImportable(VoicectlError):
    """A model can't come under management here; nothing was written."""

    code = "not_importable"


@dataclass(frozen=True, slots=True)
class Import:
    """One model and the name that it gets."""

    name: str
    model: Model


def chosen(
    wanted: Mapping[str, str],
    found: Mapping[str, Model],
    catalog: Catalog,
    lock: Lock,
    account: str | None,
    claimed: frozenset[str] = frozenset(),
) -> list[Import]:
    """The models asked for by id, each checked. Raises NotImportable with every reason."""
    reasons = []
    seen: dict[str, str] = {}
    for name, model_id in wanted.items():
        reason = _reason(name, model_id, found.get(model_id), catalog, lock, account)
        if not reason and model_id in claimed:
            reason = f"{model_id} is named by `model:` in another environment"
        if not reason and model_id in seen:
            reason = f"{model_id} is asked for twice, as {seen[model_id]} and {name}"
        seen.setdefault(model_id, name)
        reasons += [reason] if reason else []
    if reasons:
        raise NotImportable("; ".join(reasons), "nothing was written; leave these out, or correct them")
    return [Import(name, found[model_id]) for name, model_id in wanted.items()]


def unmanaged(models: Iterable[Model], catalog: Catalog, lock: Lock, claimed: frozenset[str]) -> list[Import]:
    """Every model without marks that no manifest and no record claims, under names made from their titles.

    `claimed` are ids that other environments of the project name.
    """
    claimed = claimed | lock.ids() | {voice.model for voice in catalog.voices.values() if voice.model}
    # By age, so that names stay the same however the provider lists the models.
    left = sorted((m for m in models if not m.marks and m.id not in claimed), key=lambda m: m.age)
    names = unique_names([model.title for model in left], {*catalog.voices, *lock.voices, *lock.removed})
    return [Import(name, model) for name, model in zip(names, left, strict=True)]


def unique_names(titles: Sequence[str], taken: Collection[str]) -> list[str]:
    """A name for each title: `Ärzte-Hotline` gives `arzte-hotline`, and the next one of them `arzte-hotline-2`."""
    used, names = set(taken), []
    for title in titles:
        base = slug(title)
        name, number = base, 1
        while name in used:
            number += 1
            name = f"{base[: MAX_NAME - len(str(number)) - 1]}-{number}"
        used.add(name)
        names.append(name)
    return names


def slug(title: str) -> str:
    """A title in the letters that a name may have, whatever its script; `voice` where nothing is left."""
    from anyascii import anyascii

    plain = re.sub(r"[^a-z0-9]+", "-", anyascii(canonical.text(title)).lower()).strip("-")
    return plain[:MAX_NAME].strip("-") or "voice"


def _reason(name: str, model_id: str, model: Model | None, catalog: Catalog, lock: Lock, account: str | None) -> str:
    """Why a model can't be imported under a name; empty if it can."""
    if name in catalog.voices:
        return f"{name} is a voice of the manifests already ({catalog.voices[name].source})"
    if name in lock.voices:
        return f"{name} is recorded in the lockfile already"
    # Before the retired ones: a model that serves is to be named by its voice.
    holder = next((n for n, record in lock.voices.items() if record.id == model_id), None)
    holder = holder or next((n for n, voice in catalog.voices.items() if voice.model == model_id), None)
    if holder is not None:
        return f"{model_id} is managed already, as {holder}"
    if model_id in lock.ids():
        return f"{model_id} is a retired generation of this catalog"
    if model is None:
        return f"there is no model {model_id}"
    if account and model.author and model.author != account:
        return f"{model_id} belongs to another account; `external: true` uses it without owning it"
    others = marker.owners(model.tags)
    return f"{model_id} carries the marks of {', '.join(sorted(others))}" if others else ""
