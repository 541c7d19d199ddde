"""The one way to look at the account."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from voicectl.concurrency import together
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock
from voicectl.model.marker import ADOPTED, catalog_tag, key_of
from voicectl.model.observed import Model, Observation
from voicectl.plan.drift import drifted_fields
from voicectl.provider.port import Listing, NotReadable, Provider

SETTLED = timedelta(minutes=1)
"""How old a change must be before its absence from a listing says anything: listings may lag."""
LOOKS = (1.0, 2.0, 4.0)
"""Seconds before each further look at what may only lag."""


@dataclass(frozen=True, slots=True)
class Did:
    """What a run did itself so far, against what the account shows of it.

    `made` are the models that answers named: they are not gone, whatever a lagging GET says. `deleted` are not there
    any more, whatever a lagging listing says.
    """

    made: Mapping[str, Model] = field(default_factory=dict)
    deleted: frozenset[str] = frozenset()


NOTHING_DONE = Did()


async def observe(
    provider: Provider,
    catalog: Catalog,
    lock: Lock,
    did: Did = NOTHING_DONE,
    *,
    filtered: bool = False,
    looks: tuple[float, ...] = LOOKS,
) -> Observation:
    """List what carries the catalog's tag, then look up each known id that the listing lacks.

    Costs a request per hundred models of the catalog and one per id that is not listed, whatever the
    size of the account. Only a 404 makes an id count as gone. The whole account is walked where the listing by tag is
    shown wrong, and where models are to be made although it was never seen to work (`filtered`: this run has seen it).
    Raises ProviderError.
    """
    tag = catalog_tag(catalog.namespace)
    listing = await provider.list_models(tag)
    models = {model.id: model for model in listing.models if model.id not in did.deleted}
    unlisted = sorted((lock.ids() | _named(catalog, lock)) - models.keys() - did.deleted)
    young = _young(lock, provider.time)
    doubted = set(_doubted(catalog.namespace, lock, models))
    if did is NOTHING_DONE:
        # A run at work looks at what it changed itself, and its last look has to be a listing: what a lost answer
        # made after all may come at any moment.
        doubted |= set(_outdated(catalog.namespace, lock, models, young))
    found, unreadable = await _looked_up(provider, (*unlisted, *sorted(doubted)), young, looks)
    models |= {i: model for i, model in did.made.items() if i not in models and i not in did.deleted} | found
    own = list(listing.models)
    works = filtered or any(model.marker(catalog.namespace) for model in listing.models)
    missed = [found[i] for i in unlisted if i in found]
    misfiltered = "" if not listing.complete else _misfiltered(missed, tag, did, provider.time)
    before = None
    complete = listing.complete
    # Where the filter may not work, a model that is not listed may be there all the same: making another would double
    # it.
    if misfiltered or (not works and catalog.voices.keys() - lock.voices.keys()):
        walked = await provider.list_models()
        complete = complete and walked.complete
        before = frozenset(model.id for model in walked.models)
        own += walked.models
        models |= {m.id: m for m in walked.models if tag in m.tags and m.id not in did.deleted and m.id not in models}
    gone = frozenset(unlisted) - found.keys() - unreadable.keys() - did.made.keys()
    unreadable, gone = _without_deleted(lock, listing, unreadable, gone)
    return Observation(
        models=models,
        gone=gone,
        unreadable=unreadable,
        complete=complete,
        account=await _account(provider, catalog, lock, own, found),
        filtered=works and not misfiltered,
        misfiltered=misfiltered,
        before=before,
        time=provider.time,
    )


async def looked_again(provider: Provider, observation: Observation, ids: Iterable[str], did: Did) -> Observation:
    """The observation with these ids as GET shows them now."""
    wanted = sorted(set(ids))
    found, unreadable = await _looked_up(provider, wanted, frozenset(), ())
    models = {i: model for i, model in observation.models.items() if i not in wanted or i in did.made}
    missing = frozenset(wanted) - found.keys() - unreadable.keys() - did.made.keys()
    return replace(
        observation,
        models=models | {i: model for i, model in found.items() if i not in did.deleted},
        gone=(observation.gone - found.keys()) | missing,
        unreadable={**observation.unreadable, **unreadable},
    )


def _doubted(namespace: str, lock: Lock, models: Mapping[str, Model]) -> Iterator[str]:
    """Recorded models that the listing shows with other marks than recorded: it may lag, and GET decides."""
    for name, record in lock.voices.items():
        model = models.get(record.id)
        mark = model.marker(namespace) if model is not None else None
        if model is None or record.origin == "external":
            continue
        keys = (ADOPTED, key_of(record.inputs), mark.key if mark and record.inputs is None else "")
        if mark is None or mark.name != name or mark.retired or mark.key not in keys:
            yield record.id


def _outdated(namespace: str, lock: Lock, models: Mapping[str, Model], young: frozenset[str]) -> Iterator[str]:
    """Models that the listing may show as they were before an apply of the last minutes."""
    for record in lock.voices.values():
        if record.id in young and record.id in models and any(drifted_fields(record, models[record.id])):
            yield record.id
    for name in {*lock.voices, *lock.removed}:
        yield from (r.id for r in lock.retired(name) if r.id in models and models[r.id].serves(namespace))


def _named(catalog: Catalog, lock: Lock) -> frozenset[str]:
    """The ids that manifests name for external voices, and for voices that have no record yet."""
    managed = {name for name, record in lock.voices.items() if record.origin != "external"}
    return frozenset(v.model for v in catalog.voices.values() if v.model and (v.external or v.name not in managed))


async def _looked_up(
    provider: Provider, ids: Iterable[str], young: frozenset[str], looks: tuple[float, ...]
) -> tuple[dict[str, Model], dict[str, str]]:
    """Each id by GET: the models, and why others can't be read. What was recorded just now may only lag."""
    found: dict[str, Model] = {}
    unreadable: dict[str, str] = {}

    async def one(model_id: str) -> None:
        try:
            for pause in (0.0, *(looks if model_id in young else ())):
                await asyncio.sleep(pause)
                if (model := await provider.get(model_id)) is not None:
                    found[model_id] = model
                    return
        # A fact about this id alone: one foreign model must not stop the run.
        except NotReadable as error:
            unreadable[model_id] = error.message

    await together(one(model_id) for model_id in ids)
    return found, unreadable


def _young(lock: Lock, now: datetime | None) -> frozenset[str]:
    """Ids that were recorded so recently that the account may not show them yet."""
    if now is None:
        return frozenset()
    changed = ((record.id, record.changed) for record in lock.voices.values())
    return frozenset(model_id for model_id, stamp in changed if stamp and abs(now - stamp.at) < 5 * SETTLED)


def _misfiltered(found: Iterable[Model], tag: str, did: Did, now: datetime | None) -> str:
    """A model that proves that the listing by tag lacks what it should show; empty where none does."""
    for model in found:
        # Listings may lag: only a change that is old enough proves anything about the filter.
        settled = now is not None and model.updated_at is not None and now - model.updated_at > SETTLED
        if tag in model.tags and settled and model.id not in did.made:
            return model.id
    return ""


def _without_deleted(
    lock: Lock, listing: Listing, unreadable: dict[str, str], gone: frozenset[str]
) -> tuple[dict[str, str], frozenset[str]]:
    """An id whose deletion had begun, that can't be read and that a complete listing lacks, is gone."""
    known = (r for name in {*lock.voices, *lock.removed} for r in lock.retired(name))
    # A gone id may answer 403 or 400 as well as 404. For one that we were deleting that is answer enough.
    done = {r.id for r in known if r.deleting and r.id in unreadable} if listing.complete else set()
    return {i: words for i, words in unreadable.items() if i not in done}, gone | done


async def _account(
    provider: Provider, catalog: Catalog, lock: Lock, listed: Iterable[Model], found: Mapping[str, Model]
) -> str | None:
    """Whose account it is: the author of the listed models that carry our marks.

    Where they have several authors (saved voices may be listed, too), or none is there and others may be anybody's,
    the wallet's user decides if it is one of them, and the authors of the account's own models.
    """
    ours = [model for model in listed if catalog_tag(catalog.namespace) in model.tags]
    if ours:
        return await owner(provider, ours)
    if lock.provider.account is not None or not found:
        return None
    # What was looked up by id may be anybody's: only a listing says whose key this is.
    return await owner(provider, (await provider.list_models(limit=1)).models)


async def owner(provider: Provider, models: Iterable[Model]) -> str | None:
    """Whose models these are: their one author, or the wallet's user where it is one of several; else None."""
    authors = {model.author for model in models if model.author}
    if len(authors) < 2:
        return next(iter(authors), None)
    user = (await provider.wallet()).user_id
    return user if user in authors else None
