"""Exactly-once creation without an idempotency key."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from voicectl.concurrency import Backoff, Shared
from voicectl.engine.events import Event, Listener
from voicectl.engine.observe import LOOKS
from voicectl.model import canonical
from voicectl.model.marker import Marker
from voicectl.model.observed import Model, Patch
from voicectl.model.voice import Metadata, Sample, Voice
from voicectl.provider.port import (
    Listing,
    NewModel,
    NotSent,
    OutcomeUnknown,
    Progress,
    Provider,
    ProviderError,
    Throttled,
    Upload,
)

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 20.0


class PerhapsMade(ProviderError):
    """A model may have been made that does not carry its marks: only a person can tell."""

    code = "perhaps_made"
    stops_run = True


class MarksNotKept(ProviderError):
    """The account does not keep our marks, so a second model could not be told from the first."""

    code = "marks_not_kept"
    stops_run = True

    def __init__(self, message: str) -> None:
        hint = "its id is recorded; without marks nothing more can be made exactly once: ask the provider's support"
        super().__init__(message, hint)


@dataclass(slots=True)
class Creations:
    """All creations of a run, and what it learns of how the provider treats marks.

    `known` are the catalog's models that were there before. `kept` says that this run has seen a model that carries
    our marks, `filtered` that the listing by tag has found one. `grace` is how many seconds a request may still be
    under way after its answer was lost. `save` returns once the state is on disk.
    """

    provider: Provider
    listener: Listener
    known: Set[str]
    save: Callable[[], Awaitable[None]]
    complete: bool = True
    kept: bool = False
    filtered: bool = False
    grace: float = 5.0
    looks: tuple[float, ...] = LOOKS
    made: dict[str, Model] = field(default_factory=dict)
    """The models that answers of this run named, as they were then."""
    unsure: set[str] = field(default_factory=set)
    """Markers of creations whose outcome was unknown."""
    dropped: bool = False
    """The provider does not keep tags on creation."""
    before: frozenset[str] | None = None
    """All ids of the account before the first creation, where a lost model might not be found by its marks."""
    _lost: str = ""
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock)
    _walk: Shared[Listing] = field(init=False)
    """Lists the whole account; one walk serves all creations that wait for it at that moment."""

    def __post_init__(self) -> None:
        self._walk = Shared(self.provider.list_models)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Around a creation and the record of its id.

        Until marks were seen to be kept, and where they are dropped, there is one at a time; where they are dropped,
        with a save before and after it. Raises MarksNotKept after the first whose marks did not stick.
        """
        async with contextlib.AsyncExitStack() as place:
            # Everybody queues here: who came while the first creation runs must learn from it whether marks are kept.
            await place.enter_async_context(self._alone)
            if self.kept and not self.dropped:
                await place.aclose()
            self._stop_if_lost()
            # Only its id distinguishes a new model without marks from a twin, so that must be on disk before the next
            # one.
            if self.dropped:
                await self.save()
            yield
            if self.dropped:
                await self.save()
            self._stop_if_lost()

    def _stop_if_lost(self) -> None:
        if self._lost:
            raise MarksNotKept(self._lost)

    async def create(self, new: NewModel, marker: Marker, progress: Progress) -> Model:
        """Make exactly one model with this marker, and return it.

        After a definite no that asks for patience the request is repeated. After an unknown outcome the
        account is asked for the marker, a grace period is waited out, it is asked again, and only then is
        the request repeated, until patience is over: it begins with the first failure, since a long upload is none.
        Raises Rejected, InputChanged, PerhapsMade, or what the last attempt raised.
        """
        # Before the first POST: only who was there before tells later what a lost answer has made.
        if not self.kept and self.before is None:
            self.before = frozenset(model.id for model in (await self._walk()).models)
        # The listing behind the plan lacked something: perhaps this very model.
        if not self.complete and (found := await self._look(marker)) is not None:
            return found
        model = await self._patiently(new, marker, progress)
        if not model.author:
            # The lockfile has to say whose ids it records.
            with contextlib.suppress(ProviderError):  # the id is worth more: it is recorded now
                model = replace(model, author=(await self.provider.wallet()).user_id)
        if set(marker.marks) <= set(model.tags):
            self.kept = True
        else:
            try:
                await self._mark_again(new, marker, model)
            except ProviderError as error:
                self._lost = f"the marks of {model.id} could not be sent again: {error.message}"
        return model

    async def _patiently(self, new: NewModel, marker: Marker, progress: Progress) -> Model:
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        while True:
            sent = 0

            def count(size: int) -> None:
                nonlocal sent
                sent += size
                progress(size)

            try:
                model = await self.provider.create(new, count)
                self.made[model.id] = model
                return model
            # A definite no: nothing was made, so the same request may go out again.
            except (Throttled, NotSent) as error:
                # The same bytes go out once more.
                progress(-sent)
                pause = backoff.pause(error.retry_after)
                if pause is None:
                    raise
                self._tell(marker, f"{error.message}; again in {pause:.1f} s")
                await asyncio.sleep(pause)
            except OutcomeUnknown as error:
                progress(-sent)
                self.unsure.add(marker.tag)
                self._tell(marker, f"{error.message}; looking whether it was made")
                found = await self._look(marker)
                if found is None:
                    # The POST may still be under way: that nothing is there yet proves nothing.
                    await asyncio.sleep(self.grace)
                    found = await self._look(marker)
                if found is not None:
                    return found
                await self._refuse_to_guess(new)
                pause = backoff.pause(error.retry_after)
                if pause is None:
                    raise
                await asyncio.sleep(pause)

    def _tell(self, marker: Marker, text: str) -> None:
        self.listener(Event("retrying", marker.name, detail=text))

    async def _look(self, marker: Marker) -> Model | None:
        """The oldest model with this marker that was not there before, confirmed by GET.

        The listing by tag is believed once it has found a model of ours; until then all of the account is walked.
        """
        listing = await (self.provider.list_models(marker.tag) if self.filtered else self._walk())
        for model in sorted(listing.models, key=lambda m: m.age):
            # What was there before is another run's. And nobody has shown that the filter takes tags whole.
            if model.id in self.known or marker.tag not in model.tags:
                continue
            # Listings may lag: it may be gone, or have lost its marks.
            confirmed = await self.provider.get(model.id)
            if confirmed is not None and marker.tag in confirmed.tags:
                return confirmed
        return None

    async def _refuse_to_guess(self, new: NewModel) -> None:
        """Where the marks may not have been kept, sending again could make a second model.

        Raises PerhapsMade, which names the candidates: models without marks and with this title that were not there
        before. A likeness is never enough to adopt one.
        """
        if self.kept and self.filtered and not self.dropped:
            return
        title = canonical.text(new.metadata.title)
        before = self.known | self.made.keys() | (self.before or frozenset())
        listing = await self._walk()
        candidates = [
            model.id
            for model in listing.models
            if canonical.text(model.title) == title and not model.marks and model.id not in before
        ]
        if candidates:
            raise PerhapsMade(
                f"the answer to a creation was lost, and it may have become {' or '.join(candidates)}, "
                "which carries no marks",
                "delete it, or adopt it with `model:` in the manifest; then run the command again",
            )
        # A second POST on a listing with holes could make a second model: better none than two.
        if not listing.complete:
            raise PerhapsMade(
                "the answer to a creation was lost, and the provider does not list all models: nobody can tell "
                "whether it was made",
                f"look for a new model with the title {title!r} in the account, then run the command again",
            )

    async def _mark_again(self, new: NewModel, marker: Marker, model: Model) -> None:
        """Send the marks once more, and look whether they are there now."""
        if not self.dropped:
            text = "the provider does not keep tags on creation: they are sent again, and models made one by one"
            self.listener(Event("warning", marker.name, detail=text))
        self.dropped = True
        if self.before is None:
            self.before = frozenset(each.id for each in (await self._walk()).models)
        # Once: if they don't stick now, either, no second model may be made.
        await self.provider.update(model.id, Patch(tags=new.tags))
        self._lost = await self.lost_marks(model.id, marker)

    async def lost_marks(self, model_id: str, marker: Marker) -> str:
        """What is wrong with the marks that were just sent to a model; empty where the account shows them."""
        shown: tuple[str, ...] = ()
        # What GET shows may lag behind a PATCH, too.
        for pause in self.looks:
            await asyncio.sleep(pause)
            present = await self.provider.get(model_id)
            shown = present.tags if present is not None else ()
            if set(marker.marks) <= set(shown):
                return ""
        sent, there = ", ".join(marker.marks), ", ".join(shown) or "none"
        return f"marks did not stick on {model_id}: sent {sent}, the account shows {there}"


Brought = Mapping[str, Sample]
"""Samples by digest: the same as the manifest's, with the path of a file that holds their bytes."""
_MEDIA_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "m4a": "audio/mp4", "opus": "audio/ogg"}


def made_tags(metadata: Metadata, wanted: Marker) -> tuple[str, ...]:
    """All tags of a new model, the marks first."""
    return (*wanted.marks, *(metadata.tags or ()))


def new_model(root: Path, voice: Voice, metadata: Metadata, wanted: Marker, brought: Brought | None = None) -> NewModel:
    """The request that makes a voice's model. `brought` are the files of samples that are pointers in the checkout."""
    samples = tuple((brought or {}).get(sample.digest, sample) for sample in voice.samples)
    transcripts = tuple(s.transcript for s in voice.samples if s.transcript is not None)
    return NewModel(
        metadata=metadata,
        tags=made_tags(metadata, wanted),
        samples=tuple(
            Upload(root / s.path, f"sample-{n}.{s.format}", _MEDIA_TYPES[s.format], s.digest, s.size)
            for n, s in enumerate(samples, 1)
        ),
        transcripts=transcripts,
        enhance=voice.enhance,
        cover=cover_upload(root, voice),
    )


def cover_upload(root: Path, voice: Voice) -> Upload | None:
    """The cover image's file, where there is one."""
    cover = voice.cover
    if cover is None:
        return None
    name = "cover." + cover.media_type.partition("/")[2]
    return Upload(root / cover.path, name, cover.media_type, cover.digest, cover.size)
