"""The speaker's consent: what the manifests alone say of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from voicectl.errors import Problem
from voicectl.model.catalog import Catalog
from voicectl.model.voice import Consent, Visibility, Voice

EXPIRY_WARNING = timedelta(days=30)
"""How long before the end of a consent warnings begin."""
RENEW = "renew it, or take the voice out of the manifests"


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


def expiry(voice: Voice, today: date) -> str:
    """What to know of a consent that has ended, or does so soon; empty if there is nothing."""
    expires = voice.consent.expires_on if voice.consent else None
    ends = voice.consent.withdrawn_on if voice.consent else None
    if ends is not None and ends > today:
        return f"the consent is withdrawn on {ends}: the first apply from then on deletes every generation, for good"
    if expires is None or withdrawn(voice, today) or expires > today + EXPIRY_WARNING:
        return ""
    if expires < today:
        return f"the consent expired on {expires}: voicectl will not create, replace or widen the voice"
    days = (expires - today).days
    return f"the consent expires on {expires}, in {days} day{'' if days == 1 else 's'}"


def consent_problems(catalog: Catalog, today: date) -> Iterator[Problem]:
    """The same over files alone: errors where a voice would be refused if it were made now, warnings before that."""
    for voice in catalog.voices.values():
        visibility = voice.metadata.visibility
        lacking = ""
        if visibility in catalog.policy.require_consent and not withdrawn(voice, today):
            lacking = lacking_consent(voice.consent, visibility, today)
        if lacking:
            message = f"{visibility} voices need a consent, and {lacking}"
            yield Problem(voice.source, message, "complete `consent`, or narrow `visibility`")
        elif words := expiry(voice, today):
            yield Problem(voice.source, words, RENEW, "warning")
