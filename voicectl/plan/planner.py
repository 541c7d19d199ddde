"""The plan: from three sides to an ordered list of changes, by pure functions only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock
from voicectl.model.observed import Observation
from voicectl.plan import guards
from voicectl.plan.actions import Rules, Sweep, Task, orphans
from voicectl.plan.case import UNREADABLE, WITHDRAWN, Decision, protected
from voicectl.plan.compare import widens
from voicectl.plan.consent import withdrawn
from voicectl.plan.identity import Holding, identify
from voicectl.plan.plan import (
    EVERYTHING,
    Action,
    Held,
    Notice,
    Plan,
    Refusal,
    Selectors,
    Summary,
)
from voicectl.plan.removals import every_model, kept_tasks, leaving_tasks, retired_tasks, stray_tasks
from voicectl.plan.saved import is_due_later
from voicectl.plan.select import select
from voicectl.plan.voices import voice_tasks

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
class Sides:
    """All that a plan is made of."""

    catalog: Catalog
    lock: Lock
    observation: Observation
    now: datetime
    version: str
    selectors: Selectors = EVERYTHING
    retry_failed: bool = False
    recreate_missing: bool = False
    destroy: bool = False
    offline: bool = False
    saved: Plan | None = None
    """The saved plan that is applied: what has fallen due since is left to the next apply."""
    notices: tuple[Notice, ...] = ()
    sweep: Sweep | None = None
    """What this run has made, where it is planned after an apply: what a selector named may have left."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and the tasks that carry it out: one for each change, in the same order.

    `retries` send what the plan lists as blocked once more.
    """

    plan: Plan
    tasks: tuple[Task, ...]
    retries: tuple[Task, ...] = ()


def make_plan(sides: Sides) -> Planned:
    """Compare the three sides, decide, order, check the guards.

    Deterministic: equal sides give an equal plan. Raises UsageError for a selector without a match.
    """
    catalog, lock, observation = sides.catalog, sides.lock, sides.observation
    rules = Rules(
        catalog=catalog,
        now=sides.now,
        time=sides.now if sides.offline else observation.time,
        retry_failed=sides.retry_failed,
        destroy=sides.destroy,
        sweep=sides.sweep,
    )
    everything = identify(catalog, lock, observation)
    holdings, left_out = select(everything, sides.selectors, strict=sides.sweep is None and sides.saved is None)
    decisions = [_with_ring(item, holding) for holding in holdings for item in decide(holding, rules)]
    decided = [item for item in decisions if isinstance(item, Task)]
    tasks, retries = order(t for t in decided if not t.retry), order(t for t in decided if t.retry)
    if sides.saved is not None:
        tasks = [task for task in tasks if not is_due_later(task, sides.saved)]
    notices = [item for item in decisions if isinstance(item, Notice)]
    warnings = [*sides.notices, *(notice for notice in notices if not isinstance(notice, Refusal))]
    warnings += guards.misfiltered(observation)
    warnings += guards.unmarked(lock, observation, catalog.namespace)
    team: list[Notice] = []
    if not sides.destroy:
        team = list(guards.check_rules(holdings, catalog.policy))
        warnings += [notice for notice in team if not isinstance(notice, Refusal)]
        warnings += guards.check_expiry(holdings, sides.now.date())
        warnings += guards.suggest_moves(tasks, holdings)
    if not observation.complete:
        tasks, warnings = without_prunes(tasks, warnings)
    refusals = [notice for notice in notices if isinstance(notice, Refusal)]
    refusals += [notice for notice in team if isinstance(notice, Refusal)]
    refusals += check(sides, holdings, tasks, retries, size=_size(everything, observation, catalog.namespace))
    changed = {task.name for task in tasks}
    voices = {holding.name for holding in holdings if holding.voice is not None}
    changes = tuple(task.change for task in tasks)
    plan = Plan(
        voicectl_version=sides.version,
        catalog=catalog.name,
        environment=catalog.environment,
        provider=lock.provider,
        selectors=sides.selectors,
        changes=changes,
        summary=Summary.of(changes, unchanged=len(voices - changed), left_out=left_out),
        blocked=tuple(held for task in retries for held in _held(task)),
        orphaned=orphans(holdings),
        warnings=tuple(warnings),
        refusals=tuple(refusals),
        offline=sides.offline,
    )
    return Planned(plan, tuple(tasks), tuple(retries))


def _held(task: Task) -> Iterator[Held]:
    for each in task.change.fields:
        if each.field != "marks" and each.field != "inputs":
            wider = each.field == "visibility" and widens(str(each.observed), str(each.desired))
            yield Held(task.name, each.field, each.desired, each.observed, wider)


def _with_ring(item: Decision, holding: Holding) -> Decision:
    """Whatever is done about a name of a ring comes after all of its names have changed."""
    return replace(item, swaps=holding.swaps) if isinstance(item, Task) else item


def decide(holding: Holding, rules: Rules) -> Iterator[Decision]:
    """Every change that one name needs."""
    if holding.foreign is not None or (holding.contradiction and not rules.destroy):
        return
    if holding.unreadable:
        yield unreadable(holding)
        return
    voice, record = holding.voice, holding.record
    if rules.destroy:
        yield from every_model(holding, rules, "destroy")
        return
    if voice is not None and withdrawn(voice, rules.now.date()):
        files = ", ".join(sample.path for sample in voice.samples)
        yield Notice(
            "consent_withdrawn",
            f"{voice.name}: consent was withdrawn; its models are deleted"
            + (", although it is protected" if protected(holding) else ""),
            f"still in Git: {files}" if files else "",
            (voice.name,),
        )
        yield from every_model(holding, rules, WITHDRAWN)
        return
    if voice is not None:
        yield from voice_tasks(holding, voice, rules)
    elif record is not None:
        removal = rules.catalog.removed.get(holding.name)
        keep_model = removal is not None and removal.keep_model
        leaving = list(leaving_tasks(holding, record, rules, keep_model=keep_model))
        yield from leaving
        if keep_model:
            return
        if any(task.generations for task in leaving):
            yield from stray_tasks(holding, rules)
            return
    elif (removal := rules.catalog.removed.get(holding.name)) is not None and removal.keep_model:
        yield from kept_tasks(holding, rules)
        return
    yield from retired_tasks(holding, rules)
    yield from stray_tasks(holding, rules)


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


def order(tasks: Iterable[Task]) -> list[Task]:
    """Unfinished prunes first, then by action, then by name."""
    return sorted(
        tasks,
        key=lambda task: (
            not task.unfinished,
            _RANK[task.change.action],
            task.name,
            task.change.generation,
            task.change.id or "",
        ),
    )


def without_prunes(tasks: list[Task], warnings: list[Notice]) -> tuple[list[Task], list[Notice]]:
    """After an incomplete listing nothing is deleted."""
    notice = Notice(
        "listing_incomplete",
        "the provider did not list every model, so nothing is pruned",
        "recorded models were looked up one by one; where the provider shows only a part of a listing, that stays so",
    )
    return [task for task in tasks if task.change.action is not Action.PRUNE], [*warnings, notice]


def _left_out(lock: Lock, holdings: list[Holding]) -> set[str]:
    """Recorded names that the selectors leave out."""
    chosen = {name for holding in holdings for name in (holding.name, holding.previous_name)}
    return lock.voices.keys() - chosen


def _size(holdings: Iterable[Holding], observation: Observation, namespace: str) -> int:
    """How many voices the catalog has of which shares are taken: those with a model that the account shows.

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


def check(
    sides: Sides, holdings: list[Holding], tasks: list[Task], retries: list[Task], *, size: int
) -> Iterator[Refusal]:
    """Every guard that belongs to the core, in the order in which a reader should see them."""
    catalog, lock, observation = sides.catalog, sides.lock, sides.observation
    yield from guards.check_account(lock, observation)
    if sides.destroy:
        yield from guards.check_visible(lock, observation)
    else:
        yield from guards.check_emptied(catalog, lock)
        yield from guards.check_missing(
            lock,
            observation,
            catalog.policy,
            allowed=sides.recreate_missing,
            left_out=_left_out(lock, holdings) | {holding.name for holding in holdings if holding.adopted},
        )
        yield from guards.check_moves(catalog, lock, {holding.name for holding in holdings})
        yield from guards.check_swaps(catalog, holdings)
        yield from guards.check_consent(catalog, lock, [*tasks, *retries], sides.now.date())
        yield from guards.check_limits(tasks, catalog.policy, size)
        yield from guards.check_marks(holdings)
        yield from guards.check_unclaimed(catalog, lock, observation, tasks)
    yield from guards.check_foreign(holdings, catalog.namespace)
    yield from guards.check_protection(holdings, tasks, sides.now.date())
