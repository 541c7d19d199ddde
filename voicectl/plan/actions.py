"""A task: one change of the plan together with what it takes to carry it out. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from voicectl.model import canonical, marker
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Record, Retired
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
    changes_id: bool = False
    """Counts towards the share of the catalog that one apply may replace, although nothing is made."""
    swaps: bool = False
    """Part of a ring of moves: the names change all together, before anything else is done about them."""
    retry: bool = False
    """Sends a value once more that the provider did not take before. It is no change of the plan."""

    @property
    def name(self) -> str:
        """The name that the change is of."""
        return self.change.name

    @property
    def was(self) -> str | None:
        """The name under which the lockfile still has it; a ring has changed its names by then."""
        return None if self.swaps else self.change.previous_name


@dataclass(frozen=True, slots=True)
class Rules:
    """What the decisions depend on beside the three sides.

    `now` is one instant for the whole run, `time` the server's clock: what is due is judged by it alone.
    """

    catalog: Catalog
    now: datetime
    time: datetime | None = None
    retry_failed: bool = False
    destroy: bool = False
    sweep: Sweep | None = None
    """What this run has made so far; None before it has made anything."""

    @property
    def namespace(self) -> str:
        """The namespace of the marks."""
        return self.catalog.namespace

    def retention(self, holding: Holding) -> timedelta:
        """How long a generation of a name is kept once retired.

        The voice's own word, the longer of the manifest's and the lockfile's; without one, the catalog's.
        """
        own = (
            holding.voice.lifecycle.retain if holding.voice else None,
            holding.record.retain if holding.record else None,
        )
        return max((each for each in own if each is not None), default=self.catalog.retain)

    def kept_until(self, holding: Holding, gone: Retired, model: Model) -> datetime | None:
        """Before this a retired model is not deleted; None where the account tells nothing to count from."""
        return gone.until(self.retention(holding), model.updated_at) if model.updated_at else None

    def due(self, holding: Holding, gone: Retired, model: Model) -> bool:
        """Whether the time of a retired model is over, by the server's clock."""
        until = self.kept_until(holding, gone, model)
        return until is not None and self.time is not None and until < self.time


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a run knows of its own creations: which twins it may see off when it ends."""

    made: frozenset[str]
    """Ids that an answer of this run named."""
    unsure: frozenset[str]
    """Markers of creations whose outcome was unknown."""
    known: frozenset[str]
    """Ids that were there before the run."""

    def covers(self, model: Model, namespace: str) -> bool:
        """Whether a twin can only be there because of this run."""
        mark = model.marker(namespace)
        return model.id in self.made or (mark is not None and mark.tag in self.unsure and model.id not in self.known)


def marker_for(name: str, model: Model, rules: Rules, retired: bool = False) -> Marker:
    """The marker that a model of this name should carry.

    Its digest is never another than the one that it is marked with: one without marks counts as adopted.
    """
    mark = model.marker(rules.namespace)
    return Marker(rules.namespace, name, mark.key if mark else marker.ADOPTED, retired)


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
    wanted = marker_for(name, model, rules, retired=True)
    # A model without our marks is not ours to delete later, so it is not ours to retire either.
    if not model.made_here(rules.namespace) or (record is not None and record.origin != "created"):
        return Retirement(model, unmark_patch(model, rules.namespace), None)
    hides = model.visibility == "public" and not model.lock_visibility
    patch = tags_patch(model, wanted)
    if hides:
        patch = Patch(visibility="unlist", tags=whole_tags(model, wanted))
    entry = Retired(
        id=model.id,
        generation=generation,
        inputs=inputs if inputs and inputs.startswith("sha256:") else None,
        retired_at=rules.now,
        delete_after=rules.now + keep,
        samples=record.samples if record is not None and record.id == model.id else (),
    )
    return Retirement(model, patch, entry)


def field_patch(fields: Iterable[FieldChange], voice: Voice, model: Model, wanted: Marker) -> Patch:
    """The patch that makes these changes; empty without any.

    It carries all tags, marks and all: nobody knows whether a patch without tags leaves them alone.
    """
    changed: dict[FieldName, str] = {
        f.field: f.desired
        for f in fields
        if f.field in ("title", "description", "visibility") and isinstance(f.desired, str)
    }
    named = {f.field for f in fields}
    if not named:
        return Patch()
    return Patch(
        title=changed.get("title"),
        description=changed.get("description"),
        visibility=changed.get("visibility"),  # type: ignore[arg-type]
        tags=whole_tags(model, wanted, voice.metadata.tags if "tags" in named else None),
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


def orphans(holdings: Iterable[Holding]) -> tuple[Orphan, ...]:
    """Models with our marks under names that neither manifests nor lockfile know."""
    return tuple(
        Orphan(model.id, holding.name, model.title)
        for holding in holdings
        if holding.voice is None and holding.record is None
        for model in holding.strays
    )
