"""A voice as the manifests want it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Literal, Self, get_args

from voicectl.errors import Place

Visibility = Literal["private", "unlist", "public"]
VISIBILITIES: tuple[Visibility, ...] = get_args(Visibility)
"""From the narrowest to the widest."""

FieldName = Literal["title", "description", "visibility", "tags", "cover_image"]
FIELDS: tuple[FieldName, ...] = get_args(FieldName)
"""The changeable fields of a model, in the order of display."""

Value = str | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Metadata:
    """The changeable fields in canonical form; None means that the field is not managed.

    `tags` are without the marks. `cover_image` is the file's `sha256:<hex>`.
    """

    title: str | None = None
    description: str | None = None
    visibility: Visibility | None = None
    tags: tuple[str, ...] | None = None
    cover_image: str | None = None

    @classmethod
    def from_values(cls, values: Mapping[FieldName, Value], **more: Any) -> Self:
        """These values, and None for all other fields. `more` are the fields that a subclass adds."""
        return cls(**_arguments(values), **more)

    def with_values(self, values: Mapping[FieldName, Value], **more: Any) -> Self:
        """The same with these values in place of its own."""
        return replace(self, **_arguments(values), **more)

    def get(self, name: FieldName) -> Value:
        """The value of one field."""
        value: Value = getattr(self, name)
        return value


def _arguments(values: Mapping[FieldName, Value]) -> dict[str, Any]:
    return {str(name): value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Sample:
    """One file of audio, with the words spoken in it."""

    path: str
    """Relative to the project directory, with forward slashes."""
    digest: str
    """`sha256:<hex>` of the bytes."""
    size: int
    """Bytes."""
    format: Literal["wav", "mp3", "m4a", "opus"]
    """From the content, whatever the name says."""
    transcript: str | None = None
    """In canonical form; None lets the provider recognise the words."""
    seconds: float | None = None
    """Duration, if the header has it."""
    source: Place | None = field(default=None, compare=False)
    """Where the manifest names it."""
    pointer: bool = False
    """The file is a Git LFS pointer: its sound was not looked at."""


@dataclass(frozen=True, slots=True)
class Cover:
    """A cover image's file."""

    path: str
    digest: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Consent:
    """The speaker's consent, as written in the manifest."""

    speaker: str
    document: str | None = None
    granted_on: date | None = None
    expires_on: date | None = None
    withdrawn_on: date | None = None
    visibilities: tuple[Visibility, ...] = ("private",)


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """How careful to be with a voice. `retain` None means the catalog's."""

    protect: bool = False
    ignore: frozenset[FieldName] = frozenset()
    retain: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice as the manifests want it: the desired form.

    `inputs` is the inputs digest, or None where the inputs are unmanaged (`model` without samples).
    `metadata` has None for fields that are unmanaged (`model`, external voices).
    """

    name: str
    source: Place
    metadata: Metadata
    inputs: str | None = None
    samples: tuple[Sample, ...] = ()
    enhance: bool = True
    cover: Cover | None = None
    model: str | None = None
    external: bool = False
    lifecycle: Lifecycle = Lifecycle()
    consent: Consent | None = None
    speech_model: str | None = None
    """What to speak with, by the provider's name for it. It says nothing of the model itself."""
    free: Mapping[str, Any] = field(default_factory=dict)
    """The manifest's `metadata`: it stays in Git."""

    @property
    def title(self) -> str:
        """The title, which every voice has."""
        return self.metadata.title or ""
