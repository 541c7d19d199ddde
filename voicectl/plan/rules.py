"""A team's own rules over the desired form of its voices. Pure.

The desired form is what the manifests come to: defaults and environment put in, marks left out. It is JSON; these
are its keys: name, title, description, visibility, tags, cover_image (the file's path), enhance_audio_quality,
samples (audio, format, seconds, size, transcript), model, external, lifecycle (protect, ignore, retain_days),
consent (speaker, document, granted_on, expires_on, withdrawn_on, visibilities) and metadata. A key without a value
is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from voicectl.errors import Problem
from voicectl.model.catalog import Catalog, Policy, Rule
from voicectl.model.voice import Consent, Sample, Voice
from voicectl.plan.bounded_rules import Budget, RanOut, bounded

ONE_RULE, ALL_RULES, PER_VOICE = 10.0, 60.0, 0.002
"""Seconds of processor time for one rule over the whole catalog, for all of them, and more for each voice.

A rule takes about a tenth of a millisecond for a voice.
"""


@dataclass(frozen=True, slots=True)
class Breach:
    """A voice that does not fit a rule. `where` is the part of the desired form that does not, and how."""

    voice: Voice
    rule: Rule
    where: str


def breaches(voices: Iterable[Voice], policy: Policy) -> Iterator[Breach]:
    """Every voice that breaks a rule, in the order of the voices, then of the rules.

    A rule that runs out of time is reported once and refuses the plan, whatever its level, as its verdict is unknown.
    """
    if not policy.rules:
        return
    from jsonschema.exceptions import best_match

    every = list(voices)
    whole = Budget(ALL_RULES + PER_VOICE * len(every))
    budgets = [Budget(ONE_RULE + PER_VOICE * len(every), within=whole) for _ in policy.rules]
    checks = [(rule, bounded(rule.schema, budget), budget) for rule, budget in zip(policy.rules, budgets, strict=True)]
    for voice in every:
        form = desired_form(voice)
        for entry in tuple(checks):
            rule, check, budget = entry
            budget.start()
            try:
                error = best_match(check.iter_errors(form))
            except RanOut:
                checks.remove(entry)
                yield Breach(
                    voice, replace(rule, level="deny"), "the rule takes too long for this catalog: simplify it"
                )
                continue
            except Exception:
                # Whatever keeps a rule from being applied must not let anything pass.
                yield Breach(voice, rule, "the rule can't be applied: do its references lead back to themselves?")
                continue
            finally:
                budget.stop()
            if error is not None:
                yield Breach(voice, rule, _where(error))


def _where(error: Any) -> str:
    """What of the desired form does not fit, and which part of the rule; never the value, which may be private."""
    path = ".".join(str(step) for step in error.absolute_path) or "the voice"
    value = repr(error.validator_value)
    return f"{path} does not fit {error.validator}: {value if len(value) <= 120 else value[:119] + '…'}"


def breach_problems(catalog: Catalog) -> Iterator[Problem]:
    """The same for files alone: errors for rules that deny, warnings for the others."""
    for breach in breaches(catalog.voices.values(), catalog.policy):
        level = "error" if breach.rule.level == "deny" else "warning"
        yield Problem(breach.voice.source, f"{breach.voice.name}: {breach.rule.message}", breach.where, level)


FORM = (
    "name",
    "title",
    "description",
    "visibility",
    "tags",
    "cover_image",
    "enhance_audio_quality",
    "samples",
    "model",
    "external",
    "lifecycle",
    "consent",
    "metadata",
)
"""The keys of the desired form."""


def desired_form(voice: Voice) -> dict[str, Any]:
    """A voice as rules see it: JSON types only."""
    metadata, lifecycle = voice.metadata, voice.lifecycle
    retain = lifecycle.retain
    return _without_none(
        name=voice.name,
        title=metadata.title,
        description=metadata.description,
        visibility=metadata.visibility,
        tags=None if metadata.tags is None else list(metadata.tags),
        cover_image=voice.cover.path if voice.cover else None,
        enhance_audio_quality=voice.enhance,
        samples=[_sample(sample) for sample in voice.samples],
        model=voice.model,
        external=voice.external,
        lifecycle=_without_none(
            protect=lifecycle.protect,
            ignore=sorted(lifecycle.ignore),
            retain_days=None if retain is None else retain.total_seconds() / 86400,
        ),
        consent=None if voice.consent is None else _consent(voice.consent),
        metadata=dict(voice.free),
    )


def _sample(sample: Sample) -> dict[str, Any]:
    return _without_none(
        audio=sample.path,
        format=sample.format,
        seconds=sample.seconds,
        size=sample.size,
        transcript=sample.transcript,
    )


def _consent(consent: Consent) -> dict[str, Any]:
    dates = {name: getattr(consent, name) for name in ("granted_on", "expires_on", "withdrawn_on")}
    return _without_none(
        speaker=consent.speaker,
        document=consent.document,
        visibilities=list(consent.visibilities),
        **{name: None if day is None else day.isoformat() for name, day in dates.items()},
    )


def _without_none(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
