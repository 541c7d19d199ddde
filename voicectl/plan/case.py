"""One name under the rules: everything that deciding about it starts from. Pure.

`voices` decides what a voice of the manifests needs, `removals` what models need that serve none (any more).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypedDict, Unpack

from voicectl.model import marker
from voicectl.model.lock import Origin, Record, Retired
from voicectl.model.marker import Marker
from voicectl.model.observed import Model
from voicectl.model.voice import Voice
from voicectl.plan.actions import LimitName, Patches, Prune, Resend, Retirement, Task
from voicectl.plan.compare import Comparison, compare, digests, marks_change, recorded_samples
from voicectl.plan.identity import Holding, inputs_of
from voicectl.plan.patches import tags_patch, unmark_patch, whole_tags
from voicectl.plan.plan import Action, Change, Digests, FieldChange, Notice, SampleChange, Source
from voicectl.plan.request import PlanRequest

RETENTION_OVER = "its retention is over"
"""The reason of a prune that only time has brought about."""

UNFINISHED = "unfinished"
"""The reason of a prune that an earlier run began."""

WITHDRAWN = "consent withdrawn"
TRAINING_FAILED = "its training failed"
"""The reason of a replacement by the same samples, which --retry-failed asks for."""
DUPLICATE = "duplicate"
"""The reason for seeing off the younger of two models with one marker."""

UNREADABLE = "unreadable"
"""The code of a warning about a model that the provider does not show; an apply ends with 1 for a managed one."""

Decision = Task | Resend | Notice
"""What deciding about a name yields: tasks, warnings, and refusals among the notices."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a run knows of its own creations: which duplicates it may delete or retire when it ends."""

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


@dataclass(frozen=True, slots=True)
class Compared:
    """What a decision about a voice and a model starts from.

    `base` is the record to start from, `known` the one that was applied to this very model, `fields` what differs, the
    marks included.
    """

    base: Record
    known: Record | None
    comparison: Comparison
    fields: tuple[FieldChange, ...]


class ChangeFields(TypedDict, total=False):
    """The fields of a Change that a case fills in, or gets from its caller."""

    title: str
    adopted: bool
    previous_name: str | None
    id: str | None
    generation: int
    source: Source | None
    fields: tuple[FieldChange, ...]
    samples: tuple[SampleChange, ...]
    digests: Digests
    reason: str
    retires: str | None
    undo_until: datetime | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a name, and what was asked.

    `time` is the server's clock: what is due is judged by it alone. `sweep` is what this run has made so far; None
    before it has made anything.
    """

    holding: Holding
    request: PlanRequest
    time: datetime | None = None
    sweep: Sweep | None = None

    @property
    def name(self) -> str:
        """The name."""
        return self.holding.name

    @property
    def voice(self) -> Voice | None:
        """The voice of the manifests; None where it has left them."""
        return self.holding.voice

    @property
    def record(self) -> Record | None:
        """What the lockfile has under the name, or under its previous one."""
        return self.holding.record

    @property
    def namespace(self) -> str:
        """The namespace of the marks."""
        return self.request.catalog.namespace

    @property
    def protected(self) -> bool:
        """Whether the manifest or the lockfile protects the name: lifting it takes both, and so two applies."""
        return protected(self.holding)

    @property
    def retention(self) -> timedelta:
        """How long a generation of the name is kept once it is retired.

        The voice's own word, the longer of the manifest's and the lockfile's; without one, the catalog's.
        """
        own = (
            self.voice.lifecycle.retain if self.voice else None,
            self.record.retain if self.record else None,
        )
        return max((each for each in own if each is not None), default=self.request.catalog.retain)

    @property
    def next_generation(self) -> int:
        """The number of the generation that comes after all that the name has had.

        A model that serves without a record counts as the first.
        """
        numbers = [gone.generation for gone, _ in self.holding.retired]
        # Pending and retired ones count, too: no two generations ever share a number.
        last = max([self.record.last_generation if self.record else 0, *numbers])
        return (last if last or self.holding.current is None else 1) + 1

    @property
    def generation(self) -> int:
        """The number of the generation that is recorded as serving."""
        return self.record.generation if self.record else 1

    @property
    def previous_names(self) -> tuple[str, ...]:
        """The names that the voice had, after the move that is to be made now."""
        before = self.holding.previous_name
        names = self.record.previous_names if self.record is not None else ()
        if before is None:
            return names
        # Each name once, the latest last: a move that Git takes back goes to the latest that is a voice again.
        return (*(name for name in names if name not in (before, self.name)), before)

    @property
    def renames(self) -> Patches:
        """After a move, the marks of all generations say the new name."""
        if self.holding.previous_name is None:
            return ()
        # What this run deletes anyhow is left alone: renamed first, it would look changed since the plan.
        pairs = (
            (model, tags_patch(model, self.marker(model, retired=not model.serves(self.namespace))))
            for gone, model in self.holding.retired
            if model is not None and model.made_here(self.namespace) and not self.prune_reason(gone, model)
        )
        return tuple((model, patch) for model, patch in pairs if not patch.empty)

    def due(self, gone: Retired, model: Model) -> bool:
        """Whether the time of a retired model is over, by the server's clock.

        One without a readable `updated_at` stays: then the account tells nothing to count from.
        """
        until = gone.until(self.retention, model.updated_at) if model.updated_at else None
        return until is not None and self.time is not None and until < self.time

    def prune_reason(self, gone: Retired, model: Model) -> str:
        """Why a retired generation is to be deleted now; empty where it is kept.

        That it is one is the lockfile's claim; the account's marks are the proof.
        """
        mark = model.marker(self.namespace)
        if mark is None or mark.key == marker.ADOPTED:
            return ""
        if gone.deleting and not mark.retired:
            # Begun by `retain: 0`, a withdrawn consent or `destroy`; or somebody wrote so into the lockfile.
            return UNFINISHED
        # A deletion that has begun is shown, protected or not: a guard says what to do about it.
        over = mark.retired and self.due(gone, model) and (gone.deleting or not self.protected)
        return (UNFINISHED if gone.deleting else RETENTION_OVER) if over else ""

    def marker(self, model: Model, retired: bool = False) -> Marker:
        """The marker that a model of this name should carry.

        Its digest is never another than the one that it is marked with: one without marks counts as adopted.
        """
        mark = model.marker(self.namespace)
        return Marker(self.namespace, self.name, mark.key if mark else marker.ADOPTED, retired)

    def generation_of(self, model: Model) -> int:
        """The number of a model's generation: as recorded, else the next one."""
        record = self.record
        if record is not None and record.id == model.id:
            return record.generation
        if record is not None and record.pending and record.pending.id == model.id:
            return record.pending.generation
        for gone, _ in self.holding.retired:
            if gone.id == model.id:
                return gone.generation
        return self.next_generation if record or self.holding.retired else 1

    def left_retired(self, *without: str) -> tuple[Retired, ...]:
        """The recorded retired generations that the account still has, or may have, without these ids."""
        return tuple(
            gone
            for gone, model in self.holding.retired
            if (model is not None or gone.id in self.holding.hidden) and gone.id not in without
        )

    def change(self, action: Action, model: Model | None = None, **values: Unpack[ChangeFields]) -> Change:
        """A change of this name: `values` are fields of Change beside what follows from the case."""
        voice, record = self.voice, self.record
        mine = record if record and model and record.id == model.id else None
        recorded_title = (record.applied.title if record else None) or ""
        filled: ChangeFields = {
            "title": voice.title if voice else (model.title if model else recorded_title),
            "previous_name": self.holding.previous_name,
            "id": model.id if model else None,
            "generation": self.generation,
            "source": Source.of(voice),
            "digests": digests(voice, mine or record, model),
        }
        filled.update(values)
        covered = any(each.field == "cover_image" for each in filled.get("fields", ()))
        cover = voice.cover.path if voice and voice.cover and covered else None
        return Change(name=self.name, action=action, cover_file=cover, **filled)

    def prune(
        self,
        model: Model,
        reason: str,
        *,
        entry: Retired | None = None,
        limit: LimitName | None = None,
        drop: bool = False,
    ) -> Prune:
        """Delete a model for good; without an `entry`, the one that is recorded, or one that begins now."""
        recorded = next((gone for gone, _ in self.holding.retired if gone.id == model.id), None)
        generation = recorded.generation if recorded else self.generation_of(model)
        mine = self.record if self.record and self.record.id == model.id else None
        now = self.request.now
        inputs, samples = (mine.inputs, mine.samples) if mine is not None else (None, ())
        entry = entry or recorded or Retired(model.id, generation, inputs, now, now, samples=samples)
        change = self.change(Action.PRUNE, model, generation=generation, reason=reason, title=model.title)
        return Prune(change=change, was=change.previous_name, limit=limit, model=model, entry=entry, drop=drop)

    def retirement(self, model: Model, keep: timedelta, inputs: str | None, generation: int) -> Retirement:
        """How a model of this name is retired: the role on its marker, and nobody new may find it."""
        record = self.record if self.record is not None and self.record.id == model.id else None
        # A model without our marks is not ours to delete later, so it is not ours to retire either.
        if not model.made_here(self.namespace) or (record is not None and record.origin != "created"):
            return Retirement(model, unmark_patch(model, self.namespace), None)
        wanted = self.marker(model, retired=True)
        patch = tags_patch(model, wanted)
        if model.visibility == "public" and not model.lock_visibility:
            # Nobody new finds it in the library, but those who use its id are not cut off before its time.
            patch = replace(patch, visibility="unlist", tags=whole_tags(model, wanted))
        entry = Retired(
            id=model.id,
            generation=generation,
            # `inputs_of` may have only a marker's key, which is not enough to recognise samples by.
            inputs=inputs if inputs and inputs.startswith("sha256:") else None,
            retired_at=self.request.now,
            delete_after=self.request.now + keep,
            samples=record.samples if record is not None else (),
        )
        return Retirement(model, patch, entry)

    def gives_way(self, current: Model) -> Retirement:
        """How the model that serves now is retired when another takes its place."""
        inputs = inputs_of(current, self.record, None, self.namespace)
        return self.retirement(current, self.retention, inputs, self.generation_of(current))

    def blank(self, voice: Voice, model: Model | None, origin: Origin, generation: int) -> Record:
        """The record of a model about which nothing was recorded yet."""
        return Record(
            origin=origin,
            id=model.id if model else "",
            generation=generation,
            inputs=voice.inputs,
            samples=recorded_samples(voice),
            state=model.state if model else "created",
            protect=voice.lifecycle.protect,
            retain=voice.lifecycle.retain,
            previous_names=self.previous_names,
        )

    def compared(self, voice: Voice, model: Model) -> Compared:
        """A voice against one of its models."""
        record = self.record
        # What was applied to another model says nothing about this one: else its values would look like drift.
        known = record if record and record.id == model.id and record.origin != "external" else None
        if known is None:
            mark = model.marker(self.namespace)
            made_here = mark is not None and mark.key != marker.ADOPTED and voice.model != model.id
            base = self.blank(voice, model, "created" if made_here else "adopted", self.generation_of(model))
        else:
            # What the account does not show as made here can never be deleted, whatever the lockfile says.
            origin = known.origin if model.made_here(self.namespace) else "adopted"
            base = replace(known, origin=origin, pending=None, previous_names=self.previous_names)
        base = replace(base, retired=self.left_retired(model.id))
        comparison = compare(voice, known, model, self.request.catalog.policy)
        marks = marks_change(self.marker(model), model, known, moved=self.holding.previous_name is not None)
        return Compared(base, known, comparison, (*comparison.fields, *((marks,) if marks else ())))


def protected(holding: Holding) -> bool:
    """Whether the manifest or the lockfile protects a name."""
    manifest = holding.voice is not None and holding.voice.lifecycle.protect
    return manifest or (holding.record is not None and holding.record.protect)
