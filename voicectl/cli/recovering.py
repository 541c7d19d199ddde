"""What `state rebuild` and `state unlock` do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from voicectl.cli import printing, running, wiring
from voicectl.cli.context import Globals
from voicectl.cli.planning import agree
from voicectl.engine.rebuild import rebuild_lock
from voicectl.errors import StateError
from voicectl.files import NAME, Scratch, read_regular, replace_file
from voicectl.manifest.project import Project
from voicectl.model.lock import Lock
from voicectl.plan.rebuild import Rebuilt
from voicectl.state.codec import MAX_BYTES, decode, now
from voicectl.state.port import StateStore

MAX_SHOWN = 50


def rebuild(settings: Globals, *, yes: bool) -> None:
    """Write the lockfile anew. Raises NotConfirmed where there is one and nobody agrees to replace it."""

    async def make() -> Rebuilt:
        async with wiring.provider(project, settings.log.reading()) as provider:
            return await rebuild_lock(catalog, identity, provider, now(), _readable(store))

    store = wiring.store(wiring.located(settings))
    with store.lease("voicectl state rebuild", 0, lambda holder: None, settings.run):
        project, catalog = wiring.load(settings)
        identity = wiring.identity(project)
        rebuilt = running.run(make())
        path = project.root / project.state
        if path.exists() and read_regular(path, MAX_BYTES) == store.encoded(rebuilt.lock):
            printing.out(f"{project.state} is as it would be rebuilt: nothing to do.\n")
            return
        if path.exists():
            agree(f"{project.state} exists and will be replaced (a backup is kept)", yes, settings)
            settings.log.note(f"backup: {_backup(project, path)}")
        store.save(rebuilt.lock, store.version())
    for words in rebuilt.unknown[:MAX_SHOWN]:
        settings.log.note(f"not known: {words}")
    if len(rebuilt.unknown) > MAX_SHOWN:
        settings.log.note(f"… and {len(rebuilt.unknown) - MAX_SHOWN} more of the kind")
    count, removed = len(rebuilt.lock.voices), len(rebuilt.lock.removed)
    gone = f", {removed} removed" if removed else ""
    printing.out(f"{project.state} rebuilt: {count} voices{gone}. Next: voicectl plan\n")


def _readable(store: StateStore) -> Lock | None:
    """The lockfile that is to be replaced, where it can be read at all."""
    try:
        return store.load()[0]
    except StateError:
        return None


def unlock(settings: Globals, *, yes: bool) -> None:
    """Let another run begin although one holds the lock. Raises NotConfirmed where nobody agrees."""
    project = wiring.project(settings)
    store = wiring.store(project)
    if not store.locked():
        printing.out(f"{project.state} is not locked: the lock of a run that ended frees itself.\n")
        return
    holder = store.holder()
    who = str(holder) if holder else "a run that does not say who it is"
    agree(f"{project.state} is held by {who}. If it still works, two runs will write at once", yes, settings)
    settings.log.note(f"backup: {_backup(project, store.break_lease())}")
    printing.out(f"{project.state} is unlocked. Next: end that run, then voicectl plan\n")


def merge_files(base: Path, ours: Path, theirs: Path) -> None:
    """Merge lockfiles into `ours`, as Git calls a merge driver (gitattributes: `%O %A %B`).

    Raises StateError or NotMergeable; then nothing was written, and Git reports a conflict.
    """
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
    """A lockfile's bytes: none where a file has no past, as Git has it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StateError(f"{path} can't be read: {error.strerror or error}", "give three lockfiles") from error


def _backup(project: Project, path: Path) -> str:
    """Keep a copy of a file; its place, relative to the project. Raises StateError where that can't be."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    try:
        target = Scratch(project.root).make("backups", f"{path.name}.{stamp}")
        replace_file(target, path.read_bytes())
    except OSError as error:
        raise StateError(f"no backup can be kept in {NAME}/: {error.strerror or error}", "make room for one") from error
    return f"{NAME}/backups/{target.name}"
