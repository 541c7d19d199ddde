"""What apply and destroy share: lease, plan, question, run, report."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from voicectl import signals
from voicectl.cli import earlier_lockfiles, printing, reports, running, wiring
from voicectl.cli.context import Context
from voicectl.cli.planning import ask, refuse
from voicectl.engine.apply import Run, apply
from voicectl.engine.events import Listener
from voicectl.engine.plan import Wishes
from voicectl.errors import ApplyFailed, StateConflict, UsageError, VoicectlError
from voicectl.manifest.project import Project
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Changed
from voicectl.plan.plan import Plan
from voicectl.plan.result import ApplyResult
from voicectl.report import apply_text, plan_text
from voicectl.report.document import document
from voicectl.state.port import Holder


@dataclass(frozen=True, slots=True)
class Choices:
    """How the command line wants a run to go. Times in seconds."""

    yes: bool
    wait: float
    lock_timeout: float
    fmt: str
    command: str
    word: str = "apply"
    answer: str = "yes"
    """What a person has to type."""


def apply_plan(
    context: Context, choices: Choices, wish: Callable[[], Wishes], limits: Mapping[str, Any] | None = None
) -> int:
    """Run the apply pipeline and report; the exit code. Raises what happens before anything was changed.

    Manifests and clock are read once the lease is there: another run may have held it for long. `wish` is called then.
    """
    store = wiring.store(wiring.located(context))
    with contextlib.ExitStack() as lease:
        waiting = partial(_waiting, choices=choices, context=context)
        lease.enter_context(store.lease(choices.command, choices.lock_timeout, waiting, context.run))
        # What is to be destroyed is in the lockfile and the account: the manifests may be gone already.
        project, catalog = wiring.load(context, limits=limits, may_be_empty=choices.word == "destroy")
        if wiring.store(project).location != store.location:
            raise StateConflict("`state` in voicectl.yaml was changed by somebody else meanwhile", "run it again")
        context.log.problems(catalog.warnings)
        wishes = replace(wish(), notices=earlier_lockfiles.notices(project))
        # From here on the run itself handles signals; after it has ended, the whole result is printed.
        with signals.heard_by(signals.later):
            applied = _apply(project, catalog, wishes, choices, context)
            lease.close()
            return _report(applied, catalog, choices, context)


def _apply(project: Project, catalog: Catalog, wishes: Wishes, choices: Choices, context: Context) -> ApplyResult:
    store, identity = wiring.store(project), wiring.identity(project)
    applied: list[ApplyResult] = []

    def confirm(plan: Plan) -> None:
        if choices.fmt == "text":
            printing.out(plan_text.render(plan, printing.style(context)))
        context.log.plan(plan, catalog)
        refuse(plan)
        ask(plan, context, yes=choices.yes, shown=choices.fmt == "text", word=choices.word, answer=choices.answer)
        signals.check()

    async def run() -> None:
        async with wiring.provider(project, listen, busy=True) as provider:
            stamp = Changed(wishes.now, context.run, wiring.commit(project))
            made = Run(catalog, project.root, store, identity, provider, listen, confirm, choices.wait, stamp=stamp)
            applied.append(await apply(made, wishes))

    listen: Listener
    with context.log.progress() as listen:
        try:
            running.run(run())
        except KeyboardInterrupt:
            if not applied:
                raise
    return applied[0]


def _waiting(holder: Holder | None, *, choices: Choices, context: Context) -> None:
    if choices.lock_timeout:
        who = f": {holder}" if holder else ""
        context.log.note(f"waiting up to {choices.lock_timeout:g} s for another run{who}")


def _report(applied: ApplyResult, catalog: Catalog, choices: Choices, context: Context) -> int:
    failure = _failure(applied, choices.command)
    done = "Destroyed" if choices.word == "destroy" else "Applied"

    def rendered(fmt: str) -> str:
        if fmt == "json":
            return document(apply_text.values(applied, failure))
        from voicectl.report import apply_markdown

        return apply_markdown.render(applied, done)

    if choices.fmt == "json":
        printing.out(rendered("json"))
    elif applied.results or applied.leftovers:
        printing.out(apply_text.render(applied, printing.style(context), done))
    context.log.applied(applied, catalog)
    try:
        reports.write(context, rendered)
    except UsageError as error:
        # What was done stands on standard output already: this is one thing more to tell.
        reports.write_failure(context, error)
        context.log.failure(error)
        if failure is None:
            return error.exit_code
    if failure is None:
        return 0
    context.log.failure(failure)
    return failure.exit_code


def _failure(applied: ApplyResult, command: str) -> VoicectlError | None:
    if applied.succeeded:
        return None
    if applied.error is not None:
        return applied.error
    hint = f"look at the messages above; then `{command}` again goes on"
    if applied.failed_training:
        hint = f"look at the messages above; `{command}` again leaves failed trainings alone, "
        hint += f"`{command} --retry-failed` makes those models again"
    return ApplyFailed("not every voice is as planned", hint)
