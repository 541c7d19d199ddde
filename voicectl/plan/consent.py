"""The speaker's consent: what it covers, when it ends, and what it then refuses. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from voicectl.errors import Problem, counted
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock
from voicectl.model.voice import Consent, Visibility, Voice
from voicectl.plan.actions import Create, Resend, Serve, Task, reveals, shows_more
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Notice, Refusal

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


def expiry(voice: Voice, today: date, warning: timedelta) -> str:
    """What to know of a consent that has ended, or does so within `warning`; empty if there is nothing."""
    expires = voice.consent.expires_on if voice.consent else None
    ends = voice.consent.withdrawn_on if voice.consent else None
    if ends is not None and ends > today:
        return f"the consent is withdrawn on {ends}: the first apply from then on deletes every generation, for good"
    if expires is None or withdrawn(voice, today) or expires > today + warning:
        return ""
    if expires < today:
        return f"the consent expired on {expires}: voicectl will not create, replace or widen the voice"
    return f"the consent expires on {expires}, {in_days(expires, today)}"


def in_days(when: date, today: date) -> str:
    """How far a day is away that is not over yet."""
    days = (when - today).days
    return f"in {counted(days, 'day')}" if days else "today"


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
        elif words := expiry(voice, today, catalog.policy.consent_warning):
            yield Problem(voice.source, words, RENEW, "warning")


def _withdrawn_samples(catalog: Catalog, lock: Lock, today: date) -> dict[str, str]:
    """Every recording whose speaker has withdrawn the consent, and the voice that it was made for.

    Each by its own digest, in whatever set it stands, also those of earlier generations and of models deleted since.
    """
    # By recording and not by voice: the same file must not come back under another name.
    refused: dict[str, str] = {s.audio: gone.name for gone in lock.deleted for s in gone.samples}
    for voice in catalog.voices.values():
        if not withdrawn(voice, today):
            continue
        record = lock.voices.get(voice.name)
        recorded = (*(record.samples if record else ()), *(s for r in lock.retired(voice.name) for s in r.samples))
        refused |= dict.fromkeys((s.audio for s in recorded), voice.name)
        refused |= dict.fromkeys((s.digest for s in voice.samples), voice.name)
    return refused


def check_consent(catalog: Catalog, lock: Lock, tasks: Iterable[Task | Resend], today: date) -> Iterator[Refusal]:
    """No new model and no wider visibility without the consent that the policy asks for."""
    refused = _withdrawn_samples(catalog, lock, today)
    for task in tasks:
        # What stays as it is, or is shown to fewer people, needs nobody's leave.
        if not isinstance(task, Serve | Resend) or not shows_more(task):
            continue
        voice = task.voice
        # Said alone: no date or visibility matters once the speaker has said no.
        if taken := [sample for sample in voice.samples if sample.digest in refused]:
            names = ", ".join(sorted({refused[sample.digest] for sample in taken}))
            files = ", ".join(sample.path for sample in taken)
            yield Refusal(
                "consent_withdrawn",
                f"{voice.name}: the consent for {files} was withdrawn (see {names})",
                "take these samples out of the voice, or the voice out of the manifests",
                (voice.name,),
            )
            continue
        visibility = voice.metadata.visibility
        place = f"{voice.source.file}:{voice.source.line}: {voice.name}"
        expires = voice.consent.expires_on if voice.consent else None
        if visibility in catalog.policy.require_consent:
            lacking = lacking_consent(voice.consent, visibility, today)
            words = f"{visibility} voices need a consent, and {lacking}" if lacking else ""
        elif expires is not None and expires < today:
            words = expiry(voice, today, catalog.policy.consent_warning)
        elif voice.consent is not None and (isinstance(task, Create) or reveals(task)):
            # A voice that is shown so widely already is warned of, and not narrowed.
            lacking = lacking_consent(voice.consent, visibility or "private", today)
            words = lacking.replace("it does", "the consent does", 1)
        else:
            words = ""
        ended = expires is not None and expires < today
        if words:
            hint = RENEW if ended else "complete `consent`, or narrow `visibility`"
            yield Refusal("consent_expired" if ended else "consent_missing", f"{place}: {words}", hint, (voice.name,))


def check_expiry(holdings: Iterable[Holding], today: date, warning: timedelta) -> Iterator[Notice]:
    """Consents that end soon, or do not cover what is already shown."""
    for holding in holdings:
        voice = holding.voice
        if voice is None:
            continue
        place = f"{voice.source.file}:{voice.source.line}: {voice.name}"
        if words := expiry(voice, today, warning):
            yield Notice("consent_expiring", f"{place}: {words}", RENEW, (voice.name,))
        shown, consent = holding.current.visibility if holding.current else "private", voice.consent
        if consent is not None and shown not in consent.visibilities and shown == voice.metadata.visibility:
            words = f"the consent covers {', '.join(consent.visibilities)}, and the voice is shown as {shown}"
            hint = f"write `visibilities: [{shown}]` if the speaker agreed to that, or narrow `visibility`"
            yield Notice("consent_narrower", f"{place}: {words}", hint, (voice.name,))
