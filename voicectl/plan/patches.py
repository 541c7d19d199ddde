"""What is sent to change a model, or with a new one: the fields that differ, and all of its tags. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Set

from voicectl.model import canonical, marker
from voicectl.model.marker import Marker
from voicectl.model.observed import Model, Patch
from voicectl.model.voice import Metadata, Voice
from voicectl.plan.compare import plain_tags
from voicectl.plan.plan import FieldChange


def whole_tags(model: Model, wanted: Marker, tags: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """All tags that a model is to carry: the marks first, so that a limit cuts the user's and not ours."""
    return (*wanted.marks, *plain_tags(tags, model))


def tags_patch(model: Model, wanted: Marker, tags: tuple[str, ...] | None = None) -> Patch:
    """The patch that gives a model these marks (and these tags); empty where it has them."""
    desired = whole_tags(model, wanted, tags)
    return Patch() if set(desired) == set(model.tags) else Patch(tags=desired)


def unmark_patch(model: Model, namespace: str) -> Patch:
    """The patch that takes our marks off, and nobody else's."""
    ours = marker.catalog_tag(namespace)
    kept = tuple(tag for tag in model.tags if tag != ours and not tag.startswith(f"{ours}:"))
    return Patch(tags=kept) if len(kept) != len(model.tags) else Patch()


def field_patch(fields: Iterable[FieldChange], voice: Voice, model: Model, wanted: Marker) -> Patch:
    """The patch that makes these changes; empty without any.

    It carries all tags, marks and all: nobody knows whether a patch without tags leaves them alone.
    """
    named = {each.field for each in fields}
    tags = whole_tags(model, wanted, voice.metadata.tags if "tags" in named else None)
    return values_patch(named, voice, tags) if named else Patch()


def values_patch(named: Set[str], voice: Voice, tags: tuple[str, ...]) -> Patch:
    """The patch that sets these fields as the manifest has them, beside all tags."""
    wanted = voice.metadata
    return Patch(
        title=wanted.title if "title" in named else None,
        description=wanted.description if "description" in named else None,
        visibility=wanted.visibility if "visibility" in named else None,
        tags=tags,
        cover=voice.cover if "cover_image" in named else None,
    )


def creation_metadata(voice: Voice, old: Model | None, left: Iterable[FieldChange]) -> Metadata:
    """What a new generation starts with: the desired values, but what is left to the web app goes along."""
    copied = set(voice.lifecycle.ignore) | {change.field for change in left}
    wanted = voice.metadata
    if old is None:
        return wanted
    return Metadata(
        title=canonical.text(old.title) if "title" in copied else wanted.title,
        description=canonical.text(old.description) if "description" in copied else wanted.description,
        visibility=old.visibility if "visibility" in copied else wanted.visibility,
        tags=old.plain_tags if "tags" in copied else wanted.tags,
        cover_image=wanted.cover_image,
    )
