"""Selectors: which voices a command speaks of. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from voicectl.errors import UsageError
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Selectors


def select(holdings: Iterable[Holding], selectors: Selectors, *, strict: bool = True) -> tuple[list[Holding], int]:
    """The selected holdings, and how many were left out.

    A pattern is a name, a glob, or `tag:x`. If `strict`, raises UsageError for one that matches nothing.
    """
    everything = list(holdings)
    for flag, patterns in (("--only", selectors.only), ("--exclude", selectors.exclude)):
        for pattern in patterns:
            if strict and not any(_matches(holding, pattern) for holding in everything):
                raise UsageError(
                    f"{flag} {pattern} matches no voice",
                    "`voicectl list` shows the names; a glob needs quotes in most shells",
                )
    chosen = [
        holding
        for holding in everything
        if (not selectors.only or any(_matches(holding, p) for p in selectors.only))
        and not any(_matches(holding, p) for p in selectors.exclude)
    ]
    return chosen, len(everything) - len(chosen)


def matching(catalog: Catalog, lock: Lock, selectors: Selectors) -> list[str]:
    """The names of the manifests that the selectors choose."""
    holdings = [Holding(name, voice, lock.voices.get(name)) for name, voice in sorted(catalog.voices.items())]
    return [holding.name for holding in select(holdings, selectors, strict=False)[0]]


def _matches(holding: Holding, pattern: str) -> bool:
    if pattern.startswith("tag:"):
        return pattern.removeprefix("tag:") in _tags(holding)
    names = filter(None, (holding.name, holding.previous_name))
    return any(fnmatchcase(name, pattern) for name in names)


def _tags(holding: Holding) -> tuple[str, ...]:
    if holding.voice is not None and holding.voice.metadata.tags is not None:
        return holding.voice.metadata.tags
    recorded = holding.record.applied.tags if holding.record else None
    return recorded or (holding.current.plain_tags if holding.current else ())
