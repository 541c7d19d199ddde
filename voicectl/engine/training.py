"""Waiting for models that train: one loop looks at all of them, whoever waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from voicectl.concurrency import Backoff, together
from voicectl.engine.events import Event, Listener
from voicectl.errors import VoicectlError
from voicectl.model.observed import Model
from voicectl.provider.port import Listing, Provider, ProviderError

FIRST_LOOK, LONGEST_LOOK = 0.4, 10.0
"""Ceilings, in seconds, of the pauses between looks at models that train: half of them on average, and the provider's
cookbook asks every 5 s."""
PAGE = 100
"""Models on a page of a listing: where more than that many requests are saved, all are listed in place of asking for
each."""
IN_TRAINING = ("created", "training")


class StillTraining(VoicectlError):
    """A model is not trained in the time that it was given."""

    code = "still_training"


@dataclass(slots=True)
class Training:
    """The models of a run that train. `seconds` is how long each may.

    `tag` is the catalog's, and `size` how many models it has: where that costs fewer requests, a look is a listing.
    """

    provider: Provider
    listener: Listener
    tag: str
    size: int = 0
    seconds: float = 300.0
    _waiting: dict[str, asyncio.Future[Model | None]] = field(default_factory=dict)
    _pauses: Backoff = field(default_factory=lambda: Backoff(FIRST_LOOK, LONGEST_LOOK, float("inf")))
    _newcomer: asyncio.Event = field(default_factory=asyncio.Event)
    _looking: asyncio.Task[None] | None = None

    async def over(self, name: str, model: Model) -> Model | None:
        """A voice's model once it is trained, or its training has failed; None where it disappeared meanwhile.

        Raises StillTraining when its time is over, and ProviderError where it can't be looked at.
        """
        if model.state not in IN_TRAINING:
            return model
        self.listener(Event("waiting", name, detail="training"))
        ended = asyncio.get_running_loop().create_future()
        self._waiting[model.id] = ended
        # Most voices train in seconds, so a newcomer is looked at soon, whatever the others' pause.
        self._newcomer.set()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_until_all_are_over())
        try:
            return await asyncio.wait_for(ended, self.seconds)
        except TimeoutError:
            message = f"{model.id} is still training after {self.seconds:g} s"
            raise StillTraining(message, "run `voicectl apply` again later") from None
        finally:
            self._waiting.pop(model.id, None)

    async def _look_until_all_are_over(self) -> None:
        while self._waiting:
            await self._pause()
            ids = list(self._waiting)
            try:
                found = await self._seen(ids)
            except Exception as error:  # a bug of ours: those who wait must hear of it, and not in five minutes
                found = dict.fromkeys(ids, error)
            for model_id, seen in found.items():
                ended = self._waiting.get(model_id)
                if ended is None or ended.done():
                    continue
                if isinstance(seen, Exception):
                    ended.set_exception(seen)
                elif seen is None or seen.state not in IN_TRAINING:
                    ended.set_result(seen)

    async def _pause(self) -> None:
        """Until the next look, which a newcomer brings forward, and never puts off."""
        clock = asyncio.get_running_loop().time
        end = clock() + (self._pauses.pause() or 0.0)
        while (left := end - clock()) > 0:
            try:
                await asyncio.wait_for(self._newcomer.wait(), left)
            except TimeoutError:
                return
            self._newcomer.clear()
            self._pauses = Backoff(FIRST_LOOK, LONGEST_LOOK, float("inf"))
            end = min(end, clock() + (self._pauses.pause() or 0.0))

    async def _seen(self, ids: list[str]) -> dict[str, Model | Exception | None]:
        """Each model as the account shows it now; None where it is gone. Listings may lag, so only GET says that."""
        found: dict[str, Model | Exception | None] = {}
        if len(ids) > 1 + self.size // PAGE:
            try:
                listed = await self.provider.list_models(self.tag)
            except ProviderError as error:
                if error.stops_run:
                    return dict.fromkeys(ids, error)
                listed = Listing((), complete=False)
            found |= {model.id: model for model in listed.models if model.id in ids}
        return found | await self._asked(model_id for model_id in ids if model_id not in found)

    async def _asked(self, ids: Iterable[str]) -> dict[str, Model | Exception | None]:
        async def one(model_id: str) -> tuple[str, Model | Exception | None]:
            try:
                return model_id, await self.provider.get(model_id)
            except ProviderError as error:
                return model_id, error

        return dict(await together(one(model_id) for model_id in ids))
