"""What external voices need: to be looked up and recorded. Pure decisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from voicectl.model.lock import Record
from voicectl.model.voice import Voice
from voicectl.plan.actions import Task
from voicectl.plan.case import Decision, change, left_retired
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Action, Notice, Refusal


def external(holding: Holding, voice: Voice) -> Iterator[Decision]:
    """An external voice is looked up and recorded, never written to."""
    model = holding.current
    if model is None:
        serves = holding.record is not None and holding.record.origin != "external"
        # Going on would retire the model that serves the name, with nothing to take its place.
        message = f"{voice.name}: the external model {voice.model} can't be found"
        yield (Refusal if serves else Notice)("external_missing", message, "", (voice.name,))
        return
    record = Record(
        origin="external",
        id=model.id,
        state=model.state,
        protect=voice.lifecycle.protect,
        retired=left_retired(holding),
    )
    if record != holding.record or holding.previous_name is not None:
        yield Task(
            replace(change(holding, Action.REFRESH, model), adopted=holding.adopted),
            voice=voice,
            model=model,
            record=record,
            swaps=holding.swaps,
        )
