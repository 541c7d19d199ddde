"""`voicectl doctor`: look at one thing after the other, leaving out what depends on a failed one.

With `--live`: ask, make one throwaway model, say which assumptions about the provider hold, delete it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voicectl.cli import printing, wiring
from voicectl.cli.confirm import agree
from voicectl.cli.context import Context
from voicectl.cli.options import subcommand
from voicectl.errors import InvalidFiles, VoicectlError
from voicectl.files import Scratch, replace_file
from voicectl.report.document import document
from voicectl.report.escape import terminal
from voicectl.version import VERSION

if TYPE_CHECKING:
    from voicectl.engine.events import Listener
    from voicectl.engine.probe import Assumption, Material
    from voicectl.manifest.project import Project
    from voicectl.model.catalog import Catalog
    from voicectl.model.lock import Lock
    from voicectl.model.observed import Observation
    from voicectl.provider.port import Listing, Provider, Wallet

FORMAT_VERSION = "1.0"
_MEMORY = "probe"
"""The file in `.voicectl/` that holds the id of a probe's model until it is deleted."""
_SIGNS = {"yes": ("✓", "green"), "no": ("✗", "red"), "unknown": ("?", "yellow")}


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one look. `level` is ok, warning or error."""

    level: str
    subject: str
    message: str
    hint: str = ""


@subcommand(name="doctor", help="Check versions, project, key, endpoint, account and state; say what to do.")
@click.option("--live", is_flag=True, help="Make one private model, check how the account treats it, and delete it.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text", help="How to print the result.")
@click.pass_obj
def command(context: Context, /, live: bool, yes: bool, fmt: str) -> int:
    return run_live(context, yes=yes, fmt=fmt) if live else run(context, fmt=fmt)


def run(context: Context, *, fmt: str) -> int:
    """Look, and print what was found; 1 if anything is wrong."""

    checks = wiring.run(_look(context))
    failed = any(check.level == "error" for check in checks)
    if fmt == "json":
        printing.out(document({"format_version": "1.0", "findings": [asdict(check) for check in checks]}))
        return 1 if failed else 0
    paint = printing.style(context)
    signs = {"ok": paint.paint("✓", "green"), "warning": paint.paint("!", "yellow")}
    for check in checks:
        sign = signs.get(check.level, paint.paint("✗", "red"))
        printing.out(f"{sign} {check.subject:<10} {terminal(check.message)}\n")
        if check.hint:
            printing.out(f"             {terminal(check.hint)}\n")
    return 1 if failed else 0


def today() -> date:
    """This day in UTC, as plans count."""
    from voicectl.state.codec import now

    return now().date()


async def _look(context: Context) -> list[Check]:
    """Look at everything; GET requests only."""
    from voicectl.engine.plan import load_state
    from voicectl.provider.port import Misconfigured

    checks = [_versions()]
    try:
        subject = "project"
        project = wiring.project(context)
        checks.append(_project(project))
        subject = "manifests"
        _, catalog = wiring.load(context)
        checks.append(_manifests(catalog))
        checks += [Check("warning", "speech", n.message, n.hint) for n in wiring.speech_notices(catalog, today())]
        subject = "state"
        lock, _ = load_state(wiring.store(project), catalog, wiring.identity(project))
        checks.append(_state(project, lock))
        subject = "account"
        checks += await _account(project, catalog, lock, context.log.reading())
    except InvalidFiles as error:
        checks += [Check(p.level, subject, f"{p.place}: {p.message}", p.hint) for p in error.problems]
    except Misconfigured as error:
        checks.append(Check("error", "key", error.message, error.hint))
    except VoicectlError as error:
        checks.append(Check("error", subject, error.message, error.hint))
    return checks


def _versions() -> Check:
    import platform

    import httpx
    import pydantic
    import yaml

    loader = "C loader" if yaml.__with_libyaml__ else "no C loader: large catalogs load slowly"
    text = (
        f"voicectl {VERSION}, Python {platform.python_version()}, httpx {httpx.__version__}, "
        f"pydantic {pydantic.VERSION}, PyYAML {yaml.__version__} ({loader})"
    )
    return Check("ok", "versions", text)


def _project(project: Project) -> Check:
    environment = f", environment {project.environment}" if project.environment else ""
    return Check("ok", "project", f"{project.root}: catalog {project.catalog}{environment}")


def _manifests(catalog: Catalog) -> Check:
    from voicectl.plan.rules import findings

    found = findings(catalog, today())
    errors = sum(problem.level == "error" for problem in found)
    level = "error" if errors else "warning" if found else "ok"
    said = f"voices: {len(catalog.voices)}" + (f", errors: {errors}" if errors else "")
    hint = "`voicectl validate` shows them" if found else ""
    return Check(level, "manifests", f"{said}, warnings: {len(found) - errors}", hint)


def _state(project: Project, lock: Lock) -> Check:
    if lock.provider.account is None:
        return Check("ok", "state", f"{project.state}: nothing was applied yet")
    return Check("ok", "state", f"{project.state}: voices recorded: {len(lock.voices)}")


async def _account(project: Project, catalog: Catalog, lock: Lock, listener: Listener) -> list[Check]:
    from voicectl.engine.observe import observe
    from voicectl.model import marker
    from voicectl.plan.guards import check_account, check_missing

    host = wiring.identity(project).host
    async with wiring.provider(project, listener) as provider:
        checks = [Check("ok", "endpoint", f"{host}{' (nothing real)' if project.provider == 'emulator' else ''}")]
        wallet = await provider.wallet()
        checks.append(Check("ok", "key", f"accepted; credit {wallet.credit or 'unknown'}{_tier(wallet)}"))
        seen = await observe(provider, catalog, lock)
        account = await provider.list_models()
    refused = [*check_account(lock, seen), *check_missing(lock, seen, catalog.policy, allowed=False)]
    if refused:
        return checks + [Check("error", "account", notice.message, notice.hint) for notice in refused]
    ours = sum(catalog.namespace in marker.owners(model.tags) for model in account.models)
    least = "" if account.complete else "at least "
    told = f"{seen.account or 'no models yet'}; models: {least}{len(account.models)}, of this catalog: {least}{ours}"
    if ours and lock.provider.account is None:
        text = f"there is no {project.state}, but the account has {ours} models of this catalog"
        checks.append(Check("warning", "state", text, "`voicectl apply` finds them by their marks and records them"))
    return [*checks, Check("ok", "account", told), *_listing(account, seen, ours, wallet)]


def _tier(wallet: Wallet) -> str:
    """How many requests at once the account should allow, given what was paid in."""
    return f"; {wallet.paid} paid in, so {wallet.at_once} requests at once" if wallet.at_once else ""


def _listing(account: Listing, seen: Observation, ours: int, wallet: Wallet) -> Iterator[Check]:
    """What the listings, which we have anyway, show of how the provider behaves."""
    authors = {model.author for model in account.models if model.author}
    if len(authors) > 1:
        whose = wallet.user_id if wallet.user_id in authors else "nobody that the wallet names"
        text = f"the account's own listing shows models of {len(authors)} authors; those of {whose} count as yours"
        yield Check("warning", "listing", text, "they may be saved voices of others; voicectl leaves them alone")
    elif authors and wallet.user_id and wallet.user_id not in authors:
        text = f"models have the author {next(iter(authors))}, but the wallet is {wallet.user_id}'s"
        yield Check("warning", "listing", text, "a workspace's key may have a wallet of its own")
    if ours and not seen.filtered:
        text = "the listing by tag does not show the catalog's models"
        yield Check("warning", "listing", text, "voicectl lists the whole account instead, which takes longer")
    if not account.complete:
        text = "the provider does not list all models of the account"
        yield Check("warning", "listing", text, "until it does, voicectl deletes nothing")


def run_live(context: Context, *, yes: bool, fmt: str) -> int:
    """Run the probe; 0, whatever holds. Raises NotConfirmed, ProviderError."""
    from voicectl.engine.probe import settings_of

    project = wiring.project(context)
    host = wiring.identity(project).host
    what = f"make one private model in the account at {host}, send about thirty requests, and delete it"
    agree(f"doctor --live will {what}", yes, context)
    lines = wiring.run(_probe(project, context))
    if fmt == "json":
        printing.out(document(_values(lines)))
        return 0
    paint = printing.style(context)
    for line in lines:
        sign = paint.paint(*_SIGNS[line.holds])
        detail = f" ({terminal(line.detail)})" if line.detail else ""
        printing.out(f"{sign} {line.statement}{detail}\n")
    if settings_of(lines):
        printing.out("\nSave this with --format json, and try your pipeline on `voicectl emulator --like FILE`.\n")
    return 0


def _values(lines: list[Assumption]) -> dict[str, Any]:
    from voicectl.engine.probe import settings_of

    assumptions = [
        {"name": line.name, "statement": line.statement, "holds": line.holds, "detail": line.detail} for line in lines
    ]
    return {"format_version": FORMAT_VERSION, "assumptions": assumptions, "settings": settings_of(lines)}


async def _probe(project: Project, context: Context) -> list[Assumption]:
    from voicectl.engine.probe import LAG, probe

    scratch = Scratch(project.root)
    async with wiring.provider(project, context.log.reading()) as provider:
        await _clean_up(provider, scratch, context)

        def remember(model_id: str) -> None:
            context.log.note(f"the probe's model is {model_id}; it is deleted at the end")
            replace_file(scratch.make(_MEMORY), model_id.encode())

        with contextlib.ExitStack() as stack:
            lines = await probe(provider, _material(stack), remember, LAG)
        _forget(scratch)
    return lines


async def _clean_up(provider: Provider, scratch: Scratch, context: Context) -> None:
    """Delete the model of a probe that was killed, if its id was written down; only name others."""
    from voicectl.engine.probe import TITLE, leftovers
    from voicectl.provider.port import NotReadable

    left = _remembered(scratch)
    if left:
        model = None
        with contextlib.suppress(NotReadable):  # then it is gone, or somebody else's
            model = await provider.get(left)
        if model is not None and model.title.startswith(TITLE):
            context.log.note(f"an earlier probe did not end: deleting its model {left}")
            await provider.delete(left)
        _forget(scratch)
    others = [model_id for model_id in leftovers((await provider.list_models()).models) if model_id != left]
    if others:
        context.log.warning(
            f"{', '.join(others)} have titles like an earlier probe's: look at them, and delete them by hand"
        )


def _remembered(scratch: Scratch) -> str:
    from voicectl.files import read_regular

    try:
        return read_regular(scratch.find(_MEMORY), 100).decode("ascii").strip()
    except (OSError, ValueError):
        return ""


def _forget(scratch: Scratch) -> None:
    with contextlib.suppress(OSError):
        scratch.find(_MEMORY).unlink()


def _material(stack: contextlib.ExitStack) -> Material:
    """The starter project's sample, and a picture of one pixel."""
    import tempfile
    import uuid
    from importlib.resources import as_file, files

    from voicectl.engine.probe import Material
    from voicectl.model import canonical
    from voicectl.model.voice import Cover
    from voicectl.provider.port import Upload

    sample = stack.enter_context(as_file(files("voicectl.cli") / "starter_project" / "samples" / "narrator.mp3"))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    picture = _pixel()
    (folder / "cover.png").write_bytes(picture)
    digest = canonical.bytes_digest(picture)
    sound = sample.read_bytes()
    return Material(
        sample=Upload(sample, "sample-1.mp3", "audio/mpeg", canonical.bytes_digest(sound), len(sound)),
        cover=Cover("cover.png", digest, len(picture), "image/png"),
        image=Upload(folder / "cover.png", "cover.png", "image/png", digest, len(picture)),
        token=uuid.uuid4().hex[:8],
    )


def _pixel() -> bytes:
    """A PNG of one grey pixel (W3C, "Portable Network Graphics", 5.3: length, type, data, CRC)."""
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    header = (1).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", zlib.compress(b"\0\x80")) + chunk(b"IEND", b"")
