"""A declared voice and its files -> the voice as it is wanted."""

from __future__ import annotations

from typing import Any

from voicectl.manifest.layers import Declared
from voicectl.manifest.schema import ConsentEntry
from voicectl.manifest.schema import Lifecycle as LifecycleValues
from voicectl.model import canonical
from voicectl.model.voice import Consent, Cover, Lifecycle, Metadata, Sample, Voice


def resolve_voice(voice: Declared, samples: tuple[Sample, ...], cover: Cover | None) -> Voice:
    """The voice in canonical form. Without samples its inputs are None."""
    enhance: bool = voice.value("enhance_audio_quality", True)
    pairs = [(sample.digest, sample.transcript) for sample in samples]
    return Voice(
        name=voice.name,
        source=voice.place,
        metadata=_metadata(voice, cover),
        inputs=canonical.inputs_digest(pairs, enhance=enhance) if pairs else None,
        samples=samples,
        enhance=enhance,
        cover=cover,
        model=voice.model or None,
        external=voice.entry.external,
        lifecycle=_lifecycle(voice.value("lifecycle")),
        consent=_consent(voice.entry.consent),
        free=voice.value("metadata", {}),
    )


def _metadata(voice: Declared, cover: Cover | None) -> Metadata:
    title = _title(voice)
    if voice.entry.external:
        return Metadata(title=title)
    unmanaged = voice.names_model
    description: str | None = voice.value("description", None if unmanaged else "")
    visibility: Any = voice.value("visibility", None if unmanaged else "private")
    return Metadata(
        title=title,
        description=None if description is None else canonical.text(description),
        visibility=visibility,
        tags=voice.tags(),
        cover_image=cover.digest if cover is not None else None,
    )


def _title(voice: Declared) -> str:
    title = canonical.text(voice.value("title", ""))
    # An external model keeps its title, whatever the environment.
    return title if voice.entry.external else canonical.text(title + voice.project.title_suffix)


def _lifecycle(values: LifecycleValues | None) -> Lifecycle:
    if values is None:
        return Lifecycle()
    return Lifecycle(protect=values.protect, ignore=frozenset(values.ignore), retain=values.retain)


def _consent(entry: ConsentEntry | None) -> Consent | None:
    if entry is None:
        return None
    return Consent(
        speaker=canonical.text(entry.speaker),
        document=entry.document or None,
        granted_on=entry.granted_on,
        expires_on=entry.expires_on,
        withdrawn_on=entry.withdrawn_on,
        visibilities=tuple(entry.visibilities),
    )
