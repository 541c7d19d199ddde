"""The only place that names adapters: from a project's settings to the ports that the engine uses.

Importing it is cheap, so that commands can: every function imports what it needs when it is called.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from voicectl import signals
from voicectl.cli.context import Context
from voicectl.errors import InvalidFiles, StateNotSaved
from voicectl.files import NAME, Scratch
from voicectl.version import VERSION

if TYPE_CHECKING:
    from datetime import date

    from voicectl.engine.events import Listener
    from voicectl.hosting.git import Repository
    from voicectl.hosting.lfs import LfsObjects
    from voicectl.hosting.port import Hosting
    from voicectl.manifest.project import Project
    from voicectl.model.catalog import Catalog
    from voicectl.model.lock import ProviderIdentity
    from voicectl.plan.plan import Notice
    from voicectl.provider.port import Provider
    from voicectl.state.file import FileStore

T = TypeVar("T")
EMULATOR_HOST = "emulator"
_NEW_ACCOUNT = (
    f"delete {NAME}/emulator.db and the files whose names begin like it, then run `voicectl apply --recreate-missing`: "
    "the emulator's models go with it, and apply makes them again"
)


def project(context: Context) -> Project:
    """The project that the command line means, its manifests unread.

    Raises ProjectNotFound, InvalidFiles, UsageError.
    """
    from voicectl.manifest.project import find_project, load_project

    found = load_project(find_project(chdir=context.chdir), context.environment)
    context.log.about(found.catalog, found.environment)
    return found


def located(context: Context) -> Project:
    """The same, for a command that reads the manifests later.

    Raises InvalidFiles where the project file is broken, with the problems of the manifests too.
    """
    try:
        return project(context)
    except InvalidFiles:
        load(context)
        raise


def load(
    context: Context,
    *,
    read_samples: bool = True,
    limits: Mapping[str, Any] | None = None,
    instead: Mapping[str, bytes] | None = None,
    may_be_empty: bool = False,
) -> tuple[Project, Catalog]:
    """The project and its desired voices; the command line's limits replace those of its policy.

    `instead` and `may_be_empty`: see `load_all`.
    Raises ProjectNotFound, UsageError, and InvalidFiles with the problems of all files together.
    """
    from voicectl.manifest.load import load_all
    from voicectl.manifest.project import find_project
    from voicectl.model.catalog import Limit

    found, loaded = load_all(
        find_project(chdir=context.chdir),
        context.environment,
        read_samples=read_samples,
        instead=instead,
        may_be_empty=may_be_empty,
    )
    context.log.about(found.catalog, found.environment)
    given = {name: value for name, value in (limits or {}).items() if value is not None}
    for name in ("max_deletes", "max_replaces"):
        if name in given:
            given[name] = Limit.parse(given[name])
    return found, replace(loaded, policy=replace(loaded.policy, **given))


def store(found: Project, place: str | None = None) -> FileStore:
    """Where the lockfile is kept; `place` is another file of the project."""
    from voicectl.state.file import FileStore

    name = place or found.state
    former = found.root / found.former_state if found.former_state is not None and place is None else None
    return FileStore(found.root / name, name, Scratch(found.root), former=former)


def identity(found: Project) -> ProviderIdentity:
    """The provider that the lockfile must belong to. Needs no key."""
    from voicectl.model.lock import ProviderIdentity

    if found.provider == "emulator":
        return ProviderIdentity("emulator", EMULATOR_HOST)
    from voicectl.provider.fish.endpoint import Endpoint, url_from_environment

    return ProviderIdentity("fish", Endpoint(url_from_environment(), key="").host)


@asynccontextmanager
async def provider(found: Project, listener: Listener, *, busy: bool = False) -> AsyncIterator[Provider]:
    """The provider's client, closed at the end. Raises Misconfigured before anything is sent.

    A `busy` run is about to send many requests, so it first asks how many at once the account's tier allows.
    """
    from voicectl.engine.events import Event
    from voicectl.provider.fish.client import FishClient
    from voicectl.provider.fish.endpoint import Endpoint, from_environment
    from voicectl.provider.fish.http import httpx
    from voicectl.provider.port import Misconfigured

    def on_retry(reason: str, pause: float) -> None:
        listener(Event("retrying", detail=f"{reason}; again in {pause:.1f} s"))

    transport = None
    if found.provider == "emulator":
        from voicectl.emulator.app import in_process_transport

        transport = in_process_transport(_account_of_emulator(found), remedy=_NEW_ACCOUNT)
        endpoint = Endpoint(f"http://{EMULATOR_HOST}", "emulator-key")
    else:
        endpoint = from_environment()
    try:
        client = FishClient(
            endpoint,
            concurrency=found.concurrency,
            transport=transport,
            on_retry=on_retry,
            on_limit=lambda limit: listener(Event("limit", limit=limit)),
            on_request=lambda request: listener(Event("request", request=request)),
            user_agent=f"voicectl/{VERSION}",
        )
    except ImportError as error:
        hint = "pip install 'httpx[socks]', or unset ALL_PROXY"
        raise Misconfigured("a SOCKS proxy is set, and httpx lacks what it needs", hint) from error
    except httpx.InvalidURL as error:  # which may quote a part of the proxy's password
        hint = "correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"
        raise Misconfigured("the address of a proxy in the environment can't be read", hint) from error
    except (OSError, ValueError) as error:  # a missing SSL_CERT_FILE, a proxy of an unknown kind
        message = f"the client can't be set up: {error}"
        raise Misconfigured(message, "check SSL_CERT_FILE and the proxy settings") from error
    listener(Event("limit", limit=client.limiter.limit))
    try:
        if busy:
            await client.warm_up()
        yield client
    finally:
        listener(Event("limit", limit=client.limiter.limit, detail=client.limiter.describe()))
        await client.close()


def _account_of_emulator(found: Project) -> Path:
    """Where `provider: emulator` keeps its account. Raises StateNotSaved if it can't."""
    try:
        return Scratch(found.root).make("emulator.db")
    except OSError as error:
        raise StateNotSaved(
            f"{NAME}/ can't be used, where `provider: emulator` keeps its account: {error.strerror or error}",
            "make the project directory writable",
        ) from error


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, whose task has no result. A signal cancels it and raises KeyboardInterrupt.

    When asyncio.run ends, it looks at the SIGINT handler, and to report an error that nobody sees, Python formats
    the main task, result and all (CPython, `signal._int_to_enum`). With a plan of thousands of voices that takes
    longer than many a step of making it.
    """
    import asyncio

    results: list[T] = []

    async def keep() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def cancel(count: int) -> None:
            if count > 1:
                raise KeyboardInterrupt
            # Whatever breaks because we cancel it is not worth reporting.
            loop.set_exception_handler(lambda loop, context: None)
            loop.call_soon_threadsafe(task.cancel)

        with signals.heard_by(cancel):
            if signals.heard():
                coroutine.close()
                return
            try:
                results.append(await coroutine)
            except KeyboardInterrupt:
                if not signals.heard():
                    raise

    # Between here and the loop's first step, and after its last, there is nothing to cancel.
    with signals.heard_by(signals.later):
        try:
            asyncio.run(keep())
        except asyncio.CancelledError:
            if not signals.heard():
                raise
    if not results:
        raise KeyboardInterrupt
    return results[0]


def hosting() -> Hosting | None:
    """The service that runs us, recognised by its variables; None elsewhere. Raises HostingError."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from voicectl.hosting.github import GitHub

        return GitHub(os.environ)
    if os.environ.get("GITLAB_CI") == "true":
        from voicectl.hosting.gitlab import GitLab

        return GitLab(os.environ)
    return None


def speech_models(context: Context) -> dict[str, str]:
    """The speech model of each voice that has one. Where models are recorded the manifests may be invalid; then none.

    Says so then.
    """
    try:
        _, catalog = load(context, read_samples=False)
    except InvalidFiles:
        context.log.warning("the manifests are invalid, so their speech models are left out")
        return {}
    return {name: v.speech_model for name, v in catalog.voices.items() if v.speech_model is not None}


def speech_notices(catalog: Catalog, today: date) -> tuple[Notice, ...]:
    """Speech models in use that end soon, or that nobody knows: one notice a model."""
    from voicectl.plan.plan import Notice
    from voicectl.provider.fish.speech_models import remark

    users: dict[str, list[str]] = {}
    for name, voice in sorted(catalog.voices.items()):
        if voice.speech_model is not None:
            users.setdefault(voice.speech_model, []).append(name)
    notices = []
    for model, names in sorted(users.items()):
        words, hint = remark(model, today)
        if words:
            some = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            notices.append(Notice("speech_model", f"{words}; used by {some}", hint, tuple(names)))
    return tuple(notices)


def repository(found: Project) -> Repository:
    """The Git repository around a project. Raises HostingError where there is none."""
    from voicectl.hosting.git import Repository

    return Repository(found.root)


def lfs(found: Project) -> LfsObjects:
    """The Git LFS objects of the checkout around a project. Raises HostingError where there is none.

    In CI they are fetched with the job's token, where its environment has one.
    """
    from voicectl.hosting.lfs import LfsObjects
    from voicectl.hosting.port import HostingError

    service = None
    with suppress(HostingError):
        service = hosting()
    return LfsObjects(found.root, service.remote if service is not None else None)


def commit(found: Project) -> str | None:
    """The commit that is checked out around a project; None without a repository or without git."""
    from voicectl.hosting.git import Repository
    from voicectl.hosting.port import HostingError

    try:
        return Repository(found.root).commit_of("HEAD")
    except HostingError:
        return None


def repository_prefix(root: Path) -> str:
    """A project's directory within its checkout, with a slash at its end: annotations and SARIF put it before files.

    Empty if the project is the whole checkout, or in none.
    """
    root = root.resolve()
    given = os.environ.get("GITHUB_WORKSPACE")
    workspace = Path(given).resolve() if given else root
    if root == workspace or not root.is_relative_to(workspace):
        workspace = next((each for each in (root, *root.parents) if os.path.lexists(each / ".git")), root)
    return "" if root == workspace else root.relative_to(workspace).as_posix() + "/"
