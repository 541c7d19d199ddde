"""The speaker's consent: what the manifests alone say of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from voicectl.errors import Problem
from voicectl.model.catalog import Catalog
from voicectl.model.voice import Consent, Visibility, Voice


def withdrawn(voice: Voice | None, today: date) -> bool:
    """Whether the speaker has taken the consent back."""
    consent = voice.consent if voice else None
    return consent is not None and consent.withdrawn_on is not None and consent.withdrawn_on <= today


def lacking_consent(consent: Consent | None, visibility: Visibility, today: date) -> str:
    """What keeps a consent from covering this visibility, as the end of a sentence; empty if nothing does."""
    if consent is None:
        return "it has none"
    if consent.expires_on is not None and consent.expires_on < today:
        return f"it expired on {consent.expires_on}"
    return "" if visibility in consent.visibilities else f"it does not cover {visibility}"


def consent_problems(catalog: Catalog, today: date) -> Iterator[Problem]:
    """The same rule over files alone: voices whose consent would be refused if they were made now."""
    for voice in catalog.voices.values():
        visibility = voice.metadata.visibility
        if visibility in catalog.policy.require_consent and not withdrawn(voice, today):
            lacking = lacking_consent(voice.consent, visibility, today)
            if lacking:
                message = f"{visibility} voices need a consent, and {lacking}"
                yield Problem(voice.source, message, "complete `consent`, or narrow `visibility`")
