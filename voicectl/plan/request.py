"""What is asked of a plan, or about drift: made once, handed on whole; and which voices it selects. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase

from voicectl.errors import UsageError
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock
from voicectl.model.voice import Voice
from voicectl.plan.identity import Holding
from voicectl.plan.plan import EVERYTHING, Notice, Plan, Selectors


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What the project and the command line ask of a plan. `now` is one instant for the whole run."""

    catalog: Catalog
    """The desired voices, under the project's policy with the command line's limits put in."""
    now: datetime
    version: str
    """Of voicectl, as plans name it."""
    selectors: Selectors = EVERYTHING
    retry_failed: bool = False
    recreate_missing: bool = False
    destroy: bool = False
    offline: bool = False
    """The account is not looked at: what was recorded stands in for what would be observed."""
    notices: tuple[Notice, ...] = ()
    """Warnings that only the project's files give rise to."""
    saved: Plan | None = None
    """The saved plan to apply: the plan must still be it, or what a killed run left of it."""

    @property
    def selected(self) -> Selectors:
        """The selectors in force: a saved plan has its own."""
        return self.selectors if self.saved is None else self.saved.selectors


@dataclass(frozen=True, slots=True)
class DriftRequest:
    """What is asked about drift."""

    catalog: Catalog
    today: date
    readable: bool = True
    """Whether `catalog` holds what the manifests want; if they are invalid, it holds only the catalog's name."""
    unmanaged: bool = False
    """Look at the whole account, not only at the catalog's models."""
    claimed: frozenset[str] = frozenset()
    """Ids that other environments of the project name."""
    selectors: Selectors = EVERYTHING


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


def selected_voices(catalog: Catalog, selectors: Selectors) -> tuple[list[Voice], int]:
    """The voices of the manifests that the selectors choose, by name, and how many they leave out.

    Raises UsageError for a pattern that matches none of them.
    """
    holdings = [Holding(name, voice, None) for name, voice in sorted(catalog.voices.items())]
    chosen, left_out = select(holdings, selectors)
    return [holding.voice for holding in chosen if holding.voice is not None], left_out


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
