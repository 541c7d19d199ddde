"""The report of drift: the format of `voicectl drift --format json`, and what it means by each word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from voicectl.model.canonical import CLOSED
from voicectl.model.voice import FieldName, Value
from voicectl.plan.plan import Orphan, Source

DriftStatus = Literal[
    "in_step",
    "changed",
    "missing",
    "failed",
    "not_ready",
    "taken_down",
    "retiring",
    "consent_expired",
    "consent_expiring",
]
GRAVEST: tuple[DriftStatus, ...] = (
    "missing",
    "taken_down",
    "failed",
    "changed",
    "retiring",
    "not_ready",
    "consent_expired",
    "consent_expiring",
    "in_step",
)
"""The order of a report: the worst first."""


@dataclass(frozen=True, slots=True)
class DriftedField:
    """A field whose observed value is not the recorded one."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    field: FieldName
    recorded: Value
    observed: Value


@dataclass(frozen=True, slots=True)
class DriftedVoice:
    """One voice of the lockfile against the account."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    name: str
    id: str
    status: DriftStatus
    source: Source | None = None
    fields: tuple[DriftedField, ...] = ()
    unverifiable: tuple[str, ...] = ()
    """What the API never returns, such as the samples' audio."""
    notes: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    """What the next apply will do by itself, and what to run where that is not meant."""


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """A model that no manifest claims."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    id: str
    title: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DriftSummary:
    """How many voices of each status, and how many models of others.

    The consents are counted whatever else the status says: a voice that was changed may be without one, too.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    in_step: int = 0
    changed: int = 0
    missing: int = 0
    failed: int = 0
    not_ready: int = 0
    taken_down: int = 0
    retiring: int = 0
    consent_expired: int = 0
    consent_expiring: int = 0
    unmanaged: int = 0
    foreign: int = 0
    orphaned: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What the account shows against the lockfile."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    catalog: str
    environment: str | None
    voices: tuple[DriftedVoice, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()
    orphaned: tuple[Orphan, ...] = ()
    summary: DriftSummary = DriftSummary()
    format_version: Literal["1.0"] = "1.0"
