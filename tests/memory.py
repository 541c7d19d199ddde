"""Small faithful fakes: an account and a lockfile in memory, and catalogs to try them with."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from voicectl.engine.apply import Run, apply
from voicectl.engine.events import silent
from voicectl.engine.plan import Prepared, prepare
from voicectl.errors import Place, Refused, StateConflict
from voicectl.model import canonical
from voicectl.model.catalog import DEFAULT_RETENTION, Catalog, Limit, Move, Policy, Removal
from voicectl.model.lock import Lock, ProviderIdentity
from voicectl.model.observed import Model, ModelState, Patch
from voicectl.model.voice import Cover, Lifecycle, Metadata, Sample, Visibility, Voice
from voicectl.plan.plan import ApplyResult, Plan
from voicectl.plan.request import PlanRequest
from voicectl.provider.port import Listing, NewModel, NotReadable, Progress, Speech, Upload, Wallet
from voicectl.state.codec import decode, encode
from voicectl.state.port import ABSENT, Holder, Version

ACCOUNT = "account-1"
START = datetime(2026, 11, 22, 10, tzinfo=UTC)
LONG_AGO = START - timedelta(days=100)
IDENTITY = ProviderIdentity("fish", "api.example.com")
OPEN = Policy(Limit(100, percent=True), Limit(100, percent=True), on_conflict="overwrite")
"""A policy that refuses nothing."""
HERE = Place("voices/all.yaml", 2)


def sha(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def inputs_of(words: str) -> str:
    """The inputs digest of a voice whose only sample holds these words."""
    return canonical.inputs_digest([(sha(words), None)], enhance=True)


def voice(name: str, words: str | None = "one", **values: Any) -> Voice:
    """A voice with one sample (none where `words` is None); metadata and other fields by their names."""
    lifecycle = Lifecycle(
        protect=values.pop("protect", False),
        ignore=frozenset(values.pop("ignore", ())),
        retain=values.pop("retain", None),
    )
    cover = values.pop("cover", None)
    unmanaged = "model" in values
    metadata = Metadata(
        title=values.pop("title", name.title()),
        description=values.pop("description", None if unmanaged else ""),
        visibility=values.pop("visibility", None if unmanaged else "private"),
        tags=values.pop("tags", None if unmanaged else ()),
        cover_image=sha(cover) if cover else None,
    )
    samples = (Sample(f"samples/{words}.wav", sha(words), 1000, "wav"),) if words else ()
    return Voice(
        name=name,
        source=HERE,
        metadata=metadata,
        inputs=inputs_of(words) if words else None,
        samples=samples,
        cover=Cover(f"covers/{cover}.png", sha(cover), 10, "image/png") if cover else None,
        lifecycle=lifecycle,
        **values,
    )


def catalog(
    *voices: Voice,
    moved: Mapping[str, str] | None = None,
    keep: tuple[str, ...] = (),
    retain: timedelta = DEFAULT_RETENTION,
    policy: Policy = OPEN,
) -> Catalog:
    """The catalog `acme` of these voices; `keep` are names that leave it without their models."""
    return Catalog(
        name="acme",
        voices={v.name: v for v in voices},
        moved=tuple(Move(old, new, HERE) for old, new in (moved or {}).items()),
        removed={name: Removal(name, True, HERE) for name in keep},
        retain=retain,
        policy=policy,
    )


@dataclass
class Account:
    """Implements Provider in memory, without faults. `deleted` holds the models that were deleted, as they were.

    `fails` are the titles whose training fails, `takes` says which visibility is granted.
    """

    models: dict[str, Model] = field(default_factory=dict)
    deleted: list[Model] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    fails: set[str] = field(default_factory=set)
    takes: Callable[[Visibility], Visibility] = lambda wanted: wanted
    complete: bool = True
    concurrency: int = 4
    clock: datetime = START
    """What is changed now is changed then, and each change takes a second."""
    _answered: bool = False
    _made: int = 0

    @property
    def time(self) -> datetime | None:
        return self.clock if self._answered else None

    async def list_models(self, tag: str | None = None, limit: int | None = None) -> Listing:
        self._answered = True
        found = [m for m in self.models.values() if m.author == ACCOUNT and (tag is None or tag in m.tags)]
        newest = sorted(found, key=lambda model: model.age, reverse=True)
        return Listing(tuple(newest[:limit]), self.complete)

    async def get(self, model_id: str) -> Model | None:
        self._answered = True
        model = self.models.get(model_id)
        if model is not None and model.author != ACCOUNT and model.visibility == "private":
            raise NotReadable(f"{model_id} is private", "", 403)
        return model

    async def create(self, new: NewModel, progress: Progress) -> Model:
        self._answered = True
        self.requests.append("create")
        progress(sum(sample.size for sample in new.samples) + (new.cover.size if new.cover else 0))
        title = new.metadata.title or ""
        return self.add(
            title=title,
            description=new.metadata.description or "",
            tags=new.tags,
            cover_image=self._cover() if new.cover else "",
            state="failed" if title in self.fails else "trained",
            created_at=self._now(),
        )

    async def update(self, model_id: str, patch: Patch, cover: Upload | None = None) -> bool:
        self._answered = True
        self.requests.append(f"update {model_id}")
        if model_id not in self.models:
            return False
        model = patch.applied_to(self._own(model_id))
        if patch.visibility is not None:
            model = replace(model, visibility=self.takes(patch.visibility))
        model = replace(model, cover_image=self._cover()) if patch.cover else model
        self.models[model_id] = replace(model, updated_at=self._now())
        return True

    async def speak(self, speech: Speech, write: Callable[[bytes], object]) -> None:
        write(speech.text.encode())

    async def delete(self, model_id: str) -> None:
        self._answered = True
        self.requests.append(f"delete {model_id}")
        if model_id in self.models:
            self.deleted.append(self._own(model_id))
            del self.models[model_id]

    async def wallet(self) -> Wallet:
        self._answered = True
        return Wallet("1", ACCOUNT, "0")

    async def close(self) -> None:
        return None

    def add(self, state: ModelState = "trained", author: str = ACCOUNT, **values: Any) -> Model:
        """A model that appears in the account by no request of ours, the youngest of all, and long ago if it is alone.

        Another's is public unless told otherwise.
        """
        self._made += 1
        youngest = max((m.created_at for m in self.models.values() if m.created_at), default=LONG_AGO)
        created_at = values.pop("created_at", youngest + timedelta(seconds=1))
        model = Model(
            id=f"model{self._made:03}",
            state=state,
            author=author,
            created_at=created_at,
            **{"updated_at": created_at, "visibility": "private" if author == ACCOUNT else "public", **values},
        )
        self.models[model.id] = model
        return model

    def edit(self, model_id: str, **values: Any) -> None:
        """What a hand in the web app does."""
        self.models[model_id] = replace(self.models[model_id], **values)

    def _own(self, model_id: str) -> Model:
        model = self.models[model_id]
        if model.author != ACCOUNT:
            raise NotReadable(f"{model_id} is another's", "", 403)
        return model

    def _now(self) -> datetime:
        now = self.clock
        self.clock += timedelta(seconds=1)
        return now

    def _cover(self) -> str:
        self._made += 1
        return f"coverimage/{self._made}"


@dataclass
class MemoryStore:
    """Implements StateStore on bytes in memory, in the lockfile's own format."""

    data: bytes | None = None

    @property
    def location(self) -> str:
        return "voicectl.lock.json"

    def load(self) -> tuple[Lock | None, Version]:
        return (None if self.data is None else decode(self.data, self.location)), self._version()

    def save(self, lock: Lock, expected: Version) -> Version:
        if expected != self._version():
            raise StateConflict("changed meanwhile")
        self.data = encode(lock)
        decode(self.data, self.location)
        return self._version()

    def prove(self, more: int = 0) -> None:
        """Memory has room."""

    @contextmanager
    def lease(
        self, command: str, wait: float, waiting: Callable[[Holder | None], None], run: str = ""
    ) -> Iterator[None]:
        yield

    def _version(self) -> Version:
        return ABSENT if self.data is None else hashlib.sha256(self.data).hexdigest()


@dataclass
class World:
    """An account, a lockfile and a clock; the engine runs between them."""

    account: Account = field(default_factory=Account)
    store: MemoryStore = field(default_factory=MemoryStore)
    now: datetime = START

    @property
    def lock(self) -> Lock:
        lock, _ = self.store.load()
        assert lock is not None
        return lock

    def id_of(self, name: str) -> str:
        return self.lock.voices[name].id

    def prepare(self, wanted: Catalog, **wishes: Any) -> Prepared:
        return asyncio.run(prepare(self._request(wanted, wishes), self.store, IDENTITY, self.account))

    def plan(self, wanted: Catalog, **wishes: Any) -> Plan:
        return self.prepare(wanted, **wishes).planned.plan

    def actions(self, wanted: Catalog, **wishes: Any) -> list[tuple[str, str]]:
        return [(change.name, change.action.value) for change in self.plan(wanted, **wishes).changes]

    def actions_at(self, wanted: Catalog, time: datetime) -> list[tuple[str, str]]:
        """The same where the account's clock shows another time than ours."""
        self.account.clock = time
        asked = PlanRequest(wanted, now=self.now, version="1.0")
        plan = asyncio.run(prepare(asked, self.store, IDENTITY, self.account)).planned.plan
        return [(change.name, change.action.value) for change in plan.changes]

    def run(self, wanted: Catalog, **wishes: Any) -> ApplyResult:
        """Apply, whatever comes of it. Raises Refused where the plan holds refusals."""
        run = Run(Path(), self.store, IDENTITY, self.account, silent, _refuse, grace=0.0, looks=(0.0,))
        return asyncio.run(apply(run, self._request(wanted, wishes)))

    def apply(self, wanted: Catalog, **wishes: Any) -> ApplyResult:
        """Apply, which must succeed, and leave nothing to do."""
        applied = self.run(wanted, **wishes)
        told = [r for r in applied.results if r.status != "done"], applied.leftovers, applied.error
        assert applied.succeeded, f"{told}\nplan: {applied.plan.changes}"
        wishes.pop("retry_failed", None)
        assert self.actions(wanted, **wishes) == []
        return applied

    def _request(self, wanted: Catalog, wishes: Mapping[str, Any]) -> PlanRequest:
        self.account.clock = max(self.account.clock, self.now)
        return PlanRequest(wanted, now=self.now, version="1.0", **wishes)


def _refuse(plan: Plan) -> None:
    if plan.refusals:
        raise Refused("; ".join(refusal.message for refusal in plan.refusals))
