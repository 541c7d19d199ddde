"""The apply pipeline: lock, plan, confirm, execute, observe, verify, save, unlock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from voicectl import signals
from voicectl.concurrency import together
from voicectl.engine.actions import Performer
from voicectl.engine.create import Brought, Creations
from voicectl.engine.events import Event, Listener, troubles
from voicectl.engine.ledger import Ledger
from voicectl.engine.observe import Did, looked_again, observe
from voicectl.engine.plan import Prepared, prepare
from voicectl.engine.stages import Execution, Outcome
from voicectl.engine.training import IN_TRAINING, StillTraining, Training
from voicectl.engine.verify import LOOKS, Settling, plan_again, refresh, still_open
from voicectl.errors import Interrupted, VoicectlError
from voicectl.model.lock import Changed, ProviderIdentity
from voicectl.model.marker import catalog_tag
from voicectl.model.observed import Model, Observation
from voicectl.model.voice import Sample
from voicectl.plan.actions import Forget, Make, Prune, Retire, Serve, Task, leaving, shown_last
from voicectl.plan.case import DUPLICATE, UNREADABLE, Sweep
from voicectl.plan.plan import RETRY_FAILED, ApplyResult, Leftover, Plan
from voicectl.plan.planner import Planned
from voicectl.plan.request import PlanRequest, matching
from voicectl.provider.port import Provider, ProviderError
from voicectl.state.port import StateStore

PATIENCE_AFTER_SIGNAL = 5.0
"""Seconds that requests in flight get to finish after Ctrl-C or SIGTERM."""
RECORD, SAMPLE = 4096, 256
"""Bytes in a lockfile, amply: of a voice without its description, and of a sample with its transcript."""


@dataclass(frozen=True, slots=True)
class Run:
    """What an apply works with. `confirm` sees the plan and says whether to go on; it may raise."""

    root: Path
    store: StateStore
    identity: ProviderIdentity
    provider: Provider
    listener: Listener
    confirm: Callable[[Plan], None]
    wait: float = 300.0
    grace: float = 5.0
    looks: tuple[float, ...] = LOOKS
    stamp: Changed | None = None
    """What the lockfile says of whoever changes a record; None leaves it out."""
    bring: Callable[[Sequence[Sample]], Brought] | None = None
    """Gets the files of samples that are only pointers in the checkout. Raises where one can't be had."""


async def apply(run: Run, request: PlanRequest) -> ApplyResult:
    """Plan, confirm, execute, verify. The caller holds the state's lease.

    Raises what planning raises, and what `confirm` raises: until then nothing was changed anywhere.
    Afterwards failures are part of the result.
    """
    prepared = await prepare(request, run.store, run.identity, run.provider)
    plan = prepared.planned.plan
    run.confirm(plan)
    brought = await _brought(run, prepared.planned.tasks)
    busy = frozenset(task.name for task in prepared.planned.tasks)
    training = _in_training(prepared, busy) if run.wait else {}
    hidden = tuple(Leftover(n.voices[0], "its model can't be read") for n in plan.warnings if n.code == UNREADABLE)
    # An apply with nothing to do only looks: it does not even touch the state.
    if plan.empty and not training and not plan.blocked:
        return ApplyResult(plan, leftovers=hidden)
    ledger = Ledger(run.store, prepared.lock, prepared.state_version, run.stamp)
    performer = _performer(run, prepared, ledger, brought)
    execution = Execution(performer, prepared.planned.tasks)
    sweep = _FinalLooks(run, prepared, ledger, execution)
    leftovers: list[Leftover] = []
    with _interruptible(execution, run.listener):
        async with ledger:
            # Before the first request that changes anything: a full disk must not cost the id of a model.
            await ledger.prove(_growth(prepared))
            run.listener(Event("planned", total=len(plan.changes), sent=_upload_size(prepared)))
            try:
                await execution.run(sweep.before_widening)
                if execution.stopped is None and training:
                    leftovers = await _wait_for_training(training, performer.training, ledger)
                if execution.stopped is None:
                    leftovers += await sweep.verify(execution.outcomes)
            except VoicectlError as failure:
                execution.stop(failure)
            except asyncio.CancelledError:
                if execution.stopped is None:
                    raise
            with contextlib.suppress(VoicectlError):
                await ledger.durable()
            unsaved = tuple(ledger.unsaved())
            error = ledger.failure or execution.stopped
    results = tuple(outcome.result(ledger.voices) for outcome in execution.outcomes)
    return ApplyResult(plan, results, (*leftovers, *hidden), unsaved, error)


async def _brought(run: Run, tasks: Iterable[Task]) -> Brought:
    """The files of all samples that this apply uploads and the checkout has as pointers. Nothing was changed yet."""
    pointers = [sample for task in tasks if isinstance(task, Make) for sample in task.voice.samples if sample.pointer]
    if not pointers or run.bring is None:
        return {}
    return await asyncio.to_thread(run.bring, pointers)


def _performer(run: Run, prepared: Prepared, ledger: Ledger, brought: Brought) -> Performer:
    observation = prepared.observation
    return Performer(
        provider=run.provider,
        ledger=ledger,
        listener=run.listener,
        root=run.root,
        namespace=prepared.request.catalog.namespace,
        creations=Creations(
            run.provider,
            run.listener,
            known=frozenset(observation.models),
            save=ledger.durable,
            complete=observation.complete,
            kept=observation.filtered,
            filtered=observation.filtered,
            before=observation.before,
            grace=run.grace,
            looks=run.looks,
        ),
        training=Training(
            run.provider,
            run.listener,
            tag=catalog_tag(prepared.request.catalog.namespace),
            size=len(observation.models),
            seconds=run.wait,
        ),
        places=asyncio.Semaphore(run.provider.concurrency),
        brought=brought,
    )


def _in_training(prepared: Prepared, busy: frozenset[str]) -> dict[str, Model]:
    """The models of selected voices that are still training, by name; `busy` names have tasks of their own."""
    found = {}
    for name in matching(prepared.request.catalog, prepared.lock, prepared.request.selected):
        record = prepared.lock.voices.get(name)
        model = prepared.observation.models.get(record.id) if record is not None and name not in busy else None
        if model is not None and model.state in IN_TRAINING:
            found[name] = model
    return found


async def _wait_for_training(models: dict[str, Model], training: Training, ledger: Ledger) -> list[Leftover]:
    """Wait for models that an earlier run made, and record how it ended; what failed or can't be looked at.

    Raises ProviderError where it is about the whole run, such as a key that is no longer accepted.
    """

    async def one(name: str, model: Model) -> Leftover | None:
        try:
            present = await training.over(name, model)
        except StillTraining as error:
            return Leftover(name, error.message)
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


def _growth(prepared: Prepared) -> int:
    """Bytes that the run may add to the lockfile, amply."""
    voices = [task.voice for task in prepared.planned.tasks if isinstance(task, Serve)]
    texts = sum(len((voice.metadata.description or "").encode()) for voice in voices)
    return RECORD * len(prepared.planned.tasks) + SAMPLE * sum(len(voice.samples) for voice in voices) + texts


def _upload_size(prepared: Prepared) -> int:
    """Bytes of samples and covers that new models need."""
    voices = [task.voice for task in prepared.planned.tasks if isinstance(task, Make)]
    return sum(s.size for v in voices for s in v.samples) + sum(v.cover.size for v in voices if v.cover)


def _settles(task: Task) -> bool:
    """Whether this task resolves a duplicate: keep the older model, retire or delete the younger."""
    return task.change.adopted or task.change.reason == DUPLICATE


@dataclass(slots=True)
class _FinalLooks:
    """The looks at the account that end an apply."""

    run: Run
    prepared: Prepared
    ledger: Ledger
    execution: Execution

    async def before_widening(self) -> None:
        """Prune duplicates of what this run made, while everything it made is still private."""
        # While all of them are private nobody can have used the one that goes.
        if any(isinstance(task, Make) and shown_last(task) for task in self.execution.tasks):
            await self._without_duplicates(await self._look())

    async def verify(self, outcomes: list[Outcome]) -> list[Leftover]:
        """Observe, sweep, compare what was sent with what is there, and plan again."""
        self.run.listener(Event("verifying"))
        if self._made.unsure:
            # What a lost answer has made after all may not be listed yet.
            await asyncio.sleep(max(self.run.looks, default=0.0))
        observation = await self._look()
        if await self._without_duplicates(observation):
            observation = await self._look()
        run, send = self.run, self.execution.performer.send
        settling = Settling(run.provider, self.ledger, send, run.listener, run.looks)
        leftovers = await settling.all(outcomes, observation)
        await settling.again(self.prepared.planned.retries)
        if settling.touched:
            observation = await self._look()
        named = {leftover.name for leftover in leftovers}
        planned = refresh(await self._settled_plan(observation, outcomes), self.ledger)
        await self.ledger.durable()
        return leftovers + [left for left in still_open(planned, outcomes) if left.name not in named]

    @property
    def _made(self) -> Sweep:
        creations = self.execution.performer.creations
        return Sweep(frozenset(creations.made), frozenset(creations.unsure), frozenset(creations.known))

    async def _settled_plan(self, observation: Observation, outcomes: list[Outcome]) -> Planned:
        """The plan after the apply. What it still wants is looked at one by one first, some times: listings may lag."""
        for pause in self.run.looks:
            planned = plan_again(self.prepared.request, self.ledger, observation, self._made)
            names = {leftover.name for leftover in still_open(planned, outcomes)}
            if not names:
                return planned
            await asyncio.sleep(pause)
            ids = {i for t in planned.tasks if t.name in names for i in self.ledger.ids(t.name, t.change.id)}
            observation = await looked_again(self.run.provider, observation, ids, self._did)
        return plan_again(self.prepared.request, self.ledger, observation, self._made)

    @property
    def _did(self) -> Did:
        return Did(self.execution.performer.creations.made, frozenset(self.ledger.deleted))

    async def _look(self) -> Observation:
        run, creations = self.run, self.execution.performer.creations
        return await observe(
            run.provider,
            self.prepared.request.catalog,
            self.ledger.lock,
            self._did,
            filtered=creations.filtered,
            looks=run.looks,
        )

    async def _without_duplicates(self, observation: Observation) -> bool:
        """Retire or delete the duplicates that only this run can have made; True where there were any.

        Where an older twin of what this run made has arrived, the older one is recorded first: it stays. All other
        twins wait for a plan that shows them.
        """
        made, namespace = self._made, self.prepared.request.catalog.namespace
        planned: Planned = plan_again(self.prepared.request, self.ledger, observation, made)
        gone = {model_id for task in self.execution.tasks for model_id in leaving(task)}
        twins = [t for t in planned.tasks if t.change.reason == DUPLICATE and t.change.id not in gone]
        ours = [t for t in twins if isinstance(t, Retire | Prune | Forget) and made.covers(t.model, namespace)]
        names = {task.name for task in ours} - {task.name for task in twins if task not in ours}
        if not names:
            return False
        settling = tuple(t for t in planned.tasks if t.name in names and _settles(t))
        for task in settling:
            if task.change.reason == DUPLICATE:
                done = "deleted" if isinstance(task, Prune) else "retired"
                words = f"there are two models of this voice; the younger one, {task.change.id}, is {done}"
                self.run.listener(Event("warning", task.name, detail=words))
        performer = replace(self.execution.performer, listener=troubles(self.run.listener))
        inner = Execution(performer, settling, outer=self.execution)
        await inner.run(_nothing)
        if inner.stopped is not None:
            self.execution.stop(inner.stopped)
        for outcome in inner.outcomes:
            if outcome.status != "done":
                # The voice is not shown while two models of it are there.
                words = outcome.message or "it was not tried"
                self.execution.fail(outcome.task.name, f"there are two models of this voice, and both stay: {words}")
        return True


async def _nothing() -> None:
    return None


@contextlib.contextmanager
def _interruptible(execution: Execution, listener: Listener) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a lost terminal stop new work; requests in flight get a few seconds. A second one leaves.

    Leaving cancels the task that runs this; what was going on then counts as interrupted.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    timers: list[asyncio.TimerHandle] = []

    def interrupted() -> None:
        if timers:
            task.cancel()
            return
        execution.stop(Interrupted("interrupted", "run the same command again: it goes on with what is left"))
        words = f"interrupted: requests in flight get up to {PATIENCE_AFTER_SIGNAL:g} s to finish; again leaves at once"
        listener(Event("warning", detail=words))
        timers.append(loop.call_later(PATIENCE_AFTER_SIGNAL, task.cancel))

    def heard(count: int) -> None:
        loop.call_soon_threadsafe(interrupted)

    try:
        with signals.heard_by(heard):
            yield
    finally:
        for timer in timers:
            timer.cancel()
