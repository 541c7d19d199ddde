"""`voicectl apply` and `voicectl destroy`: lease, plan, question, run, report."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voicectl import signals
from voicectl.cli import printing, reports, wiring
from voicectl.cli.commands.plan import limits_of, read_plan, request
from voicectl.cli.confirm import ask, refuse
from voicectl.cli.context import Context
from voicectl.cli.options import lock_timeout_option, plan_options, seconds, selectors, subcommand
from voicectl.cli.recordings import Recordings
from voicectl.cli.reports import report_option
from voicectl.errors import ApplyFailed, NotConfirmed, StateConflict, UsageError, VoicectlError

if TYPE_CHECKING:
    from voicectl.engine.events import Listener
    from voicectl.manifest.project import Project
    from voicectl.model.catalog import Catalog
    from voicectl.plan.plan import ApplyResult, Plan
    from voicectl.plan.request import PlanRequest
    from voicectl.state.port import Holder

    Asks = Callable[[Project, Catalog], PlanRequest]

_result_format = click.option(
    "--format", "fmt", type=click.Choice(["text", "json"]), default="text", help="How to print the result."
)


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


@subcommand(name="apply", help="Plan, ask, apply, verify, save. With FILE, apply that saved plan or nothing.")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--yes", is_flag=True, help="Don't ask.")
@seconds("--wait", default=300, help="How long models may train.")
@lock_timeout_option
@click.option("--retry-failed", is_flag=True, help="Replace models whose training failed.")
@_result_format
@report_option("json", "markdown")
@plan_options
@click.pass_obj
def command(
    context: Context,
    /,
    file: Path | None,
    fmt: str,
    yes: bool,
    wait: float,
    lock_timeout: float,
    retry_failed: bool,
    **options: Any,
) -> int:
    saved = None
    if file is not None:
        if options["only"] or options["exclude"]:
            raise UsageError("a saved plan has its own selectors", "leave --only and --exclude out")
        saved = read_plan(context.path(file))
    choices = Choices(yes, wait, lock_timeout, fmt, command=f"voicectl apply {file}" if file else "voicectl apply")
    asks = partial(request, options, retry_failed=retry_failed, saved=saved)
    return run(context, choices, asks, limits_of(options))


@subcommand(name="destroy", help="Delete the catalog's models, retired ones too. Protection holds.")
@click.option("--confirm", metavar="CATALOG", help="The catalog's name, with its environment: acme.staging.")
@lock_timeout_option
@_result_format
@selectors
@click.pass_obj
def destroy(context: Context, /, confirm: str | None, lock_timeout: float, fmt: str, **options: Any) -> int:
    project = wiring.located(context)
    if confirm is not None and confirm != project.namespace:
        raise NotConfirmed(
            f"--confirm says {confirm}, but this is {project.namespace}: nothing was changed",
            f"if you mean it, add --confirm {project.namespace}",
        )
    choices = Choices(
        yes=confirm is not None,
        wait=0,
        lock_timeout=lock_timeout,
        fmt=fmt,
        command="voicectl destroy",
        word="destroy",
        answer=project.namespace,
    )
    return run(context, choices, partial(request, options, destroy=True))


def run(context: Context, choices: Choices, asks: Asks, limits: Mapping[str, Any] | None = None) -> int:
    """Run the apply pipeline and report; the exit code. Raises whatever stops it before it changes anything.

    Waiting for the lease may take long, so manifests and clock are read, and `asks` is called, only once it is held.
    """
    store = wiring.store(wiring.located(context))
    with contextlib.ExitStack() as lease:
        waiting = partial(_waiting, choices=choices, context=context)
        lease.enter_context(store.lease(choices.command, choices.lock_timeout, waiting, context.run))
        if (former := store.settle()) is not None:
            context.log.note(
                f"moved {former.name} to {store.location}: the emulator's lockfile belongs in no repository"
            )
        # Lockfile and account say what to destroy: the manifests may be gone already.
        project, catalog = wiring.load(context, limits=limits, may_be_empty=choices.word == "destroy")
        if wiring.store(project).location != store.location:
            raise StateConflict("`state` in voicectl.yaml was changed by somebody else meanwhile", "run it again")
        context.log.problems(catalog.warnings)
        asked = asks(project, catalog)
        # From here on the run handles signals itself; once it has ended, we print its whole result.
        with signals.heard_by(signals.later):
            applied = _apply(project, asked, choices, context)
            lease.close()
            return _report(applied, catalog, choices, context)


def _apply(project: Project, asked: PlanRequest, choices: Choices, context: Context) -> ApplyResult:
    from voicectl.engine.apply import Run, apply
    from voicectl.model.lock import Changed
    from voicectl.report import plan_text

    store, identity = wiring.store(project), wiring.identity(project)
    applied: list[ApplyResult] = []

    def confirm(plan: Plan) -> None:
        if choices.fmt == "text":
            printing.out(plan_text.render(plan, printing.style(context), steps=bool(context.verbose)))
        context.log.plan(plan, asked.catalog)
        refuse(plan)
        ask(plan, context, yes=choices.yes, shown=choices.fmt == "text", word=choices.word, answer=choices.answer)
        signals.check()

    async def execute() -> None:
        async with wiring.provider(project, listen, busy=True) as provider:
            stamp = Changed(asked.now, context.run, wiring.commit(project))
            made = Run(
                project.root, store, identity, provider, listen, confirm, choices.wait, stamp=stamp, bring=files.bring
            )
            applied.append(await apply(made, asked))

    listen: Listener
    with context.log.progress() as listen, Recordings(project) as files:
        try:
            wiring.run(execute())
        except KeyboardInterrupt:
            if not applied:
                raise
    return applied[0]


def _waiting(holder: Holder | None, *, choices: Choices, context: Context) -> None:
    if choices.lock_timeout:
        who = f": {holder}" if holder else ""
        context.log.note(f"waiting up to {choices.lock_timeout:g} s for another run{who}")


def _report(applied: ApplyResult, catalog: Catalog, choices: Choices, context: Context) -> int:
    from voicectl.report import apply_text

    failure = _failure(applied, choices.command)
    done = "Destroyed" if choices.word == "destroy" else "Applied"

    def rendered(fmt: str) -> str:
        if fmt == "json":
            from voicectl.report import apply_json

            return apply_json.render(applied, failure)
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
        # Standard output shows already what was done, so this is one more thing to report.
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
    hint = f"look at the messages above; then run `{command}` again to go on"
    if applied.failed_training:
        hint = f"look at the messages above; `{command}` again leaves failed trainings alone, "
        hint += f"`{command} --retry-failed` makes those models again"
    return ApplyFailed("not every voice is as planned", hint)
