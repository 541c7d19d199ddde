"""The one way to look at the account (design: "Observing and state")."""

from __future__ import annotations

from voicectl.concurrency import together
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock
from voicectl.model.marker import catalog_tag
from voicectl.model.observed import Model, Observation
from voicectl.provider.port import Provider


async def observe(provider: Provider, catalog: Catalog, lock: Lock) -> Observation:
    """List what carries the catalog's tag, then look up each known id that the listing lacks.

    Costs a request per hundred models of the catalog and one per id that is not listed, whatever the
    size of the account. Only a 404 makes an id count as gone. Raises ProviderError.
    """
    listing = await provider.list_models(catalog_tag(catalog.namespace))
    models = {model.id: model for model in listing.models}
    unlisted = sorted((lock.ids() | _named(catalog, lock)) - models.keys())
    looked_up = await together(provider.get(model_id) for model_id in unlisted)
    models |= {model.id: model for model in looked_up if model is not None}
    gone = frozenset(i for i, model in zip(unlisted, looked_up, strict=True) if model is None)
    account = next((model.author for model in listing.models if model.author), None)
    if account is None and lock.provider.account is None and any(looked_up):
        # Models that are to be adopted may be anybody's: the account's own models tell who we are.
        own: tuple[Model, ...] = (await provider.list_models(limit=1)).models
        account = next((model.author for model in own if model.author), None)
    return Observation(
        models=models,
        gone=gone,
        complete=listing.complete,
        account=account,
        filtered=any(model.marker(catalog.namespace) for model in listing.models),
        time=provider.time,
    )


def _named(catalog: Catalog, lock: Lock) -> frozenset[str]:
    """The ids that manifests name for external voices, and for voices that have no record yet."""
    managed = {name for name, record in lock.voices.items() if record.origin != "external"}
    return frozenset(v.model for v in catalog.voices.values() if v.model and (v.external or v.name not in managed))
