"""A catalog: the desired voices, and the rules under which they are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from voicectl.errors import Place, Problem
from voicectl.model.lint import Setting
from voicectl.model.voice import Visibility, Voice

DEFAULT_RETENTION = timedelta(days=7)

OnDrift = Literal["overwrite", "keep", "fail"]
OnConflict = Literal["fail", "overwrite", "keep"]
RuleLevel = Literal["deny", "warn"]

_LIMIT = re.compile(r"(\d+)(%?)")


@dataclass(frozen=True, slots=True)
class Limit:
    """How many voices of a catalog one apply may touch: a number, or a share of the catalog."""

    amount: int
    percent: bool = False

    @classmethod
    def parse(cls, value: str | int) -> Limit:
        """Read `5` or `30%`. Raises ValueError with a sentence for anything else."""
        match = _LIMIT.fullmatch(str(value).strip())
        if match is None or (match[2] and int(match[1]) > 100):
            raise ValueError(f"{value!r} is neither a whole number nor a share such as 30%")
        return cls(int(match[1]), bool(match[2]))

    def allows(self, catalog_size: int) -> int:
        """The number allowed for a catalog of this size: shares round down, but never below 1."""
        return max(1, catalog_size * self.amount // 100) if self.percent else self.amount

    def __str__(self) -> str:
        return f"{self.amount}%" if self.percent else str(self.amount)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the team's own: `schema` is a JSON Schema (draft 2020-12) over a voice's desired form."""

    schema: Mapping[str, Any]
    message: str
    level: RuleLevel
    source: Place


@dataclass(frozen=True, slots=True)
class Policy:
    """The project file's `policy`, with the command line's limits already put in."""

    max_deletes: Limit = Limit(30, percent=True)
    max_replaces: Limit = Limit(30, percent=True)
    on_drift: OnDrift = "overwrite"
    on_conflict: OnConflict = "fail"
    min_sample_seconds: float = 10.0
    require_consent: frozenset[Visibility] = frozenset()
    max_visibility: Visibility = "public"
    consent_warning: timedelta = timedelta(days=30)
    """How long before a consent expires warnings begin."""
    max_models: int | None = None
    """Of the catalog in the account, retired generations included."""
    rules: tuple[Rule, ...] = ()
    lint: Mapping[str, Setting] = field(default_factory=dict)
    """Settings of `voicectl lint` by rule."""


@dataclass(frozen=True, slots=True)
class Move:
    """`moved`: a voice got another name; its model stays."""

    old: str
    new: str
    source: Place


@dataclass(frozen=True, slots=True)
class Removal:
    """`removed`: how a voice leaves the catalog."""

    name: str
    keep_model: bool
    source: Place


@dataclass(frozen=True, slots=True)
class Catalog:
    """What the manifests want, all of it, for one environment.

    `name` and `environment` form the namespace of the marks. `moved` has all chains resolved: every `new` is a final
    name, and an `old` is a voice only where voices swap their names.
    """

    name: str
    environment: str | None = None
    voices: Mapping[str, Voice] = field(default_factory=dict)
    moved: tuple[Move, ...] = ()
    removed: Mapping[str, Removal] = field(default_factory=dict)
    retain: timedelta = DEFAULT_RETENTION
    policy: Policy = Policy()
    warnings: tuple[Problem, ...] = ()
    lint: tuple[Problem, ...] = ()
    """What those rules of `voicectl lint` found that need only headers. `validate` tells it; a plan does not."""

    @property
    def namespace(self) -> str:
        """`acme`, or `acme.staging` with an environment."""
        return namespace(self.name, self.environment)


def namespace(catalog: str, environment: str | None) -> str:
    """The namespace of ownership, which the marks carry."""
    return f"{catalog}.{environment}" if environment else catalog
