"""What the renderers of a drift report share. Every text from here is one line and safe on a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from voicectl.model import catalog
from voicectl.plan.drift_report import DriftedField, DriftedVoice, DriftReport
from voicectl.report.escape import terminal
from voicectl.report.words import short, value_text

MEANINGS = {
    "changed": "was changed in the account",
    "missing": "is gone from the account",
    "failed": "failed to train",
    "not_ready": "is not trained yet",
    "taken_down": "was taken down by the provider",
    "retiring": "is being retired by the provider",
    "consent_expired": "is served without a valid consent",
    "consent_expiring": "is served with a consent that ends soon",
    "in_step": "is as it was last applied",
}
LABELS = {"cover_image": "cover image"}
COUNTED = (
    ("in_step", "in step"),
    ("changed", "changed"),
    ("missing", "missing"),
    ("failed", "failed"),
    ("taken_down", "taken down"),
    ("retiring", "retiring"),
    ("not_ready", "not ready"),
    ("consent_expired", "without consent"),
    ("consent_expiring", "whose consent ends soon"),
    ("orphaned", "orphaned"),
    ("unmanaged", "unmanaged"),
    ("foreign", "of other catalogs"),
    ("pending", "pending in Git"),
)


def namespace(report: DriftReport) -> str:
    """The catalog with its environment."""
    return catalog.namespace(report.catalog, report.environment)


def totals(report: DriftReport) -> str:
    """The counts that are not zero, in one line."""
    parts = [f"{getattr(report.summary, name)} {words}" for name, words in COUNTED if getattr(report.summary, name)]
    return ", ".join(parts) or "nothing is recorded"


def drifted(report: DriftReport) -> list[DriftedVoice]:
    """The voices that the report has something to say about."""
    return [voice for voice in report.voices if voice.status != "in_step" or voice.notes]


def found(report: DriftReport, fail_on: Collection[str]) -> bool:
    """Whether the report holds any status that counts as drift."""
    return any(getattr(report.summary, status) for status in fail_on)


def headline(voice: DriftedVoice) -> str:
    """One sentence about a voice."""
    return f"{voice.name} {MEANINGS[voice.status]}"


def field_lines(field: DriftedField) -> Iterator[tuple[str, str]]:
    """Both values of a field, each with its caption."""
    yield "last applied", value_text(field.recorded, field.field)
    yield "account now", value_text(field.observed, field.field)


def label(field: DriftedField) -> str:
    """A field's name for people."""
    return LABELS.get(field.field, field.field)


def notes(voice: DriftedVoice) -> list[str]:
    """What else there is to say about a voice."""
    return [terminal(note) for note in voice.notes]


def remedies(voice: DriftedVoice) -> list[str]:
    """What to do about it."""
    return [terminal(remedy) for remedy in voice.remedies]


def place(voice: DriftedVoice) -> str:
    """The manifest's file and line; empty if no manifest has the voice."""
    return f"{terminal(voice.source.file)}:{voice.source.line}" if voice.source else ""


def sentence(voice: DriftedVoice) -> str:
    """All that we know of a voice's drift, in one line."""
    fields = "; ".join(
        f"{label(field)}: " + ", ".join(f"{caption} {value}" for caption, value in field_lines(field))
        for field in voice.fields
    )
    return "; ".join(part for part in (headline(voice), fields, *notes(voice), *remedies(voice)) if part)


def strangers(report: DriftReport) -> Iterator[str]:
    """Models that no record claims, one a line."""
    served = {voice.name for voice in report.voices}
    for orphan in report.orphaned:
        unknown = "the lockfile does not know it" if orphan.name in served else "no manifest and no lockfile knows it"
        where = f"it carries our marks, but {unknown}; the next apply retires it"
        yield f'orphaned {orphan.id}  {orphan.name}  "{short(orphan.title)}": {where}'
    for model in report.unmanaged:
        since = f", since {model.created_at:%Y-%m-%d}" if model.created_at else ""
        yield f'unmanaged {model.id}  "{short(model.title)}"{since}'
