"""Waiting for models that train: one loop looks at all of them, whoever waits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field

from voicectl.concurrency import Backoff
from voicectl.engine.events import Event, Listener
from voicectl.errors import VoicectlError
from voicectl.model.observed import Model
from voicectl.provider.port import Provider, ProviderError

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
class _Waiting:
    """Somebody who waits for a model, until when (by the loop's clock), and whether it is being looked at now."""

    ended: asyncio.Future[Model | None]
    deadline: float
    looking: bool = False


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
    _waiting: dict[str, _Waiting] = field(default_factory=dict)
    _pauses: Backoff = field(default_factory=lambda: Backoff(FIRST_LOOK, LONGEST_LOOK, float("inf")))
    _newcomer: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """The loop, and the looks that are under way: each tells its own result, so that a slow one delays no other."""
    _running: bool = False

    async def over(self, name: str, model: Model) -> Model | None:
        """A voice's model once it is trained, or its training has failed; None where it disappeared meanwhile.

        Raises StillTraining if it is not by then, and ProviderError where it can't be looked at.
        """
        if model.state not in IN_TRAINING:
            return model
        self.listener(Event("waiting", name, detail="training"))
        loop = asyncio.get_running_loop()
        waiting = self._waiting[model.id] = _Waiting(loop.create_future(), loop.time() + self.seconds)
        # Most voices train in seconds, so a newcomer is looked at soon, whatever the others' pause.
        self._newcomer.set()
        if not self._running:
            self._running = True
            self._start(self._look_until_all_are_over())
        try:
            return await waiting.ended
        finally:
            self._waiting.pop(model.id, None)

    def _start(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look_until_all_are_over(self) -> None:
        try:
            while self._waiting:
                await self._pause()
                ids = [model_id for model_id, waiting in self._waiting.items() if not waiting.looking]
                for model_id in ids:
                    self._waiting[model_id].looking = True
                # A listing costs a request for each page of the catalog; asking costs one for each model.
                if len(ids) > 1 + self.size // PAGE:
                    self._start(self._list(ids))
                else:
                    self._ask(ids)
        finally:
            self._running = False

    async def _pause(self) -> None:
        """Until the next look, which a newcomer brings forward and never puts off. The last one is at the deadline."""
        clock = asyncio.get_running_loop().time
        end = clock() + (self._pauses.pause() or 0.0)
        while True:
            ends = (waiting.deadline for waiting in self._waiting.values() if not waiting.looking)
            left = min([end, *ends]) - clock()
            if left <= 0:
                return
            try:
                await asyncio.wait_for(self._newcomer.wait(), left)
            except TimeoutError:
                return
            self._newcomer.clear()
            # No patience of its own: each of those who wait has a deadline.
            self._pauses = Backoff(FIRST_LOOK, LONGEST_LOOK, float("inf"))
            end = min(end, clock() + (self._pauses.pause() or 0.0))

    def _ask(self, ids: Iterable[str]) -> None:
        for model_id in ids:
            self._start(self._get(model_id))

    async def _get(self, model_id: str) -> None:
        began = asyncio.get_running_loop().time()
        try:
            self._tell(model_id, await self.provider.get(model_id), began)
        except Exception as error:  # also a bug of ours: those who wait must hear of it, and not in five minutes
            self._tell(model_id, error, began)

    async def _list(self, ids: list[str]) -> None:
        """One listing for many models. It may lag, so only GET says that a model is gone."""
        began = asyncio.get_running_loop().time()
        shown: dict[str, Model] = {}
        try:
            shown = {model.id: model for model in (await self.provider.list_models(self.tag)).models}
        except Exception as error:
            # A refused listing is no reason to give up on the models: they are asked for one by one.
            if not isinstance(error, ProviderError) or error.stops_run:
                for model_id in ids:
                    self._tell(model_id, error, began)
                return
        for model_id in ids:
            if model_id in shown:
                self._tell(model_id, shown[model_id], began)
        self._ask(model_id for model_id in ids if model_id not in shown)

    def _tell(self, model_id: str, seen: Model | Exception | None, began: float) -> None:
        """What a look that began then has shown, to whoever waits for it still."""
        waiting = self._waiting.get(model_id)
        if waiting is None or waiting.ended.done():
            return
        waiting.looking = False
        if isinstance(seen, Exception):
            waiting.ended.set_exception(seen)
        elif seen is None or seen.state not in IN_TRAINING:
            waiting.ended.set_result(seen)
        # Only a look that began after it: what trained just before must not be given up unseen.
        elif began >= waiting.deadline:
            message = f"{model_id} is still training after {self.seconds:g} s"
            waiting.ended.set_exception(StillTraining(message, "run `voicectl apply` again later"))
