"""From files, state and account to a plan. Reads only: GET requests, and no file is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from voicectl.engine.observe import observe
from voicectl.errors import StateError, cut
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, ProviderIdentity
from voicectl.plan.offline import as_recorded
from voicectl.plan.plan import EVERYTHING, Notice, Plan, Selectors
from voicectl.plan.planner import Planned, Sides, make_plan
from voicectl.plan.saved import check_current, check_identity, listed
from voicectl.provider.port import Provider
from voicectl.state.port import StateStore, Version


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks of a plan, beyond the project's files. `now` holds for the whole run."""

    now: datetime
    version: str
    selectors: Selectors = EVERYTHING
    retry_failed: bool = False
    recreate_missing: bool = False
    destroy: bool = False
    notices: tuple[Notice, ...] = ()
    """What is to be said with the plan that only the project's files tell."""
    saved: Plan | None = None
    """A saved plan to be applied: its selectors hold, and the plan must still be it, or what is left of it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan with the three sides that it was made of."""

    planned: Planned
    sides: Sides
    state_version: Version


def load_state(store: StateStore, catalog: Catalog, identity: ProviderIdentity) -> tuple[Lock, Version]:
    """The lock of this catalog, or a new one. Raises StateError for one of another catalog or endpoint."""
    lock, version = store.load()
    if lock is None:
        return Lock(catalog.name, catalog.environment, identity), version
    for what, recorded, wanted in (
        ("catalog", lock.catalog, catalog.name),
        ("environment", lock.environment, catalog.environment),
        ("provider", lock.provider.name, identity.name),
        ("endpoint", lock.provider.host, identity.host),
    ):
        if recorded != wanted:
            along = "; `voicectl state move` takes its models along to the new name" if what == "catalog" else ""
            raise StateError(
                f"{store.location} is of {what} {cut(recorded or 'none')}, but this run is of {wanted or 'none'}",
                f"correct the {what}, or give this one a lockfile of its own with `state` in voicectl.yaml{along}",
            )
    return lock, version


async def prepare(
    catalog: Catalog,
    store: StateStore,
    identity: ProviderIdentity,
    provider: Provider | None,
    wishes: Wishes,
) -> Prepared:
    """Load the state, observe, compare, order, check. Without a provider the plan is an offline one.

    Raises PlanInvalid or PlanStale where there is a saved plan that does not hold here, or no more.
    """
    lock, version = load_state(store, catalog, identity)
    observation = as_recorded(catalog, lock) if provider is None else await observe(provider, catalog, lock)
    if wishes.recreate_missing:
        observation = replace(observation, gone=observation.absent, unreadable={})
    if lock.provider.account is None and observation.account is not None:
        lock = replace(lock, provider=replace(lock.provider, account=observation.account))
    saved = wishes.saved
    if saved is not None:
        check_identity(saved, lock)
    sides = Sides(
        catalog=catalog,
        lock=lock,
        observation=observation,
        now=wishes.now,
        version=wishes.version,
        selectors=wishes.selectors if saved is None else saved.selectors,
        retry_failed=wishes.retry_failed,
        recreate_missing=wishes.recreate_missing,
        destroy=wishes.destroy,
        offline=provider is None,
        saved=saved,
        notices=wishes.notices,
    )
    planned = make_plan(sides)
    if saved is not None:
        check_current(saved, planned.plan, planned.tasks, catalog)
        planned = replace(planned, retries=listed(saved, planned.retries))
    return Prepared(planned, sides, version)
