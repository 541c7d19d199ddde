"""What `doctor` looks at, one thing after the other; what depends on a failed one is left out."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass

from voicectl.cli import wiring
from voicectl.cli.context import Context
from voicectl.engine.events import Listener
from voicectl.engine.observe import observe
from voicectl.engine.plan import load_state
from voicectl.errors import InvalidFiles, VoicectlError
from voicectl.manifest.project import Project
from voicectl.model import marker
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock
from voicectl.model.observed import Observation
from voicectl.plan.findings import findings
from voicectl.plan.guards import check_account, check_missing
from voicectl.provider.port import Listing, Misconfigured, Wallet
from voicectl.state.codec import now
from voicectl.version import VERSION


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `level` is ok, warning or error."""

    level: str
    subject: str
    message: str
    hint: str = ""


async def checkup(context: Context) -> list[Finding]:
    """Look at everything; GET requests only."""
    findings = [_versions()]
    try:
        subject = "project"
        project = wiring.project(context)
        findings.append(_project(project))
        subject = "manifests"
        _, catalog = wiring.load(context)
        findings.append(_manifests(catalog))
        subject = "state"
        lock, _ = load_state(wiring.store(project), catalog, wiring.identity(project))
        findings.append(_state(project, lock))
        subject = "account"
        findings += await _account(project, catalog, lock, context.log.reading())
    except InvalidFiles as error:
        findings += [Finding(p.level, subject, f"{p.place}: {p.message}", p.hint) for p in error.problems]
    except Misconfigured as error:
        findings.append(Finding("error", "key", error.message, error.hint))
    except VoicectlError as error:
        findings.append(Finding("error", subject, error.message, error.hint))
    return findings


def _versions() -> Finding:
    import httpx
    import pydantic
    import yaml

    loader = "C loader" if yaml.__with_libyaml__ else "no C loader: large catalogs load slowly"
    text = (
        f"voicectl {VERSION}, Python {platform.python_version()}, httpx {httpx.__version__}, "
        f"pydantic {pydantic.VERSION}, PyYAML {yaml.__version__} ({loader})"
    )
    return Finding("ok", "versions", text)


def _project(project: Project) -> Finding:
    environment = f", environment {project.environment}" if project.environment else ""
    return Finding("ok", "project", f"{project.root}: catalog {project.catalog}{environment}")


def _manifests(catalog: Catalog) -> Finding:
    found = findings(catalog, now().date())
    errors = sum(problem.level == "error" for problem in found)
    level = "error" if errors else "warning" if found else "ok"
    said = f"voices: {len(catalog.voices)}" + (f", errors: {errors}" if errors else "")
    hint = "`voicectl validate` shows them" if found else ""
    return Finding(level, "manifests", f"{said}, warnings: {len(found) - errors}", hint)


def _state(project: Project, lock: Lock) -> Finding:
    if lock.provider.account is None:
        return Finding("ok", "state", f"{project.state}: nothing was applied yet")
    return Finding("ok", "state", f"{project.state}: voices recorded: {len(lock.voices)}")


async def _account(project: Project, catalog: Catalog, lock: Lock, listener: Listener) -> list[Finding]:
    host = wiring.identity(project).host
    async with wiring.provider(project, listener) as provider:
        findings = [Finding("ok", "endpoint", f"{host}{' (nothing real)' if project.provider == 'emulator' else ''}")]
        wallet = await provider.wallet()
        findings.append(Finding("ok", "key", f"accepted; credit {wallet.credit or 'not told'}{_tier(wallet)}"))
        seen = await observe(provider, catalog, lock)
        account = await provider.list_models()
    refused = [*check_account(lock, seen), *check_missing(lock, seen, catalog.policy, allowed=False)]
    if refused:
        return findings + [Finding("error", "account", notice.message, notice.hint) for notice in refused]
    ours = sum(catalog.namespace in marker.owners(model.tags) for model in account.models)
    least = "" if account.complete else "at least "
    told = f"{seen.account or 'no models yet'}; models: {least}{len(account.models)}, of this catalog: {least}{ours}"
    if ours and lock.provider.account is None:
        text = f"there is no {project.state}, but the account has {ours} models of this catalog"
        findings.append(
            Finding("warning", "state", text, "`voicectl apply` finds them by their marks and records them")
        )
    return [*findings, Finding("ok", "account", told), *_listing(account, seen, ours, wallet)]


def _tier(wallet: Wallet) -> str:
    """How many requests at once the account should take, by what was paid in."""
    return f"; {wallet.paid} paid in, so {wallet.at_once} requests at once" if wallet.at_once else ""


def _listing(account: Listing, seen: Observation, ours: int, wallet: Wallet) -> Iterator[Finding]:
    """What the listings that were fetched anyhow tell of the provider's ways."""
    authors = {model.author for model in account.models if model.author}
    if len(authors) > 1:
        whose = wallet.user_id if wallet.user_id in authors else "nobody that the wallet names"
        text = f"the own listing shows models of {len(authors)} authors; those of {whose} count as yours"
        yield Finding(
            "warning", "listing", text, "saved voices of others may be listed, too; voicectl leaves them alone"
        )
    elif authors and wallet.user_id and wallet.user_id not in authors:
        text = f"models have the author {next(iter(authors))}, but the wallet is {wallet.user_id}'s"
        yield Finding("warning", "listing", text, "a workspace's key may have a wallet of its own")
    if ours and not seen.filtered:
        text = "the listing by tag does not find the catalog's models"
        yield Finding("warning", "listing", text, "voicectl lists the whole account instead, which takes longer")
    if not account.complete:
        text = "the provider does not list all models of the account"
        yield Finding("warning", "listing", text, "nothing is deleted as long as that is so")
