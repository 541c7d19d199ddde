"""The pipelines that only read: to a plan, a drift report, models to import, a rebuilt lockfile.

GET requests only, and no file is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from voicectl.concurrency import together
from voicectl.engine.observe import observe, owner
from voicectl.errors import StateError, cut
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, ProviderIdentity
from voicectl.model.observed import Model, Observation
from voicectl.plan.drift import find_drift
from voicectl.plan.drift_report import DriftReport
from voicectl.plan.guards import check_account
from voicectl.plan.imports import Import, chosen, unmanaged
from voicectl.plan.offline import as_recorded
from voicectl.plan.planner import Planned, make_plan
from voicectl.plan.rebuild import Rebuilt, carried_over, rebuild
from voicectl.plan.request import DriftRequest, PlanRequest
from voicectl.plan.saved import check_current, check_identity, listed
from voicectl.provider.port import Provider
from voicectl.state.port import ABSENT, StateStore, Version


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
    own = "give this one a lockfile of its own with `state` in voicectl.yaml"
    moves = "; `voicectl state move` takes its models along to the new name"
    trial = (
        f"if it is left over from a trial, `rm {store.location}`, then `voicectl apply` (see `voicectl help "
        f"first-account`); else {own}"
    )
    for what, recorded, wanted, hint in (
        ("catalog", lock.catalog, catalog.name, f"correct the catalog, or {own}{moves}"),
        ("environment", lock.environment, catalog.environment, f"correct the environment, or {own}"),
        (
            "provider",
            lock.provider.name,
            identity.name,
            trial if lock.provider.name == "emulator" else f"correct the provider, or {own}",
        ),
        ("endpoint", lock.provider.host, identity.host, f"correct FISH_API_URL (or unset it), or {own}"),
    ):
        if recorded != wanted:
            raise StateError(
                f"{store.location} is of {what} {cut(recorded or 'none')}, but this run is of {wanted or 'none'}", hint
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
        check_current(saved, planned.plan, planned.tasks, catalog, lock)
        planned = replace(planned, retries=listed(saved, planned.retries))
    return Prepared(planned, request, lock, observation, version)


async def find_imports(
    catalog: Catalog,
    store: StateStore,
    identity: ProviderIdentity,
    provider: Provider,
    wanted: Mapping[str, str] | None,
    claimed: frozenset[str],
) -> list[Import]:
    """The models of `wanted` (name to id), or all unmanaged ones of the account where it is None.

    `claimed` are ids that other environments of the project name.

    Raises NotImportable.
    """
    lock, _ = load_state(store, catalog, identity)
    if wanted is None:
        every = (await provider.list_models()).models
        whose = lock.provider.account or await owner(provider, every)
        own = [model for model in every if whose is None or model.author in ("", whose)]
        return unmanaged(own, catalog, lock, claimed)
    ids = sorted(set(wanted.values()))
    models = await together(provider.get(model_id) for model_id in ids)
    found = {model_id: model for model_id, model in zip(ids, models, strict=True) if model is not None}
    account = lock.provider.account or await owner(provider, (await provider.list_models(limit=1)).models)
    return chosen(wanted, found, catalog, lock, account, claimed)


@dataclass(frozen=True, slots=True)
class Drift:
    """The report, which account it is of, and how many voices the selectors leave out."""

    report: DriftReport
    provider: ProviderIdentity
    left_out: int


async def observe_drift(
    request: DriftRequest, store: StateStore, identity: ProviderIdentity, provider: Provider
) -> Drift:
    """Look at the account, and compare it with the lockfile.

    Raises StateError where nothing was ever applied, or the key opens another account than the lockfile's.
    """
    catalog = request.catalog
    lock, version = load_state(store, catalog, identity)
    if version == ABSENT and not request.unmanaged:
        raise StateError(
            f"there is no {store.location} yet, so there is nothing to compare the account with",
            "run `voicectl apply` first; it finds the models of a lost lockfile by their marks",
        )
    observation = await observe(provider, catalog, lock)
    for refusal in check_account(lock, observation):
        raise StateError(refusal.message, refusal.hint)
    account: tuple[Model, ...] = ()
    if request.unmanaged:
        models = (await provider.list_models()).models
        whose = lock.provider.account or observation.account or await owner(provider, models)
        # Saved voices of others may be listed, too: they are nobody's to manage here.
        account = tuple(model for model in models if whose is None or model.author in ("", whose))
    report, left_out = find_drift(request, lock, observation, account)
    return Drift(report, replace(lock.provider, account=lock.provider.account or observation.account), left_out)


async def rebuild_lock(
    catalog: Catalog, identity: ProviderIdentity, provider: Provider, now: datetime, old: Lock | None
) -> Rebuilt:
    """The lockfile of this catalog, from the account and the manifests.

    `old` is the one that it is to replace, if that can be read: what no account shows is carried over from it.
    Raises ProviderError, and StateError where `old` is of another account: it would be lost to the wrong key.
    """
    if old is not None and (old.catalog, old.environment) != (catalog.name, catalog.environment):
        raise StateError(
            f"the lockfile is of {cut(old.namespace)}, but this run is of {catalog.namespace}: nothing was changed",
            "correct the name, or take its models along to the new one with `voicectl state move`",
        )
    deleted = old.deleted if old is not None else ()
    empty = Lock(catalog.name, catalog.environment, identity, deleted=deleted)
    # Models that the listing by tag lacks are looked up by the ids that the old one knew.
    known = empty if old is None else replace(empty, voices=old.voices, removed=old.removed)
    rebuilt = rebuild(catalog, empty, await observe(provider, catalog, known), now)
    if old is None and not rebuilt.lock.ids():
        raise StateError(
            f"the account shows no model with marks of {catalog.namespace}: nothing was written",
            "is it the key of the right workspace? If nothing was made yet, `voicectl apply` writes the first lockfile",
        )
    if old is not None:
        _check_account(old, rebuilt.lock)
        ids = rebuilt.lock.ids()
        lost = sorted(f"{n}: {r.id}" for n, r in old.voices.items() if n in catalog.voices and r.id not in ids)
        words = "which was recorded: it is gone, or does not carry our marks now"
        unknown = (*rebuilt.unknown, *(f"{each}, {words}" for each in lost))
        rebuilt = replace(rebuilt, lock=carried_over(rebuilt.lock, old), unknown=unknown)
    return rebuilt


def _check_account(old: Lock, rebuilt: Lock) -> None:
    recorded, seen = old.provider.account, rebuilt.provider.account
    if recorded and seen and recorded != seen:
        raise StateError(
            f"the lockfile is of account {cut(recorded)}, but the key opens account {cut(seen)}: nothing was changed",
            "use the key of the right workspace; for another account, move the lockfile away first",
        )
    if old.voices and not rebuilt.ids():
        raise StateError(
            f"the lockfile records {len(old.voices)} voices, and the account shows none of them: wrong key or "
            "workspace? Nothing was changed",
            "use the key of the right workspace; if the models really are gone, move the lockfile away first",
        )
