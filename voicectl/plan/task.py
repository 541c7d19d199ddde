"""A task: one change of the plan together with what it takes to carry it out. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from voicectl.model import canonical, marker
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, Record, Retired
from voicectl.model.marker import Marker
from voicectl.model.observed import Model, Patch
from voicectl.model.voice import FieldName, Metadata, Voice
from voicectl.plan.compare import plain_tags
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Change, Digests, FieldChange, Orphan, Source


@dataclass(frozen=True, slots=True)
class Retirement:
    """A model that stops serving its name: the patch that says so, and what is recorded of it.

    `entry` is None for a model that voicectl did not create or that has lost our marks: it is
    forgotten instead.
    """

    model: Model
    patch: Patch
    entry: Retired | None


_NO_PATCH = Patch()


@dataclass(frozen=True, slots=True)
class Task:
    """One change, and all that the engine needs to carry it out without deciding anything.

    `patch` is for `model`, the one that serves the name afterwards (or is to go); `record` is what
    the lockfile says then, but for the id and generation of a model that is still to be made.
    `also` are patches of further models of the name (marks after a move). `retires` is the
    generation that gives way, and `drop` says that the lockfile's record of the name goes.
    """

    change: Change
    voice: Voice | None = None
    model: Model | None = None
    patch: Patch = _NO_PATCH
    record: Record | None = None
    metadata: Metadata | None = None
    """What a new model is created with."""
    also: tuple[tuple[Model, Patch], ...] = ()
    retires: Retirement | None = None
    entry: Retired | None = None
    """What is recorded of a retired model; for a prune, the generation that goes."""
    drop: bool = False
    generations: bool = False
    """A forget that takes the retired generations along."""
    unfinished: bool = False
    """A prune that an earlier run began."""
    removes_voice: bool = False
    """Counts towards the share of the catalog that one apply may delete."""

    @property
    def name(self) -> str:
        """The name that the change is of."""
        return self.change.name


@dataclass(frozen=True, slots=True)
class Rules:
    """What the decisions depend on beside the three sides.

    `now` is one instant for the whole run.
    """

    catalog: Catalog
    now: datetime
    retry_failed: bool = False
    destroy: bool = False

    @property
    def namespace(self) -> str:
        """The namespace of the marks."""
        return self.catalog.namespace

    def retention(self, holding: Holding) -> timedelta:
        """How long a generation of a name is kept once retired: the voice's own word, or its last, goes first."""
        if holding.voice is not None:
            own = holding.voice.lifecycle.retain
        else:
            own = holding.record.retain if holding.record else None
        return self.catalog.retain if own is None else own


def marker_for(name: str, model: Model, record: Record | None, rules: Rules, retired: bool = False) -> Marker:
    """The marker that a model of this name should carry, its digest as recorded or as marked now."""
    mark = model.marker(rules.namespace)
    if record is not None and record.id == model.id:
        key = marker.key_of(record.inputs)
    else:
        key = mark.key if mark else marker.ADOPTED
    return Marker(rules.namespace, name, key, retired)


def retired_marker(name: str, gone: Retired, model: Model, rules: Rules) -> Marker:
    """The marker of a recorded retired generation; where its inputs were not recorded, the digest it is marked with."""
    mark = model.marker(rules.namespace)
    key = mark.key if mark is not None and gone.inputs is None else marker.key_of(gone.inputs)
    return Marker(rules.namespace, name, key, retired=True)


def tags_patch(model: Model, wanted: Marker, tags: tuple[str, ...] | None = None) -> Patch:
    """The patch that gives a model these marks (and these tags); empty where it has them."""
    desired = (*plain_tags(tags, model), *wanted.marks)
    return Patch() if set(desired) == set(model.tags) else Patch(tags=desired)


def unmark_patch(model: Model) -> Patch:
    """The patch that takes our marks off."""
    return Patch(tags=tuple(marker.plain(model.tags))) if model.marks else Patch()


def retirement(
    name: str,
    model: Model,
    record: Record | None,
    generation: int,
    inputs: str | None,
    keep: timedelta,
    rules: Rules,
) -> Retirement:
    """How a model of this name is retired: the role on its marker, and nobody new may find it."""
    wanted = marker_for(name, model, record, rules, retired=True)
    # A model without our marks is not ours to delete later, so it is not ours to retire either.
    if wanted.key == marker.ADOPTED or not model.marks or (record is not None and record.origin != "created"):
        return Retirement(model, unmark_patch(model), None)
    tags = tags_patch(model, wanted).tags
    hides = model.visibility == "public" and not model.lock_visibility
    patch = Patch(visibility="unlist" if hides else None, tags=tags)
    entry = Retired(
        id=model.id,
        generation=generation,
        inputs=inputs if inputs and inputs.startswith("sha256:") else None,
        retired_at=rules.now,
        delete_after=rules.now + keep,
    )
    return Retirement(model, patch, entry)


def field_patch(fields: Iterable[FieldChange], voice: Voice, model: Model, wanted: Marker) -> Patch:
    """The patch that makes these changes; tags are sent whole, marks and all, and only if they differ."""
    changed: dict[FieldName, str] = {
        f.field: f.desired
        for f in fields
        if f.field in ("title", "description", "visibility") and isinstance(f.desired, str)
    }
    named = {f.field for f in fields}
    tags = tags_patch(model, wanted, voice.metadata.tags if "tags" in named else None).tags
    return Patch(
        title=changed.get("title"),
        description=changed.get("description"),
        visibility=changed.get("visibility"),  # type: ignore[arg-type]
        tags=tags if named & {"tags", "marks"} else None,
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


def digests(voice: Voice | None, record: Record | None, model: Model | None) -> Digests:
    """What each side looks like now; volatile values (counters, times, urls) are left out."""
    desired = voice and canonical.digest(
        [
            _metadata(voice.metadata),
            voice.inputs,
            voice.model,
            voice.external,
            sorted(voice.lifecycle.ignore),
            voice.lifecycle.protect,
            str(voice.consent.withdrawn_on) if voice.consent else None,
        ]
    )
    recorded = record and canonical.digest(
        [record.id, record.inputs, record.generation, record.applied.remote_cover, _metadata(record.applied)]
    )
    observed = model and canonical.digest(
        [model.id, model.title, model.description, model.visibility, sorted(model.tags), model.cover_image]
    )
    return Digests(desired or None, recorded or None, observed or None)


def _metadata(values: object) -> list[object]:
    names = ("title", "description", "visibility", "tags", "cover_image")
    return [getattr(values, name) for name in names]


def source(voice: Voice | None) -> Source | None:
    """Where the manifests speak of this voice."""
    return Source(voice.source.file, voice.source.line) if voice else None


def orphans(holdings: Iterable[Holding], lock: Lock) -> tuple[Orphan, ...]:
    """Models with our marks under names that neither manifests nor lockfile know."""
    return tuple(
        Orphan(model.id, holding.name, model.title)
        for holding in holdings
        if holding.voice is None and holding.record is None
        for model in holding.strays
    )
