"""The plan: from three sides to an ordered list of changes, by pure functions only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from voicectl.model.lock import Lock
from voicectl.model.observed import Observation
from voicectl.plan import guards, policy_guards
from voicectl.plan.actions import ForgetVoice, Prune, Resend, Task, planned
from voicectl.plan.case import UNREADABLE, WITHDRAWN, Case, Decision, Sweep
from voicectl.plan.compare import widens
from voicectl.plan.consent import withdrawn
from voicectl.plan.identity import Holding, identify
from voicectl.plan.plan import Action, Held, Notice, Orphan, Plan, Refusal, Summary
from voicectl.plan.removals import every_model, kept_tasks, leaving_tasks, retired_tasks, stray_tasks
from voicectl.plan.request import PlanRequest, select
from voicectl.plan.saved import without_due_later
from voicectl.plan.voices import voice_tasks

# What adds comes before what takes away: a failure on the way has cost nobody a voice.
ORDER = (
    Action.REFRESH,
    Action.UPDATE,
    Action.CREATE,
    Action.REPLACE,
    Action.RESTORE,
    Action.FORGET,
    Action.RETIRE,
    Action.PRUNE,
)
_RANK = {action: rank for rank, action in enumerate(ORDER)} | {Action.RESTORE: ORDER.index(Action.REPLACE)}


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and the tasks that carry it out: one for each change, in the same order.

    `retries` send what the plan lists as blocked once more.
    """

    plan: Plan
    tasks: tuple[Task, ...]
    retries: tuple[Resend, ...] = ()


def make_plan(request: PlanRequest, lock: Lock, observation: Observation, sweep: Sweep | None = None) -> Planned:
    """Compare the three sides, decide, order, check the guards.

    `sweep` is what this run has made, where it plans again after an apply: what a selector named may have left.
    Deterministic: equal sides give an equal plan. Raises UsageError for a selector without a match.
    """
    catalog = request.catalog
    everything = identify(catalog, lock, observation)
    strict = sweep is None and request.saved is None
    # Who is who is decided over all names: a selector must not change whose a model is.
    holdings, left_out = select(everything, request.selected, strict=strict)
    time = request.now if request.offline else observation.time
    tasks, retries, notices = _decided(Case(holding, request, time, sweep) for holding in holdings)
    # Before the guards: what is not done now must not count, nor be refused.
    if request.saved is not None:
        tasks = without_due_later(tasks, request.saved)
    if not request.destroy:
        notices += policy_guards.check_rules(holdings, catalog.policy)
    refusals = [notice for notice in notices if isinstance(notice, Refusal)]
    warnings = [*request.notices, *(notice for notice in notices if not isinstance(notice, Refusal))]
    warnings += guards.warnings(request, lock, observation, holdings, tasks)
    if not observation.complete:
        # After an incomplete listing nothing is deleted.
        tasks = [task for task in tasks if not isinstance(task, Prune)]
    size = _size(everything, observation, catalog.namespace)
    refusals += guards.refusals(request, lock, observation, holdings, tasks, retries, size=size)
    changed = {task.name for task in tasks}
    voices = {holding.name for holding in holdings if holding.voice is not None}
    changes = tuple(task.change for task in tasks)
    plan = Plan(
        voicectl_version=request.version,
        catalog=catalog.name,
        environment=catalog.environment,
        provider=lock.provider,
        selectors=request.selected,
        changes=changes,
        summary=Summary.of(changes, unchanged=len(voices - changed), left_out=left_out),
        blocked=tuple(held for task in retries for held in _held(task)),
        orphaned=_orphans(holdings),
        warnings=tuple(warnings),
        refusals=tuple(refusals),
        offline=request.offline,
    )
    return Planned(plan, tuple(tasks), tuple(retries))


def _decided(cases: Iterable[Case]) -> tuple[list[Task], list[Resend], list[Notice]]:
    """The tasks in order, what is sent once more, and everything there is to say."""
    tasks: list[Task] = []
    retries: list[Resend] = []
    notices: list[Notice] = []
    for case in cases:
        for item in decide(case):
            if isinstance(item, Notice):
                notices.append(item)
            elif isinstance(item, Resend):
                retries.append(item)
            else:
                tasks.append(planned(item, ring=case.holding.swaps))
    return sorted(tasks, key=_order), sorted(retries, key=_order), notices


def decide(case: Case) -> Iterator[Decision]:
    """Every change that one name needs."""
    holding, request = case.holding, case.request
    voice, record = holding.voice, holding.record
    # A refusal speaks of these (guards); whatever else happens, nothing is done about them.
    if holding.foreign is not None or (holding.contradiction and not request.destroy):
        return
    if holding.unreadable:
        yield unreadable(holding)
        return
    if request.destroy:
        yield from every_model(case, "destroy")
        return
    # Before anything else about the voice: not even protection keeps what its speaker has taken back.
    if voice is not None and withdrawn(voice, request.now.date()):
        files = ", ".join(sample.path for sample in voice.samples)
        yield Notice(
            "consent_withdrawn",
            f"{voice.name}: consent was withdrawn; its models are deleted"
            + (", although it is protected" if case.protected else ""),
            f"still in Git: {files}" if files else "",
            (voice.name,),
        )
        yield from every_model(case, WITHDRAWN)
        return
    removal = request.catalog.removed.get(holding.name)
    keep_model = removal is not None and removal.keep_model
    if voice is not None:
        yield from voice_tasks(case, voice)
    elif record is not None:
        leaving = list(leaving_tasks(case, record, keep_model=keep_model))
        yield from leaving
        if keep_model:
            return
        # What is left of it was just forgotten: it must not be deleted by its retention all the same.
        if any(isinstance(task, ForgetVoice) and task.generations for task in leaving):
            yield from stray_tasks(case)
            return
    elif keep_model:
        yield from kept_tasks(case)
        return
    yield from retired_tasks(case)
    yield from stray_tasks(case)


def unreadable(holding: Holding) -> Notice:
    """A model that is not shown may be private, or gone: nothing is done about its voice until a person knows."""
    external = (holding.voice is not None and holding.voice.external) or (
        holding.record is not None and holding.record.origin == "external"
    )
    what = "its model can't be read, and nothing is done about it"
    named = holding.voice is not None and holding.voice.model is not None
    hint = "is FISH_API_KEY of the right workspace? Only if the model was deleted, run with --recreate-missing"
    hint = "if it is somebody else's, write `external: true`; " + hint if named else hint
    hint = "ask its owner, or take the voice out" if external else hint
    code = "external_unreadable" if external else UNREADABLE
    return Notice(code, f"{holding.name}: {what}: {holding.unreadable}", hint, (holding.name,))


def _order(task: Task | Resend) -> tuple[bool, int, str, int, str]:
    """Unfinished prunes first, then by action, then by name."""
    change = task.change
    unfinished = isinstance(task, Prune) and task.unfinished
    return not unfinished, _RANK[change.action], change.name, change.generation, change.id or ""


def _held(task: Resend) -> Iterator[Held]:
    for each in task.change.fields:
        if each.field != "marks" and each.field != "inputs":
            wider = each.field == "visibility" and widens(str(each.observed), str(each.desired))
            yield Held(task.name, each.field, each.desired, each.observed, wider)


def _orphans(holdings: Iterable[Holding]) -> tuple[Orphan, ...]:
    """Models with our marks under names that neither manifests nor lockfile know."""
    return tuple(
        Orphan(model.id, holding.name, model.title)
        for holding in holdings
        if holding.voice is None and holding.record is None
        for model in holding.strays
    )


def _size(holdings: Iterable[Holding], observation: Observation, namespace: str) -> int:
    """The size of the catalog, for shares such as 30 %: its voices with a model that the account shows.

    Neither a manifest nor a lockfile can make a catalog look larger than it is.
    """
    served = 0
    for holding in holdings:
        record = holding.record
        managed = record is not None and record.origin != "external" and record.id in observation.models
        external = holding.voice is not None and holding.voice.external
        models = (*(model for _, model in holding.retired if model is not None), *holding.strays)
        serving = any(model.serves(namespace) for model in models)
        served += managed or (holding.current is not None and not external) or serving
    return served
