"""Rebuilding the lockfile: GET requests only, and one file written."""

from __future__ import annotations

from datetime import datetime

from voicectl.engine.observe import observe
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, ProviderIdentity
from voicectl.plan.rebuild import Rebuilt, rebuild
from voicectl.provider.port import Provider


async def rebuild_lock(catalog: Catalog, identity: ProviderIdentity, provider: Provider, now: datetime) -> Rebuilt:
    """The lockfile of this catalog, from the account and the manifests. Raises ProviderError."""
    empty = Lock(catalog.name, catalog.environment, identity)
    return rebuild(catalog, empty, await observe(provider, catalog, empty), now)
