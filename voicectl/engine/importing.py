"""Finding the models that are to be imported. GET requests only, and nothing is written."""

from __future__ import annotations

from collections.abc import Mapping

from voicectl.concurrency import together
from voicectl.engine.observe import owner
from voicectl.engine.plan import load_state
from voicectl.model.catalog import Catalog
from voicectl.model.lock import ProviderIdentity
from voicectl.plan.imports import Import, chosen, unmanaged
from voicectl.provider.port import Provider
from voicectl.state.port import StateStore


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
