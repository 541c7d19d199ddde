"""Everything that files alone show to be wrong or worth a look. Pure."""

from __future__ import annotations

from datetime import date

from voicectl.errors import Problem
from voicectl.model.catalog import Catalog
from voicectl.plan.consent import consent_problems
from voicectl.plan.rules import breach_problems


def findings(catalog: Catalog, today: date) -> tuple[Problem, ...]:
    """The warnings of a catalog that was read, what its consents and the team's rules say; sorted by place."""
    return tuple(sorted((*catalog.warnings, *consent_problems(catalog, today), *breach_problems(catalog))))
