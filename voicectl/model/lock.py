"""The lockfile's content: what was last applied. These classes are its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

from voicectl.model import names
from voicectl.model.canonical import CLOSED
from voicectl.model.catalog import namespace
from voicectl.model.observed import ModelState
from voicectl.model.voice import FIELDS, FieldName, Metadata, Value

FORMAT_VERSION = 1
REVISION = 2
"""Rises with each new optional key. This version reads files of a higher revision and keeps their additional keys."""
MAX_RETENTION = timedelta(days=36_500)
"""A hundred years: far beyond any contract, and still within what dates can hold."""
MAX_GENERATION = 1_000_000
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""All times in a lockfile lie between these."""
Origin = Literal["created", "adopted", "external"]


class Bound:
    """Constraints (`pattern`, `ge`, `le`) for pydantic, without importing it: the model stays light."""

    def __init__(self, **constraints: Any) -> None:
        self.constraints = constraints

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return handler(source) | self.constraints


def Pattern(pattern: str) -> Bound:  # noqa: N802
    """A constraint on a string: all of it matches this expression."""
    return Bound(pattern=pattern)


Generation = Annotated[int, Bound(ge=1, le=MAX_GENERATION)]
Retention = Annotated[timedelta, Bound(ge=timedelta(), le=MAX_RETENTION)]
Digest = Annotated[str, Pattern(names.whole(names.DIGEST))]
Name = Annotated[str, Pattern(names.whole(names.VOICE))]
ModelId = Annotated[str, Pattern(names.whole(names.ANY_MODEL_ID))]


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """Which account the ids belong to. `account` is None until a model was seen."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    name: Literal["fish", "emulator"]
    host: str
    account: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedSample:
    """The digests of one sample and of its transcript."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    audio: Digest
    transcript: Digest | None = None
    file: str | None = field(default=None, compare=False)
    """Its path within the project when it was applied, for readers."""
    seconds: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Applied(Metadata):
    """The metadata that was last applied; None where a field is unmanaged."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    cover_image: Digest | None = None
    remote_cover: str | None = None
    """The provider's own path of the cover that was sent."""

    @classmethod
    def of(cls, metadata: Metadata, remote_cover: str | None = None) -> Applied:
        """The record of having applied these values."""
        values = {name: metadata.get(name) for name in FIELDS}
        return cls.from_values(values, remote_cover=remote_cover if metadata.cover_image else None)


@dataclass(frozen=True, slots=True)
class Blocked:
    """A value that the provider would not take, and what it has instead."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    desired: Value
    observed: Value


@dataclass(frozen=True, slots=True)
class Pending:
    """A replacement that is not current yet."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    id: ModelId
    generation: Generation
    inputs: Digest


@dataclass(frozen=True, slots=True)
class Retired:
    """A generation that serves its name no more, and waits out its retention."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    id: ModelId
    generation: Generation
    inputs: Digest | None
    retired_at: datetime
    delete_after: datetime
    deleting: bool = False
    """Set, and saved, before the DELETE is sent: such a model is never restored."""
    samples: tuple[RecordedSample, ...] = ()
    """What it was made from, as far as that is known: a withdrawn consent refuses each of these."""

    def until(self, retention: timedelta, updated_at: datetime) -> datetime:
        """The model lives at least until then.

        Anybody who edits the lockfile can claim anything in it. So its times can only lengthen what follows from the
        account's own times and the manifests.
        """
        return max(self.delete_after, self.retired_at + retention, updated_at + retention)


@dataclass(frozen=True, slots=True)
class Changed:
    """Which run changed a record, when, and from which commit."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    at: datetime
    run: str = ""
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """A model that was deleted because its speaker withdrew the consent: its samples stay refused."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    name: Name
    id: ModelId
    inputs: Digest | None
    reason: str
    at: datetime
    run: str = ""
    commit: str | None = None
    samples: tuple[RecordedSample, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one voice: its current model, and the generations before it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    origin: Origin
    id: ModelId
    generation: Generation = 1
    inputs: Digest | None = None
    samples: tuple[RecordedSample, ...] = ()
    applied: Applied = Applied()
    state: ModelState = "trained"
    protect: bool = False
    retain: Retention | None = None
    """The manifest's own retention, for when the voice has left it; absent from the file without one."""
    blocked: Mapping[FieldName, Blocked] = field(default_factory=dict)
    pending: Pending | None = None
    retired: tuple[Retired, ...] = ()
    previous_names: tuple[Name, ...] = ()
    """The names that it had before it moved, the latest last: a move that Git takes back is followed."""
    changed: Changed | None = field(default=None, compare=False)

    @property
    def last_generation(self) -> int:
        """The highest generation that has served this name, or is about to."""
        others = [gone.generation for gone in self.retired]
        return max(self.generation, *others, self.pending.generation if self.pending else 0)

    def with_retired(self, *more: Retired) -> Record:
        """The same record with these among its retired generations, each id once, newest first."""
        return replace(self, retired=merged(self.retired, more))

    def without_retired(self, model_id: str) -> Record:
        """The same record without a retired generation."""
        return replace(self, retired=tuple(r for r in self.retired if r.id != model_id))


@dataclass(frozen=True, slots=True)
class Removed:
    """What is left of a voice that left the manifests."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    retired: tuple[Retired, ...]


@dataclass(frozen=True, slots=True)
class Lock:
    """The lockfile: what was last applied, for one catalog and environment in one account."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    catalog: str
    environment: str | None
    provider: ProviderIdentity
    voices: Mapping[Name, Record] = field(default_factory=dict)
    removed: Mapping[Name, Removed] = field(default_factory=dict)
    deleted: tuple[Deleted, ...] = ()
    format_version: Literal[1] = 1
    revision: Annotated[int, Bound(ge=1, le=1_000_000)] = field(default=1, compare=False)
    """The revision of the file that it was read from."""

    @property
    def namespace(self) -> str:
        """The namespace of the marks."""
        return namespace(self.catalog, self.environment)

    def retired(self, name: str) -> tuple[Retired, ...]:
        """The retired generations of a name, whether it is still a voice or not."""
        if name in self.voices:
            return self.voices[name].retired
        return self.removed[name].retired if name in self.removed else ()

    def ids(self) -> frozenset[str]:
        """Every id that the lockfile knows."""
        known = {r.id for record in self.voices.values() for r in record.retired}
        known |= {r.id for gone in self.removed.values() for r in gone.retired}
        known |= {record.id for record in self.voices.values()}
        known |= {record.pending.id for record in self.voices.values() if record.pending}
        return frozenset(known)

    def with_voice(self, name: str, record: Record) -> Lock:
        """The same lock with this record, which takes over the retired generations of a removed voice of this name."""
        earlier = self.removed[name].retired if name in self.removed else ()
        record = replace(record, retired=tuple(r for r in merged(record.retired, earlier) if r.id != record.id))
        return replace(
            self,
            voices={**self.voices, name: record},
            removed={n: r for n, r in self.removed.items() if n != name},
        )


def merged(first: tuple[Retired, ...], more: tuple[Retired, ...]) -> tuple[Retired, ...]:
    """Both, each id once (the first wins), the newest generation first."""
    by_id = {r.id: r for r in (*more, *first)}
    return tuple(sorted(by_id.values(), key=lambda r: (-r.generation, r.id)))
