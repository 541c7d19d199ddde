"""What is asked of a plan, or of an audit: made once by the command line, handed on whole. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from voicectl.model.catalog import Catalog
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
    """What is asked of an audit."""

    catalog: Catalog
    today: date
    readable: bool = True
    """Whether `catalog` holds what the manifests want; if they are invalid, it holds only the catalog's name."""
    unmanaged: bool = False
    """Look at the whole account, not only at the catalog's models."""
    claimed: frozenset[str] = frozenset()
    """Ids that other environments of the project name."""
    selectors: Selectors = EVERYTHING
