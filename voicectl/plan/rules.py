"""A team's own rules over the desired form of its voices. Pure.

The desired form is what the manifests come to: defaults and environment put in, marks left out. It is JSON; these
are its keys: name, title, description, visibility, tags, cover_image (the file's path), enhance_audio_quality,
samples (audio, format, seconds, size, transcript), model, external, lifecycle (protect, ignore, retain_days),
consent (speaker, document, granted_on, expires_on, withdrawn_on, visibilities) and metadata. A key without a value
is left out.

A rule is untrusted: patterns run with the `regex` package, and every check within a bound of processor time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from time import thread_time
from typing import Any

from voicectl.errors import Problem
from voicectl.model.catalog import Catalog, Policy, Rule
from voicectl.model.voice import Consent, Sample, Voice
from voicectl.plan.consent import consent_problems

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
            # Once is enough: the rule would run out again at every other voice.
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
    "speech",
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
        speech=None if voice.speech_model is None else {"model": voice.speech_model},
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


def findings(catalog: Catalog, today: date) -> tuple[Problem, ...]:
    """The warnings of a catalog that was read, what its samples' headers, its consents and the team's rules say.

    Sorted by place.
    """
    return tuple(
        sorted((*catalog.warnings, *catalog.lint, *consent_problems(catalog, today), *breach_problems(catalog)))
    )


PATIENCE = 1.0
"""Seconds for one pattern on one text."""


class RanOut(Exception):
    """A rule takes longer than it may."""


class Budget:
    """Seconds of processor time, spent between `start` and `stop`; what is spent is taken off `within` too."""

    def __init__(self, seconds: float, within: Budget | None = None) -> None:
        self.seconds = seconds
        self._left = seconds
        self._within = within
        self._began = self._end = 0.0

    def start(self) -> None:
        """Begin to spend."""
        self._began = thread_time()
        self._end = self._began + (min(self._left, self._within._left) if self._within else self._left)

    def stop(self) -> None:
        """Cease to spend."""
        spent = thread_time() - self._began
        self._left -= spent
        if self._within:
            self._within._left -= spent

    def check(self) -> float:
        """What is left, in seconds. Raises RanOut where nothing is."""
        left = self._end - thread_time()
        if left <= 0:
            raise RanOut
        return left

    def found(self, pattern: str, text: str) -> bool:
        """Whether a regular expression matches somewhere in a text. Raises RanOut."""
        import regex

        try:
            # `re` can't be interrupted, and backtracking has no end that anybody lives to see.
            return regex.search(pattern, text, timeout=min(PATIENCE, self.check())) is not None
        except TimeoutError:
            raise RanOut from None


def bounded(schema: Mapping[str, Any], budget: Budget) -> Any:
    """A validator of the library's whose keywords all look at the budget. Whatever applies it may raise RanOut."""
    from jsonschema import Draft202012Validator, validators
    from referencing import Registry

    library: dict[str, Any] = dict(Draft202012Validator.VALIDATORS)
    keywords = {name: _watched(keyword, budget) for name, keyword in (library | _keywords(budget)).items()}
    # An empty registry: nothing is fetched, whatever a rule refers to.
    empty: Registry[Any] = Registry()
    extend: Any = validators.extend
    return extend(Draft202012Validator, keywords)(_of_one_dialect(dict(schema)), registry=empty)


def _of_one_dialect(value: Any) -> Any:
    """Without `$schema`: for a part of a schema that has one, the library would take a validator without bounds."""
    if isinstance(value, list):
        return [_of_one_dialect(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _of_one_dialect(inner) for key, inner in value.items() if not (key == "$schema" and isinstance(inner, str))
    }


Keyword = Callable[[Any, Any, Any, Any], Any]


def _watched(keyword: Keyword, budget: Budget) -> Keyword:
    def watched(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        budget.check()
        yield from keyword(validator, value, instance, schema) or ()

    return watched


def _keywords(budget: Budget) -> dict[str, Keyword]:
    """The keywords in which the library searches with `re`, which has no end, or compares each item with each."""
    from jsonschema.exceptions import ValidationError

    def pattern(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if isinstance(instance, str) and not budget.found(value, instance):
            yield ValidationError(f"{instance[:200]!r} does not match {value!r}")

    def pattern_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        for expression, inner in value.items() if isinstance(instance, dict) else ():
            for key, item in instance.items():
                if budget.found(expression, key):
                    yield from validator.descend(item, inner, path=key, schema_path=expression)

    def additional_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        for key, item in instance.items() if isinstance(instance, dict) else ():
            if key in known or any(budget.found(expression, key) for expression in patterns):
                continue
            if value is False:
                yield ValidationError(f"{key[:200]!r} is not allowed")
            else:
                yield from validator.descend(item, value, path=key)

    def unique_items(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if value and isinstance(instance, list) and len({_comparable(item) for item in instance}) < len(instance):
            yield ValidationError("an item is there twice")

    return {
        "pattern": pattern,
        "patternProperties": pattern_properties,
        "additionalProperties": additional_properties,
        "uniqueItems": unique_items,
    }


def _comparable(value: Any) -> Hashable:
    """Equal for values that JSON Schema calls equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, dict):
        return "object", frozenset((key, _comparable(item)) for key, item in value.items())
    if isinstance(value, list):
        return "array", tuple(_comparable(item) for item in value)
    # For Python True is 1, for JSON Schema it is not.
    return "boolean" if isinstance(value, bool) else "value", value
