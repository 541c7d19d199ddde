"""Rebuilding the lockfile: GET requests only, and one file written."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from voicectl.engine.observe import observe
from voicectl.errors import StateError, cut
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, ProviderIdentity
from voicectl.plan.rebuild import Rebuilt, carried_over, rebuild
from voicectl.provider.port import Provider


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
