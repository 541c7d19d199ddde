"""`voicectl state`: rebuild, unlock, merge and move the lockfile."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voicectl.cli import earlier_lockfiles, printing, wiring
from voicectl.cli.confirm import agree, ask, refuse
from voicectl.cli.context import Context
from voicectl.cli.options import subcommand
from voicectl.errors import StateError, UsageError, cut
from voicectl.files import NAME, Scratch, replace_file
from voicectl.version import VERSION

if TYPE_CHECKING:
    from voicectl.manifest.project import Project
    from voicectl.model.lock import Lock
    from voicectl.plan.plan import Plan
    from voicectl.plan.rebuild import Rebuilt
    from voicectl.state.port import StateStore

MAX_SHOWN = 50


@click.group(name="state", help="Recover the lockfile.")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Remember the subcommand; it does the work."""
    ctx.ensure_object(Context).command = f"state {ctx.invoked_subcommand}"


@subcommand(name="rebuild", help="Write the lockfile from the account and the manifests. Keeps a backup.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def rebuild(context: Context, /, yes: bool) -> int:
    run_rebuild(context, yes=yes)
    return 0


@subcommand(name="unlock", help="Take the lock away from a run that hangs. Shows the holder, and keeps a backup.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def unlock(context: Context, /, yes: bool) -> int:
    run_unlock(context, yes=yes)
    return 0


@subcommand(name="merge", help="Merge two lockfiles voice by voice, into OURS. A Git merge driver.")
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("ours", type=click.Path(path_type=Path))
@click.argument("theirs", type=click.Path(path_type=Path))
@click.pass_obj
def merge(context: Context, /, base: Path, ours: Path, theirs: Path) -> int:
    run_merge(*(context.path(path) for path in (base, ours, theirs)))
    return 0


@subcommand(
    name="move",
    short_help="Move a catalog into an environment or to a new name.",
    help="Move a catalog into the environment that --env names or, without environments, to its new name: rewrite its "
    "models' marks and its lockfile. Ids stay.",
)
@click.option("--from", "source", metavar="FILE", help="The lockfile to move. Default: the one of another name.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def move(context: Context, /, source: str | None, yes: bool) -> int:
    run_move(context, source=source, yes=yes)
    return 0


command.add_command(rebuild)
command.add_command(move)
command.add_command(merge)
command.add_command(unlock)


def run_rebuild(context: Context, *, yes: bool) -> None:
    """Write the lockfile again. Raises NotConfirmed if there is one and nobody agrees to replace it."""
    from voicectl.engine.plan import rebuild_lock
    from voicectl.files import read_regular
    from voicectl.state.codec import MAX_BYTES, now

    async def make() -> Rebuilt:
        async with wiring.provider(project, context.log.reading()) as provider:
            return await rebuild_lock(catalog, identity, provider, now(), _readable(store))

    store = wiring.store(wiring.located(context))
    with store.lease("voicectl state rebuild", 0, lambda holder: None, context.run):
        project, catalog = wiring.load(context)
        identity = wiring.identity(project)
        rebuilt = wiring.run(make())
        path = project.root / project.state
        if path.exists() and read_regular(path, MAX_BYTES) == store.encoded(rebuilt.lock):
            printing.out(f"{project.state} is what a rebuild would write: nothing to do.\n")
            return
        if path.exists():
            agree(f"{project.state} exists and will be replaced (a backup is kept)", yes, context)
            context.log.note(f"backup: {_backup(project, path)}")
        store.save(rebuilt.lock, store.version())
    for words in rebuilt.unknown[:MAX_SHOWN]:
        context.log.note(f"not known: {words}")
    if len(rebuilt.unknown) > MAX_SHOWN:
        context.log.note(f"… and {len(rebuilt.unknown) - MAX_SHOWN} more")
    count, removed = len(rebuilt.lock.voices), len(rebuilt.lock.removed)
    gone = f", {removed} removed" if removed else ""
    printing.out(f"{project.state} rebuilt: {count} voices{gone}. Next: voicectl plan\n")


def _readable(store: StateStore) -> Lock | None:
    """The lockfile that the rebuilt one replaces, if it can be read at all."""
    try:
        return store.load()[0]
    except StateError:
        return None


def run_unlock(context: Context, *, yes: bool) -> None:
    """Let another run begin although one holds the lock. Raises NotConfirmed if nobody agrees."""
    project = wiring.project(context)
    store = wiring.store(project)
    if not store.locked():
        printing.out(f"{project.state} is not locked: a run's lock ends with it.\n")
        return
    holder = store.holder()
    who = str(holder) if holder else "an unknown run"
    agree(f"{project.state} is held by {who}. If that run still works, two runs will write at once", yes, context)
    context.log.note(f"backup: {_backup(project, store.break_lease())}")
    printing.out(f"{project.state} is unlocked. Next: end that run, then voicectl plan\n")


def run_merge(base: Path, ours: Path, theirs: Path) -> None:
    """Merge lockfiles into `ours`, as Git calls a merge driver (gitattributes: `%O %A %B`).

    Raises StateError or NotMergeable; then nothing was written, and Git reports a conflict.
    """
    from voicectl.state.codec import decode
    from voicectl.state.merging import merge_bytes

    past, mine, other = (_bytes(path) for path in (base, ours, theirs))
    for path, data in ((ours, mine), (theirs, other)):
        if not data.strip():
            raise StateError(f"{path} holds no lockfile", "give three lockfiles: BASE OURS THEIRS")
        decode(data, str(path))
    if past.strip():
        decode(past, str(base))
    data = merge_bytes(past, mine, other, "the merged lockfile")
    try:
        replace_file(ours, data)
    except OSError as error:
        raise StateError(f"{ours} can't be written: {error.strerror or error}", "check its permissions") from error


def _bytes(path: Path) -> bytes:
    """A lockfile's bytes. Git gives an empty file as the base of a file without a past."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StateError(f"{path} can't be read: {error.strerror or error}", "give three lockfiles") from error


def _backup(project: Project, path: Path) -> str:
    """Keep a copy of a file; where it is, relative to the project. Raises StateError if it can't."""
    from datetime import UTC, datetime

    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    try:
        target = Scratch(project.root).make("backups", f"{path.name}.{stamp}")
        replace_file(target, path.read_bytes())
    except OSError as error:
        raise StateError(f"no backup can be kept in {NAME}/: {error.strerror or error}", "make room for one") from error
    return f"{NAME}/backups/{target.name}"


def run_move(context: Context, *, source: str | None, yes: bool) -> None:
    """Rewrite the marks of a catalog that has a new name, and write its lockfile under that name.

    Raises UsageError if there is nothing to move, StateError if the new lockfile is in the way.
    """
    from voicectl.engine.renaming import rename_catalog
    from voicectl.report import plan_text

    project = wiring.project(context)
    store = wiring.store(project)
    place = _source(project, source)
    with contextlib.ExitStack() as leases:
        old_store = store if place == project.state else wiring.store(project, place)
        for each in {old_store.location: old_store, store.location: store}.values():
            leases.enter_context(each.lease("voicectl state move", 0, lambda holder: None, context.run))
        old, expected = old_store.load()
        if old is None:
            raise UsageError(f"{place} is gone", "run it again")
        identity = wiring.identity(project)
        if (old.provider.name, old.provider.host) != (identity.name, identity.host):
            raise StateError(
                f"{place} belongs to {cut(old.provider.name)} at {cut(old.provider.host)}, this run to {identity.host}",
                "move it with the `provider` and FISH_API_URL that it was applied with",
            )
        new = replace(old, catalog=project.catalog, environment=project.environment)
        if store is not old_store:
            there, expected = store.load()
            store.carry(old_store)
            if there is not None and there.ids() - old.ids():
                message = f"{project.state} exists already and records other models than {place}"
                env = f" --env {project.environment}" if project.environment else ""
                hint = f"`voicectl destroy{env}` deletes those of {project.namespace}; then move the older ones here"
                raise StateError(message, hint)
        listener = context.log.reading()

        def confirm(plan: Plan) -> None:
            printing.out(plan_text.render(plan, printing.style(context)))
            refuse(plan)
            ask(plan, context, yes=yes, shown=True, word="move", answer="yes")

        async def rename() -> int:
            async with wiring.provider(project, listener) as provider:
                return await rename_catalog(old, new, provider, store, expected, VERSION, confirm, listener)

        count = wiring.run(rename())
        if store is not old_store:
            _remove(project.root / place)
    files = project.state if store is old_store else f"{place}, {project.state}"
    printing.out(
        f"{project.state} is now of {project.namespace}: {count} model{' has' if count == 1 else 's have'} new marks. "
        f"Next: commit {files} and voicectl.yaml, then voicectl plan\n"
    )


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise StateError(f"{path.name} can't be deleted: {error.strerror or error}", "delete it by hand") from error


def _source(project: Project, source: str | None) -> str:
    """The lockfile to move. Raises UsageError if there is none, or several."""
    if source is not None:
        if earlier_lockfiles.read(project.root / source, source) is None:
            raise UsageError(
                f"--from {source} is not a lockfile in the project", "name one, such as voicectl.lock.json"
            )
        return source
    found = [place for place, _ in earlier_lockfiles.earlier(project)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(
            f"no lockfile of another name can move to {project.namespace}",
            "it has to lie beside the new one, such as voicectl.lock.json; or name it with --from FILE",
        )
    raise UsageError(f"there are several: {', '.join(found)}", "name the one to move with --from FILE")
