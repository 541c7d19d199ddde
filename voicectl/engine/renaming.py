"""Carrying a catalog over into another namespace: marks first, then the lockfile. May be killed and begun again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from voicectl.concurrency import together
from voicectl.engine.events import Event, Listener
from voicectl.engine.observe import LOOKS, NOTHING_DONE, looked_again, observe
from voicectl.errors import ApplyFailed, VoicectlError
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock
from voicectl.plan.actions import Repair
from voicectl.plan.plan import Plan
from voicectl.plan.renaming import RenamingPlan, renaming_plan
from voicectl.provider.port import Provider
from voicectl.state.port import StateStore, Version


async def rename_catalog(
    old: Lock,
    new: Lock,
    provider: Provider,
    store: StateStore,
    expected: Version,
    version: str,
    confirm: Callable[[Plan], None],
    listener: Listener,
) -> int:
    """Rewrite the marks, look again, and save `new` in `store` over `expected`; how many models were changed.

    `confirm` sees the plan, and may raise; nothing was changed by then. The caller holds the leases of both states.
    Raises ApplyFailed where a model did not take its marks: the old state is still right then, and the same command
    goes on.
    """

    async def look() -> RenamingPlan:
        observation = await observe(provider, Catalog(old.catalog, old.environment), old)
        return renaming_plan(old, new, observation, version)

    planned = await look()
    confirm(planned.plan)
    store.prove()
    failures = await together(_rewritten(task, provider, listener) for task in planned.tasks)
    messages = [message for message in failures if message]
    left: tuple[Repair, ...] = ()
    for pause in (0.0, *LOOKS) if planned.tasks and not messages else ():
        await asyncio.sleep(pause)
        ids = [task.change.id for task in planned.tasks if task.change.id]
        seen = await observe(provider, Catalog(old.catalog, old.environment), old)
        left = renaming_plan(old, new, await looked_again(provider, seen, ids, NOTHING_DONE), version).tasks
        if not left:
            break
    messages += [f"{task.name}: the marks of {task.change.id} did not stick" for task in left]
    if messages:
        raise ApplyFailed("; ".join(messages), "run the same command again: it goes on with what is left")
    account = new.provider.account or planned.plan.provider.account
    store.save(replace(new, provider=replace(new.provider, account=account)), expected)
    return len(planned.tasks)


async def _rewritten(task: Repair, provider: Provider, listener: Listener) -> str:
    """Why a model does not carry its new marks; empty where it does."""
    try:
        there = await provider.update(task.model.id, task.patch)
    except VoicectlError as error:
        listener(Event("failed", task.name, task.change.action, error.message))
        if getattr(error, "stops_run", False):
            raise
        return f"{task.name}: {error.message}"
    listener(Event("done", task.name, task.change.action))
    return "" if there else f"{task.name}: {task.model.id} is gone from the account"
