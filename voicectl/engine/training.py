"""Waiting for models that were made by an earlier run and are still training."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from voicectl.concurrency import Backoff, together
from voicectl.engine.events import Event, Listener
from voicectl.engine.ledger import Ledger
from voicectl.model.observed import Model
from voicectl.plan.planner import Sides
from voicectl.plan.result import RETRY_FAILED, Leftover
from voicectl.plan.select import matching
from voicectl.provider.port import Provider, ProviderError

FIRST_LOOK, LONGEST_LOOK = 2.0, 10.0
"""Ceilings, in seconds, of the pauses between looks: half of them on average, and the provider's cookbook asks
every 5 s."""


def in_training(sides: Sides, busy: frozenset[str]) -> dict[str, Model]:
    """The models of selected voices that are still training, by name; `busy` names have tasks of their own."""
    found = {}
    for name in matching(sides.catalog, sides.lock, sides.selectors):
        record = sides.lock.voices.get(name)
        model = sides.observation.models.get(record.id) if record is not None and name not in busy else None
        if model is not None and model.state in ("created", "training"):
            found[name] = model
    return found


async def wait_for_training(
    models: dict[str, Model], provider: Provider, ledger: Ledger, listener: Listener, seconds: float
) -> list[Leftover]:
    """Wait until they are trained and record it; what failed, or takes longer, or can't be looked at.

    Raises ProviderError where it is about the whole run, such as a key that is no longer accepted.
    """

    async def one(name: str, model: Model) -> Leftover | None:
        present: Model | None = model
        looks = Backoff(FIRST_LOOK, LONGEST_LOOK, seconds)
        while present is not None and present.state in ("created", "training"):
            pause = looks.pause()
            if pause is None:
                return Leftover(name, f"{model.id} is still training after {seconds:g} s")
            listener(Event("waiting", name, detail="training"))
            await asyncio.sleep(pause)
            try:
                present = await provider.get(model.id)
            except ProviderError as error:
                if error.stops_run:
                    raise
                return Leftover(name, f"whether {model.id} is trained can't be told: {error.message}")
        if present is None:
            return Leftover(name, f"{model.id} disappeared while it was training")
        record = ledger.voices.get(name)
        if record is not None and record.id == present.id:
            ledger.put(name, replace(record, state=present.state))
        failed = present.state == "failed"
        return Leftover(name, f"the training of {model.id} failed; {RETRY_FAILED}") if failed else None

    ended = await together(one(name, model) for name, model in sorted(models.items()))
    return [leftover for leftover in ended if leftover is not None]
