"""What `state move` does: from the lockfile of the old name to the one of the new."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from voicectl.cli import printing, running, wiring
from voicectl.cli.context import Context
from voicectl.cli.earlier_lockfiles import earlier, read
from voicectl.cli.planning import ask, refuse
from voicectl.engine.renaming import rename_catalog
from voicectl.errors import StateError, UsageError, cut
from voicectl.manifest.project import Project
from voicectl.plan.plan import Plan
from voicectl.report import plan_text
from voicectl.version import VERSION


def move(context: Context, *, source: str | None, yes: bool) -> None:
    """Rewrite the marks of a catalog that got another name, and write its lockfile under it.

    Raises UsageError where there is nothing to move, StateError where the new lockfile is in the way.
    """
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
                f"{place} is of {cut(old.provider.name)} at {cut(old.provider.host)}, this run of {identity.host}",
                "move it with the same `provider` and FISH_API_URL with which it was applied",
            )
        new = replace(old, catalog=project.catalog, environment=project.environment)
        if store is not old_store:
            there, expected = store.load()
            store.carry(old_store)
            if there is not None and there.ids() - old.ids():
                message = f"{project.state} is there already and records other models than {place}"
                env = f" --env {project.environment}" if project.environment else ""
                hint = f"`voicectl destroy{env}` deletes those of {project.namespace}; then move the older ones here"
                raise StateError(message, hint)
        listener = context.log.reading()

        def confirm(plan: Plan) -> None:
            printing.out(plan_text.render(plan, printing.style(context)))
            refuse(plan)
            ask(plan, context, yes=yes, shown=True, word="move", answer="yes")

        async def run() -> int:
            async with wiring.provider(project, listener) as provider:
                return await rename_catalog(old, new, provider, store, expected, VERSION, confirm, listener)

        count = running.run(run())
        if store is not old_store:
            _remove(project.root / place)
    printing.out(
        f"{place} is now {project.state}, of {project.namespace}: {count} models have new ownership tags. "
        "Next: commit both files, then voicectl plan\n"
    )


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise StateError(f"{path.name} can't be deleted: {error.strerror or error}", "delete it by hand") from error


def _source(project: Project, source: str | None) -> str:
    """The lockfile to move. Raises UsageError where there is none, or several."""
    if source is not None:
        if read(project.root / source, source) is None:
            raise UsageError(f"--from {source} is no lockfile in the project", "name one, such as voicectl.lock.json")
        return source
    found = [place for place, _ in earlier(project)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(
            f"there is no lockfile of another name to move to {project.namespace}",
            "the one to move lies beside the new one, such as voicectl.lock.json; or name it with --from FILE",
        )
    raise UsageError(f"there are several: {', '.join(found)}", "name the one to move with --from FILE")
