"""The actions of a plan: a type for each, with what it takes to carry it out, and its steps in order. Pure.

Plans show these steps, saved plans hold them, and the engine runs them one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from voicectl.model.lock import Record, Retired
from voicectl.model.observed import Model, Patch
from voicectl.model.voice import Metadata, Visibility, Voice
from voicectl.plan.compare import widens
from voicectl.plan.plan import Change, Step

T = TypeVar("T", bound="Task")
Patches = tuple[tuple[Model, Patch], ...]
LimitName = Literal["max_deletes", "max_replaces"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One change of the plan, with all that the engine needs to carry it out without deciding anything."""

    change: Change
    was: str | None = None
    """The name under which the lockfile still has the voice, where a move gives it another."""
    ring: bool = False
    """The voice exchanges its name with others: all of them do so together, before anything else."""
    limit: LimitName | None = None
    """The limit of the policy that it counts towards."""

    @property
    def name(self) -> str:
        """The voice's name."""
        return self.change.name


@dataclass(frozen=True, slots=True)
class Retirement:
    """A model that stops serving its name: the patch that marks it so, and what is recorded of it.

    `entry` is None for a model that voicectl did not create, or that has lost our marks: it is forgotten instead.
    """

    model: Model
    patch: Patch
    entry: Retired | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve(Task):
    """What is done for a voice of the manifests. `record` is what the lockfile says of it afterwards."""

    voice: Voice
    record: Record
    renames: Patches = ()
    """After a move: the new name for the marks of earlier generations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Make(Serve):
    """Make a model. Its id completes the record."""

    metadata: Metadata
    """What the model is made with, but private until it is trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(Make):
    """Make the first model of a voice, or the next one where nothing serves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace(Make):
    """Make the next generation, and retire the one that serves now."""

    retires: Retirement


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore(Serve):
    """A model that exists takes over: a retired generation, or one that an interrupted replacement made."""

    model: Model
    patch: Patch
    retires: Retirement | None
    """The model that gives way; None where nothing serves the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Serve):
    """Set metadata of the model that serves."""

    model: Model
    patch: Patch


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair(Task):
    """Rewrite the marks of a model; the lockfile stays as it is."""

    model: Model
    patch: Patch


@dataclass(frozen=True, slots=True, kw_only=True)
class Resend:
    """Send a value once more that the provider did not take before.

    This is no task of the plan: it comes after the look that ends an apply.
    """

    change: Change
    voice: Voice
    model: Model
    patch: Patch

    @property
    def name(self) -> str:
        """The voice's name."""
        return self.change.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh(Task):
    """Record what both sides agree on already."""

    record: Record
    confirms: Model | None = None
    """A model that is adopted: it is looked up by id before it is recorded, since listings may be stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRetired(Task):
    """Record a retired generation that only the account knew."""

    entry: Retired


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRetired(Task):
    """Drop the record of a retired generation: the account has it no more, or it is another name's."""

    entry: Retired
    gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Retire(Task):
    """Mark a model as retired, and record it so. With `drop`, the record of its voice goes."""

    model: Model
    patch: Patch
    entry: Retired
    drop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune(Task):
    """Delete a model for good. With `drop`, the record of its voice goes."""

    model: Model
    entry: Retired
    drop: bool = False

    @property
    def unfinished(self) -> bool:
        """Whether an earlier run began the deletion."""
        return self.entry.deleting


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget(Task):
    """Take our marks off a model, and drop the entry of it, if there is one. The model stays."""

    model: Model
    patch: Patch
    entry: Retired | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetVoice(Task):
    """Drop the record of a voice. Its model stays, if there is one, without our marks."""

    model: Model | None
    patch: Patch
    others: Patches = ()
    """Patches that take our marks off the other models of the name."""
    generations: bool = False
    """The retired generations are forgotten as well; else they wait out their retention."""


def steps(task: Task) -> tuple[Step, ...]:
    """What has to be done, in order. What a killed run leaves to do is the end of it."""
    first = (Step.EXCHANGE,) if task.ring else ()
    if isinstance(task, Serve) and task.renames:
        first = (*first, Step.RENAME)
    return first + _own_steps(task)


def _own_steps(task: Task) -> tuple[Step, ...]:
    match task:
        case Make() | Restore():
            begin = Step.CREATE if isinstance(task, Make) else Step.UPDATE
            show = (Step.SHOW,) if shown_last(task) else ()
            end = (Step.RETIRE_OLD,) if isinstance(task, Replace | Restore) and task.retires else ()
            return (begin, Step.AWAIT_TRAINING, Step.MAKE_CURRENT, *show, *end)
        case Update():
            # A model that is still training is not shown to more people.
            return (Step.AWAIT_TRAINING, Step.UPDATE) if shows_more(task) else (Step.UPDATE,)
        case Repair():
            return (Step.UPDATE,)
        case Retire():
            return (Step.RETIRE,)
        case Prune():
            # Recorded, and saved, before the request: so the next run finishes what this one began.
            return (Step.CONDEMN, Step.DELETE)
        case Forget() | ForgetVoice():
            return (Step.FORGET,)
        case Refresh() | RecordRetired() | DropRetired():
            return (Step.RECORD,)
    raise AssertionError(f"{type(task).__name__} names no steps")


def shown_last(task: Make | Restore) -> Visibility | None:
    """The visibility that is set once the model is current; None where nobody new gets to see it."""
    if isinstance(task, Make):
        present, wanted = "private", task.metadata.visibility
    else:
        present, wanted = task.model.visibility, task.patch.visibility
    return wanted if widens(present, wanted) else None


def reveals(task: Task | Resend) -> Visibility | None:
    """The visibility at which a task shows a voice to more people than before; None where nobody new gets to see it.

    A generation that takes over from one as widely shown reveals nothing new.
    """
    match task:
        case Update() | Resend():
            before, after = task.model.visibility, task.patch.visibility
        case Make():
            present = task.retires.model if isinstance(task, Replace) else None
            before, after = present.visibility if present else "private", task.metadata.visibility
        case Restore():
            present = task.retires.model if task.retires else task.model
            before, after = present.visibility, task.patch.visibility or task.model.visibility
        case _:
            return None
    return after if widens(before, after) else None


def shows_more(task: Task | Resend) -> bool:
    """Whether a task makes a model, brings one back, or shows one to more people: then consent is needed."""
    if isinstance(task, Update | Resend):
        return widens(task.model.visibility, task.patch.visibility)
    return isinstance(task, Make | Restore)


def patches(task: Task) -> Patches:
    """What a task sets on models that exist when it begins."""
    match task:
        case Restore() | Update():
            return (*task.renames, (task.model, task.patch))
        case Serve():
            return task.renames
        case Repair() | Retire() | Forget():
            return ((task.model, task.patch),)
        case ForgetVoice():
            return (*task.others, *(((task.model, task.patch),) if task.model else ()))
    return ()


def leaving(task: Task) -> tuple[str, ...]:
    """The ids of models that a task retires, deletes or lets go."""
    match task:
        case Replace() | Restore():
            return (task.retires.model.id,) if task.retires else ()
        case Retire() | Prune() | Forget() | ForgetVoice():
            return (task.model.id,) if task.model else ()
    return ()


def planned(task: T, *, ring: bool = False) -> T:
    """A task as it stands in a plan: its change names its steps.

    In a ring the names have changed by the time of the task's own steps, but for a deletion that an earlier run began:
    it comes first.
    """
    if ring and not (isinstance(task, Prune) and task.unfinished):
        task = replace(task, ring=True, was=None)
    return replace(task, change=replace(task.change, steps=steps(task), widens=reveals(task) is not None))
