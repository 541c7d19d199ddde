"""One voice seen through the layers that describe it, and what they add up to.

Strongest first: the environment's override, the voice, the environment's defaults, the defaults.
Defaults do not apply to voices with a `model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from voicectl.errors import Place
from voicectl.manifest.project import Project
from voicectl.manifest.schema import ConsentEntry, ManifestFile, Override, SpeechEntry, VoiceEntry
from voicectl.manifest.schema import Lifecycle as LifecycleValues
from voicectl.manifest.validate import Broken
from voicectl.manifest.yaml_document import Document, Path
from voicectl.model import canonical
from voicectl.model.voice import Consent, Cover, Lifecycle, Metadata, Sample, Voice


@dataclass(frozen=True, slots=True)
class Manifest:
    """One manifest as it was read. `base` is its directory, relative to the project."""

    document: Document
    content: ManifestFile
    broken: Broken
    base: str

    def is_broken(self, *path: str | int) -> bool:
        """Whether something at `path`, above it or in it was unusable and is already reported."""
        return any(path[: len(gone)] == gone or gone[: len(path)] == path for gone in self.broken)


@dataclass(frozen=True, slots=True)
class Layer:
    """Some values and where they stand. Their paths start from the directory `base`."""

    values: BaseModel
    document: Document
    path: Path
    base: str = ""

    def has(self, key: str) -> bool:
        """Whether this layer says anything about `key`."""
        return key in self.values.model_fields_set

    def value(self, key: str) -> Any:
        """The value of `key`, or its default if this layer says nothing."""
        return getattr(self.values, key)

    def place(self, key: str, *rest: str | int) -> Place:
        """Where the value of `key` (or something in it) stands."""
        return self.document.value((*self.path, key, *rest))

    def key_place(self, key: str, *rest: str | int) -> Place:
        """Where the key itself stands."""
        return self.document.key((*self.path, key, *rest))


@dataclass(frozen=True)
class Declared:
    """A voice of a manifest together with the project's defaults and environment."""

    name: str
    manifest: Manifest
    entry: VoiceEntry
    project: Project

    @cached_property
    def own(self) -> Layer:
        """What the manifest says."""
        return Layer(self.entry, self.manifest.document, ("voices", self.name), self.manifest.base)

    @cached_property
    def override(self) -> Layer | None:
        """What the environment says about this voice."""
        values = self.project.chosen.voices.get(self.name)
        if values is None or self.project.environment is None:
            return None
        path = ("environments", self.project.environment, "voices", self.name)
        return Layer(values, self.project.document, path)

    @cached_property
    def place(self) -> Place:
        """The voice's key in its manifest."""
        return self.own.document.key(self.own.path)

    @cached_property
    def model(self) -> str:
        """The id of the adopted or external model; empty without one."""
        override = self.override
        if override is not None and isinstance(override.values, Override) and override.has("model"):
            return override.values.model
        return self.entry.model

    @cached_property
    def names_model(self) -> bool:
        """Whether the voice names a model: then voicectl leaves omitted metadata alone, and defaults do not apply."""
        return bool(self.model) or self.entry.external or self.is_broken("model")

    @cached_property
    def specific(self) -> tuple[Layer, ...]:
        """The layers for this voice alone, strongest first."""
        return (self.override, self.own) if self.override is not None else (self.own,)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """All layers that apply, strongest first."""
        return self.specific if self.names_model else (*self.specific, *default_layers(self.project))

    def is_broken(self, *path: str | int) -> bool:
        """Whether something at `path` in the voice, or in it, was unusable and is already reported."""
        return self.manifest.is_broken("voices", self.name, *path)

    def layer_of(self, key: str) -> Layer | None:
        """The strongest layer that says anything about `key`."""
        return next((layer for layer in self.layers if layer.has(key)), None)

    def value(self, key: str, otherwise: Any = None) -> Any:
        """The value of `key` in the strongest layer that has it."""
        layer = self.layer_of(key)
        return otherwise if layer is None else layer.value(key)

    def tags(self) -> tuple[str, ...] | None:
        """The tags in canonical form: the override's alone if it has any, else the voice's and the defaults'
        together."""
        override = self.override
        if override is not None and override.has("tags"):
            return canonical.tags(override.value("tags"))
        layers = [layer for layer in self.layers if layer.has("tags")]
        if self.names_model and not layers:
            return None
        return canonical.tags(tag for layer in layers for tag in layer.value("tags"))


def default_layers(project: Project) -> tuple[Layer, ...]:
    """The environment's defaults and the project's, strongest first."""
    shared = Layer(project.content.defaults, project.document, ("defaults",))
    if project.environment is None:
        return (shared,)
    path = ("environments", project.environment, "defaults")
    return Layer(project.chosen.defaults, project.document, path), shared


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
        speech_model=_speech_model(voice),
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


def _speech_model(voice: Declared) -> str | None:
    """The defaults hold for adopted and external voices, too: it says nothing of the model itself."""
    layers = (*voice.specific, *default_layers(voice.project))
    layer = next((layer for layer in layers if layer.has("speech")), None)
    entry: SpeechEntry | None = layer.value("speech") if layer is not None else None
    return (entry.model or None) if entry is not None else None


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
