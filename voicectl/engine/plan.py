"""From files, state and account to a plan. Reads only: GET requests, and no file is written."""

from __future__ import annotations

from dataclasses import dataclass, replace

from voicectl.engine.observe import observe
from voicectl.errors import StateError, cut
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, ProviderIdentity
from voicectl.model.observed import Observation
from voicectl.plan.offline import as_recorded
from voicectl.plan.planner import Planned, make_plan
from voicectl.plan.request import PlanRequest
from voicectl.plan.saved import check_current, check_identity, listed
from voicectl.provider.port import Provider
from voicectl.state.port import StateStore, Version


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan with the sides that it was made of."""

    planned: Planned
    request: PlanRequest
    lock: Lock
    observation: Observation
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
    request: PlanRequest, store: StateStore, identity: ProviderIdentity, provider: Provider | None
) -> Prepared:
    """Load the state, observe, compare, order, check. An offline plan needs no provider.

    Raises PlanInvalid or PlanStale where there is a saved plan that does not hold here, or no more.
    """
    catalog, saved = request.catalog, request.saved
    lock, version = load_state(store, catalog, identity)
    observation = as_recorded(catalog, lock) if provider is None else await observe(provider, catalog, lock)
    if request.recreate_missing:
        observation = replace(observation, gone=observation.absent, unreadable={})
    if lock.provider.account is None and observation.account is not None:
        lock = replace(lock, provider=replace(lock.provider, account=observation.account))
    if saved is not None:
        check_identity(saved, lock)
    planned = make_plan(request, lock, observation)
    if saved is not None:
        check_current(saved, planned.plan, planned.tasks, catalog)
        planned = replace(planned, retries=listed(saved, planned.retries))
    return Prepared(planned, request, lock, observation, version)
