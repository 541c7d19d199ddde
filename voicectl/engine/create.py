"""Exactly-once creation without an idempotency key (design: "Exactly once")."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from voicectl.concurrency import Backoff
from voicectl.engine.events import Event, Listener
from voicectl.model import canonical
from voicectl.model.marker import Marker
from voicectl.model.observed import Model
from voicectl.provider.port import (
    Listing,
    NewModel,
    NotSent,
    OutcomeUnknown,
    Progress,
    Provider,
    ProviderError,
    Throttled,
)

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 20.0
YOUNG = timedelta(hours=1)
"""How old a model may be that a lost answer could have been about; clocks may differ."""


@dataclass(frozen=True, slots=True)
class Creation:
    """What one creation needs to know. `known` are ids that were there before it began.

    `grace` is how many seconds a request may still be under way after its answer was lost. `walk` lists the whole
    account, from after the moment that it is called. `learned` is filled in.
    """

    new: NewModel
    marker: Marker
    known: Set[str]
    walk: Callable[[], Awaitable[Listing]]
    look_first: bool = False
    grace: float = 5.0
    learned: Learned = field(default_factory=lambda: Learned())


@dataclass(slots=True)
class Learned:
    """What the creations of a run come to: ids that an answer named, and markers whose outcome was unknown."""

    made: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)


async def create(provider: Provider, creation: Creation, progress: Progress, listener: Listener) -> Model:
    """Make exactly one model with this marker, and return it.

    After a definite no that asks for patience the request is repeated. After an unknown outcome the
    account is asked for the marker, a grace period is waited out, it is asked again, and only then is
    the request repeated, until patience is over: it begins with the first failure, since a long upload is none.
    Raises Rejected, InputChanged, or what the last attempt raised.
    """
    name = creation.marker.name
    if creation.look_first and (found := await look(provider, creation)) is not None:
        return found
    backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
    while True:
        sent = 0

        def count(size: int) -> None:
            nonlocal sent
            sent += size
            progress(size)

        try:
            model = await provider.create(creation.new, count)
            creation.learned.made.add(model.id)
            return model
        except (Throttled, NotSent) as error:
            progress(-sent)
            pause = backoff.pause(error.retry_after)
            if pause is None:
                raise
            listener(Event("retrying", name, detail=f"{error.message}; again in {pause:.1f} s"))
            await asyncio.sleep(pause)
        except OutcomeUnknown as error:
            progress(-sent)
            creation.learned.unsure.add(creation.marker.tag)
            listener(Event("retrying", name, detail=f"{error.message}; looking whether it was made"))
            found = await look(provider, creation)
            if found is None:
                await asyncio.sleep(creation.grace)
                found = await look(provider, creation)
            if found is not None:
                return found
            await refuse_to_guess(creation)
            pause = backoff.pause(error.retry_after)
            if pause is None:
                raise
            await asyncio.sleep(pause)


class PerhapsMade(ProviderError):
    """A model may have been made that does not carry its marks: only a person can tell."""

    code = "perhaps_made"
    stops_run = True


async def refuse_to_guess(creation: Creation) -> None:
    """Where the marks may not have been kept, sending again could make a second model.

    Raises PerhapsMade, which names the candidates: young models without marks and with this title. A
    likeness is never enough to adopt one.
    """
    title = canonical.text(creation.new.metadata.title)
    since = datetime.now(UTC) - YOUNG
    candidates = [
        model.id
        for model in (await creation.walk()).models
        if canonical.text(model.title) == title
        and not model.marks
        and model.id not in creation.known
        and (model.created_at is None or model.created_at > since)
    ]
    if candidates:
        raise PerhapsMade(
            f"the answer to a creation was lost, and it may have become {' or '.join(candidates)}, "
            "which carries no ownership tags",
            "delete it, or adopt it with `model:` in the manifest; then run the command again",
        )


async def look(provider: Provider, creation: Creation) -> Model | None:
    """The oldest model with this marker that was not there before, confirmed by GET."""
    listing = await provider.list_models(creation.marker.tag)
    for model in sorted(listing.models, key=lambda m: m.age):
        if model.id in creation.known:
            continue
        confirmed = await provider.get(model.id)
        if confirmed is not None and creation.marker.tag in confirmed.tags:
            return confirmed
    return None
