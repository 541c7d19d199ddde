"""Carry out the tasks of a plan: stage by stage, several at once, each voice's failure its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field

from voicectl.concurrency import together
from voicectl.engine.actions import NotTried, Performer
from voicectl.engine.events import Event
from voicectl.errors import StateError, TryAgain, VoicectlError
from voicectl.model.lock import Record
from voicectl.plan.actions import Make, Prune, Restore, Task, steps
from voicectl.plan.plan import Action, Result, Status, Step
from voicectl.provider.port import NotSent, ProviderError

UNREACHABLE = 5
"""Changes in a row, each retried for two minutes, that find no provider: then it is gone, and the run with it."""
PRUNES_TOGETHER, SAVES = 50, 8
"""How many models one save marks as being deleted, at least, and how many saves a stage of deletions makes, roughly.

A save costs the whole lockfile. But what is marked and not deleted when a run is interrupted can't be brought back any
more, so they are not all marked at once.
"""
UNTIL_CURRENT = frozenset({Step.RENAME, Step.CREATE, Step.UPDATE, Step.AWAIT_TRAINING, Step.MAKE_CURRENT})
"""The steps up to a model that is right and current, but private."""
ALL_STEPS = frozenset(Step)


@dataclass(slots=True)
class Outcome:
    """What becomes of one task while the run goes on."""

    task: Task
    status: Status = "not_tried"
    message: str = ""
    hint: str = ""
    begun: bool = False
    todo: list[Step] = field(default_factory=list)
    """The steps that are still to be done."""
    seconds: float = 0.0
    """How long it was worked on; between its steps it may wait for other tasks, which does not count."""

    def __post_init__(self) -> None:
        self.todo = list(steps(self.task))

    @property
    def alive(self) -> bool:
        """Whether there is more to do: it has not failed, nor been left out (which has a message)."""
        return self.status == "not_tried" and not self.message

    async def work(self, performer: Performer) -> None:
        """Do the next step, and count its time. Raises what the step raises."""
        start = time.perf_counter()
        try:
            await performer.do(self.todo[0], self.task)
        finally:
            self.seconds += time.perf_counter() - start
        del self.todo[0]

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
    outer: Execution | None = None
    """The run that this one is a part of: what stops it stops this one too."""
    unreachable: int = 0
    """Failures in a row for want of a connection."""

    def __post_init__(self) -> None:
        self.outcomes = [Outcome(task) for task in self.tasks]

    def stop(self, reason: VoicectlError) -> None:
        """Take no new work; what is in flight ends by itself."""
        self.stopped = self.stopped or reason

    def fail(self, name: str, message: str) -> None:
        """Nothing more is done about a voice."""
        for outcome in self.outcomes:
            if outcome.task.name == name and outcome.alive:
                outcome.status, outcome.message = "failed", message
                self.performer.listener(Event("failed", name, outcome.task.change.action, message))

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
        unfinished = [o for o in self.outcomes if isinstance(o.task, Prune) and o.task.unfinished]
        makes = [o for o in self.outcomes if isinstance(o.task, Make | Restore)]
        # Deletions that an earlier run began come first: such a model must not be restored, or found by its marks.
        await self._prune(unfinished)
        # Rings next: every later step speaks of the new names.
        await self._exchange([o for o in self.outcomes if Step.EXCHANGE in o.todo])
        # What only needs recording is recorded before anything is made: a kill later then loses less.
        await self._stage(self._of(Action.REFRESH))
        await self._stage(self._of(Action.UPDATE))
        await self._stage(makes, UNTIL_CURRENT)
        # Models are looked at for duplicates while all are still private: nobody can have used the one that goes.
        if any(outcome.alive for outcome in makes) and not self.stopped:
            await before_widening()
        await self._stage(makes, {Step.SHOW})
        await self._stage(makes)  # what is left of them: retire the old
        # What leaves comes last: until here a failure has cost nobody a voice.
        await self._stage(self._of(Action.FORGET))
        await self._stage(self._of(Action.RETIRE))
        await self._prune(self._of(Action.PRUNE))

    async def _prune(self, outcomes: list[Outcome]) -> None:
        """Delete models, some at a time: one save says of all of them that they are being deleted."""
        ledger = self.performer.ledger
        size = max(PRUNES_TOGETHER, len(outcomes) // SAVES)
        for start in range(0, len(outcomes), size):
            some = outcomes[start : start + size]
            await self._stage(some, {Step.CONDEMN})
            if any(outcome.alive and outcome.begun for outcome in some):
                # A DELETE goes out only once the disk says so: what a kill interrupts is then finished, and never
                # restored.
                with contextlib.suppress(StateError, TryAgain):  # `failure` holds it
                    await ledger.durable()
                if ledger.failure is not None:
                    self.stop(ledger.failure)
            await self._stage(some, {Step.DELETE})

    async def _exchange(self, outcomes: list[Outcome]) -> None:
        """All of the voices that exchange their names, or none."""
        if not outcomes or self.stopped is not None:
            return
        # Half an exchange would leave two voices under one name.
        try:
            await self.performer.exchange([outcome.task for outcome in outcomes])
        except VoicectlError as error:
            for outcome in outcomes:
                outcome.status, outcome.message, outcome.hint = "failed", error.message, error.hint
                detail = error.message
                self.performer.listener(Event("failed", outcome.task.name, outcome.task.change.action, detail))
            if isinstance(error, ProviderError) and error.stops_run:
                self.stop(error)
        for outcome in outcomes:
            outcome.todo.remove(Step.EXCHANGE)

    def _of(self, action: Action) -> list[Outcome]:
        return [o for o in self.outcomes if o.task.change.action is action]

    async def _stage(self, outcomes: Iterable[Outcome], which: Set[Step] = ALL_STEPS) -> None:
        """The next steps of many tasks, as many at once as there are places; a name's tasks never overlap."""
        # Two tasks of a name change one record, and one of them may be what the other is built on.
        by_name: dict[str, list[Outcome]] = {}
        for outcome in outcomes:
            by_name.setdefault(outcome.task.name, []).append(outcome)
        await together(self._tasks(group, which) for group in by_name.values())

    async def _tasks(self, outcomes: list[Outcome], which: Set[Step]) -> None:
        for outcome in outcomes:
            if outcome.alive and outcome.todo[0] in which:
                async with self.performer.places:
                    await self._steps(outcome, which)

    async def _steps(self, outcome: Outcome, which: Set[Step]) -> None:
        """What a task has begun in a stage, it ends, though the run is stopped meanwhile."""
        if self.stopped is not None or (self.outer is not None and self.outer.stopped is not None):
            return
        task, tell = outcome.task, self.performer.listener
        if not outcome.begun:
            tell(Event("started", task.name, task.change.action))
            outcome.begun = True
        try:
            while outcome.todo and outcome.todo[0] in which:
                await outcome.work(self.performer)
        except NotTried as error:
            outcome.message = error.message
            return
        except VoicectlError as error:
            outcome.status, outcome.message, outcome.hint = "failed", error.message, error.hint
            tell(Event("failed", task.name, task.change.action, error.message, seconds=outcome.seconds))
            # Other failures show that somebody answers.
            self.unreachable = self.unreachable + 1 if isinstance(error, NotSent) else 0
            stops = isinstance(error, ProviderError) and error.stops_run
            # What can't be recorded must not be made: a state that can't be saved stops everybody.
            if isinstance(error, StateError | TryAgain) or stops or self.unreachable >= UNREACHABLE:
                self.stop(error)
            return
        self.unreachable = 0
        # A save may have failed for another voice: nothing that is made from now on could be recorded.
        if self.performer.ledger.failure is not None:
            self.stop(self.performer.ledger.failure)
        if not outcome.todo:
            outcome.status = "done"
            tell(Event("done", task.name, task.change.action, seconds=outcome.seconds))
