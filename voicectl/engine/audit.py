"""The audit's pipeline: state, account, report. GET requests only."""

from __future__ import annotations

from dataclasses import dataclass, replace

from voicectl.engine.observe import observe, owner
from voicectl.engine.plan import load_state
from voicectl.errors import StateError
from voicectl.model.lock import ProviderIdentity
from voicectl.model.observed import Model
from voicectl.plan.audit import audit
from voicectl.plan.drift import DriftReport
from voicectl.plan.guards import check_account
from voicectl.plan.request import DriftRequest
from voicectl.provider.port import Provider
from voicectl.state.port import ABSENT, StateStore


@dataclass(frozen=True, slots=True)
class Answer:
    """The report, which account it is of, and how many voices the selectors leave out."""

    report: DriftReport
    provider: ProviderIdentity
    left_out: int


async def audit_account(
    request: DriftRequest, store: StateStore, identity: ProviderIdentity, provider: Provider
) -> Answer:
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
    report, left_out = audit(request, lock, observation, account)
    return Answer(report, replace(lock.provider, account=lock.provider.account or observation.account), left_out)
