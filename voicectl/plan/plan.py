"""A plan: all changes in order, as a frozen value. These classes are the plan's JSON format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from voicectl.errors import VoicectlError
from voicectl.model import names
from voicectl.model.canonical import CLOSED
from voicectl.model.lock import ModelId, Pattern, ProviderIdentity
from voicectl.model.voice import FieldName, Value, Voice

Name = Annotated[str, Pattern(names.whole(names.ANY_VOICE))]
Digest = Annotated[str, Pattern(names.whole(names.DIGEST))]


class Action(StrEnum):
    """What is done about a voice's difference. A closed set."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    RESTORE = "restore"
    RETIRE = "retire"
    PRUNE = "prune"
    FORGET = "forget"
    REFRESH = "refresh"


class Step(StrEnum):
    """What is done about a change, one after the other. A closed set; the order is each action's own."""

    EXCHANGE = "exchange names"
    RENAME = "rename earlier generations"
    CREATE = "create"
    UPDATE = "update"
    AWAIT_TRAINING = "await training"
    MAKE_CURRENT = "make current"
    SHOW = "show"
    RETIRE_OLD = "retire the old"
    RETIRE = "retire"
    CONDEMN = "record the deletion"
    DELETE = "delete"
    FORGET = "forget"
    RECORD = "record"


Cause = Literal["manifest", "drift", "conflict", "marks", "moved"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field's three values, and why it is going to change."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    field: Literal["title", "description", "visibility", "tags", "cover_image", "marks", "inputs"]
    desired: Value
    recorded: Value
    observed: Value
    cause: Cause


@dataclass(frozen=True, slots=True)
class Source:
    """Where a manifest speaks of a voice. `line` counts from 1."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    file: str
    line: int

    @classmethod
    def of(cls, voice: Voice | None) -> Source | None:
        """The place of a voice; None for one that has left the manifests."""
        return cls(voice.source.file, voice.source.line) if voice else None


@dataclass(frozen=True, slots=True)
class Digests:
    """What each side looked like when the plan was made; None where that side has nothing."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    desired: Digest | None = None
    recorded: Digest | None = None
    observed: Digest | None = None


@dataclass(frozen=True, slots=True)
class SampleSide:
    """A recording of a voice on one side of a change.

    `file` is its path in the project, where that is known, and `seconds` how long it lasts. `transcript` are its words:
    those of an earlier state are known only where Git has them.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    audio: Digest
    file: str | None = None
    seconds: float | None = None
    transcript: str | None = None


@dataclass(frozen=True, slots=True)
class SampleChange:
    """A recording that comes, goes, or gives way to another; or whose words change."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    was: SampleSide | None
    now: SampleSide | None


@dataclass(frozen=True, slots=True)
class Change:
    """One model's difference and what will be done about it.

    A name has several changes where several of its models differ (`id` tells them apart).
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    name: Name
    action: Action
    title: str = ""
    adopted: bool = False
    previous_name: Name | None = None
    id: ModelId | None = None
    """The model that the action starts from; None where it makes the first one.

    For a create, the recorded model that is gone from the account, if there was one."""
    generation: int = 1
    """The generation that serves the name afterwards, or the one that is removed."""
    source: Source | None = None
    fields: tuple[FieldChange, ...] = ()
    samples: tuple[SampleChange, ...] = ()
    """The recordings that change; all of them for a new voice."""
    cover_file: str | None = None
    """The file of the cover image, where that is among the fields."""
    steps: tuple[Step, ...] = ()
    widens: bool = False
    """Whether it shows the voice to more people."""
    digests: Digests = Digests()
    reason: str = ""
    """Why, where the fields don't tell."""
    retires: ModelId | None = None
    """The model that gives way to the one that is made or brought back."""
    undo_until: datetime | None = None
    """Until when `git revert` and apply bring the model back with its id."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning or a refusal. `voices` are the names that it speaks of."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    code: str
    message: str
    hint: str = ""
    voices: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal(Notice):
    """A notice that stops the whole apply: a person must decide."""


@dataclass(frozen=True, slots=True)
class Held:
    """A value that the provider did not take, so that no plan fights for it. Each apply sends it once more."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    name: Name
    field: FieldName
    desired: Value
    observed: Value
    widens: bool = False
    """Whether taking it would show the voice to more people."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A model with our marks that neither manifests nor lockfile know."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    id: ModelId
    name: Name
    title: str


@dataclass(frozen=True, slots=True)
class Selectors:
    """What `--only` and `--exclude` named."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


EVERYTHING = Selectors()
"""Nothing is left out."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How many changes of each action, and how many voices have none or were left out."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    create: int = 0
    update: int = 0
    replace: int = 0
    restore: int = 0
    retire: int = 0
    prune: int = 0
    forget: int = 0
    refresh: int = 0
    adopted: int = 0
    moved: int = 0
    unchanged: int = 0
    left_out: int = 0

    @classmethod
    def of(cls, changes: Iterable[Change], *, unchanged: int, left_out: int) -> Summary:
        """Count the changes."""
        counted = list(changes)
        by_action = {action.value: 0 for action in Action}
        for change in counted:
            by_action[change.action.value] += 1
        return cls(
            **by_action,
            adopted=sum(change.adopted for change in counted),
            moved=len({change.name for change in counted if change.previous_name is not None}),
            unchanged=unchanged,
            left_out=left_out,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """All that an apply would do, in order. Holds no secret and no audio."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    voicectl_version: str
    catalog: Annotated[str, Pattern(names.whole(names.CATALOG))]
    environment: Annotated[str, Pattern(names.whole(names.CATALOG))] | None
    provider: ProviderIdentity
    selectors: Selectors = EVERYTHING
    changes: tuple[Change, ...] = ()
    blocked: tuple[Held, ...] = ()
    summary: Summary = Summary()
    orphaned: tuple[Orphan, ...] = ()
    warnings: tuple[Notice, ...] = ()
    refusals: tuple[Notice, ...] = ()
    offline: bool = False
    """True where the account was not looked at: then `observed` repeats what was recorded."""
    format_version: Literal["1.0"] = "1.0"

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do, the lockfile included."""
        return not self.changes


RETRY_FAILED = "look at its samples, then run `voicectl apply --retry-failed`"
"""What to do about a training that failed: nothing else makes the model again."""
Status = Literal["done", "failed", "not_tried"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one change. `id` is the model that serves the name now, if any does."""

    change: Change
    status: Status
    id: str | None = None
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A difference that an apply should have ended, and did not."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What an apply did.

    `leftovers` are differences that it found afterwards, `unsaved` ids that could not be recorded;
    `error` stopped it early.
    """

    plan: Plan
    results: tuple[Result, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    unsaved: tuple[str, ...] = ()
    error: VoicectlError | None = None

    @property
    def failed_training(self) -> bool:
        """Whether any model failed to train, which the same command again would not mend."""
        left = any(RETRY_FAILED in leftover.message for leftover in self.leftovers)
        return left or any(result.hint == RETRY_FAILED for result in self.results)

    @property
    def succeeded(self) -> bool:
        """Whether every change was made and the plan is empty now."""
        done = all(result.status == "done" for result in self.results)
        return done and not self.leftovers and self.error is None
