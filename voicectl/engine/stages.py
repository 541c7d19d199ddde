"""Carry out the tasks of a plan: in order, several at once, each voice's failure its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from voicectl.concurrency import together
from voicectl.engine.actions import MAKES, NotTried, Performer
from voicectl.engine.events import Event
from voicectl.errors import StateError, TryAgain, VoicectlError
from voicectl.model.lock import Record
from voicectl.plan.actions import Task
from voicectl.plan.plan import Action
from voicectl.plan.result import Result, Status
from voicectl.provider.port import NotSent, ProviderError

Step = Callable[[Task], Awaitable[None]]
UNREACHABLE = 5
"""Changes in a row, each retried for two minutes, that find no provider: then it is gone, and the run with it."""
PRUNES_TOGETHER = 50
"""Models that one save marks as being deleted. As many may wait for the next run where this one is interrupted."""
Finished = Callable[[Task], bool]
"""Whether a step was a task's last one."""


def _always(task: Task) -> bool:
    return True


def _never(task: Task) -> bool:
    return False


@dataclass(slots=True)
class Outcome:
    """What becomes of one task while the run goes on."""

    task: Task
    status: Status = "not_tried"
    message: str = ""
    hint: str = ""
    begun: bool = False
    seconds: float = 0.0
    """How long it was worked on; between its steps it may wait for other tasks, which does not count."""

    async def work(self, step: Step) -> None:
        """Do one step of the task, and count its time. Raises what the step raises."""
        start = time.perf_counter()
        try:
            await step(self.task)
        finally:
            self.seconds += time.perf_counter() - start

    def result(self, voices: Mapping[str, Record]) -> Result:
        """The same as a frozen value, once the run is over; `voices` are the records by then."""
        record = voices.get(self.task.name)
        return Result(self.task.change, self.status, record.id if record else None, self.message, self.hint)


@dataclass(slots=True)
class Execution:
    """A run over tasks. After `stop` nothing new begins; `stopped` says why."""

    performer: Performer
    tasks: tuple[Task, ...]
    outcomes: list[Outcome] = field(default_factory=list)
    stopped: VoicectlError | None = None
    unreachable: int = 0
    """Failures in a row for want of a connection."""

    def __post_init__(self) -> None:
        self.outcomes = [Outcome(task) for task in self.tasks]

    def stop(self, reason: VoicectlError) -> None:
        """Take no new work; what is in flight ends by itself."""
        self.stopped = self.stopped or reason

    async def run(self, before_widening: Callable[[], Awaitable[None]]) -> None:
        """All tasks, stage by stage; `before_widening` comes once models were made and before any is shown.

        Whatever ends it, cancellation included, `outcomes` say what became of each task.
        """
        try:
            await self._stages(before_widening)
        finally:
            for outcome in self.outcomes:
                if outcome.begun and outcome.status == "not_tried" and not outcome.message:
                    outcome.status, outcome.message = "failed", "interrupted before it was finished"

    async def _stages(self, before_widening: Callable[[], Awaitable[None]]) -> None:
        do = self.performer
        makes = self._of(*MAKES)
        await self._prune([o for o in self.outcomes if o.task.unfinished])
        await self._swap([o for o in self.outcomes if o.task.swaps])
        await self._stage(self._of(Action.REFRESH), do.refresh)
        await self._stage(self._of(Action.UPDATE), do.update)
        await self._stage(makes, do.make, finished=do.finished_by_making)
        if any(self._alive(outcome) for outcome in makes) and not self.stopped:
            await before_widening()
        await self._stage(makes, do.widen, finished=lambda task: task.retires is None)
        await self._stage(makes, do.give_way)
        await self._stage(self._of(Action.FORGET), do.forget)
        await self._stage(self._of(Action.RETIRE), do.retire)
        await self._prune([o for o in self._of(Action.PRUNE) if not o.task.unfinished])

    async def _prune(self, outcomes: list[Outcome]) -> None:
        """Delete models, some at a time: one save says of all of them that they are being deleted."""
        ledger = self.performer.ledger
        for start in range(0, len(outcomes), PRUNES_TOGETHER):
            some = outcomes[start : start + PRUNES_TOGETHER]
            await self._stage(some, self.performer.condemn, finished=_never)
            if any(self._alive(outcome) and outcome.begun for outcome in some):
                with contextlib.suppress(StateError, TryAgain):  # `failure` holds it
                    await ledger.durable()
                if ledger.failure is not None:
                    self.stop(ledger.failure)
            await self._stage([outcome for outcome in some if outcome.begun], self.performer.delete)

    async def _swap(self, outcomes: list[Outcome]) -> None:
        """All of the voices that exchange their names, or none."""
        if not outcomes or self.stopped is not None:
            return
        try:
            await self.performer.swap([outcome.task for outcome in outcomes])
        except VoicectlError as error:
            for outcome in outcomes:
                outcome.status, outcome.message, outcome.hint = "failed", error.message, error.hint
                detail = error.message
                self.performer.listener(Event("failed", outcome.task.name, outcome.task.change.action, detail))
            if isinstance(error, ProviderError) and error.stops_run:
                self.stop(error)

    def _of(self, *actions: Action) -> list[Outcome]:
        return [o for o in self.outcomes if o.task.change.action in actions and not o.task.unfinished]

    @staticmethod
    def _alive(outcome: Outcome) -> bool:
        """Whether there is more to do: it has not failed, nor been left out (which has a message)."""
        return outcome.status == "not_tried" and not outcome.message

    async def _stage(self, outcomes: Iterable[Outcome], step: Step, *, finished: Finished = _always) -> None:
        """One step of many tasks, as many at once as there are places; a name's steps never overlap."""
        by_name: dict[str, list[Outcome]] = {}
        for outcome in outcomes:
            if self._alive(outcome):
                by_name.setdefault(outcome.task.name, []).append(outcome)
        await together(self._steps(group, step, finished) for group in by_name.values())

    async def _steps(self, outcomes: list[Outcome], step: Step, finished: Finished) -> None:
        for outcome in outcomes:
            async with self.performer.places:
                await self._step(outcome, step, finished)

    async def _step(self, outcome: Outcome, step: Step, finished: Finished) -> None:
        if self.stopped is not None:
            return
        task = outcome.task
        tell = self.performer.listener
        if not outcome.begun:
            tell(Event("started", task.name, task.change.action))
            outcome.begun = True
        try:
            await outcome.work(step)
        except NotTried as error:
            outcome.message = error.message
            return
        except VoicectlError as error:
            outcome.status, outcome.message, outcome.hint = "failed", error.message, error.hint
            tell(Event("failed", task.name, task.change.action, error.message, seconds=outcome.seconds))
            self.unreachable = self.unreachable + 1 if isinstance(error, NotSent) else 0
            stops = isinstance(error, ProviderError) and error.stops_run
            if isinstance(error, StateError | TryAgain) or stops or self.unreachable >= UNREACHABLE:
                self.stop(error)
            return
        self.unreachable = 0
        if self.performer.ledger.failure is not None:
            self.stop(self.performer.ledger.failure)
        if finished(task):
            outcome.status = "done"
            tell(Event("done", task.name, task.change.action, seconds=outcome.seconds))
