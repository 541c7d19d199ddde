"""`voicectl plan` and `voicectl show-plan`: make a plan, save it, print it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voicectl.cli import printing, reports, wiring
from voicectl.cli.context import Context
from voicectl.cli.options import max_bytes_option, plan_format, plan_options, subcommand
from voicectl.cli.reports import report_option
from voicectl.errors import UsageError
from voicectl.files import Scratch, replace_file
from voicectl.redaction import redacted
from voicectl.report.terminal import Style
from voicectl.version import VERSION

if TYPE_CHECKING:
    from voicectl.engine.events import Listener
    from voicectl.engine.plan import Prepared
    from voicectl.manifest.project import Project
    from voicectl.model.catalog import Catalog
    from voicectl.plan.plan import Plan
    from voicectl.plan.request import PlanRequest

LIMITS = ("max_deletes", "max_replaces", "on_drift", "on_conflict")


@subcommand(name="plan", help="Show what apply would do. Reads only.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Save the plan, for `apply FILE`.")
@plan_format
@max_bytes_option
@report_option("text", "json", "markdown")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 if there are changes.")
@click.option("--offline", is_flag=True, help="Compare manifests and lockfile only; needs no key.")
@click.option("--show-unchanged", is_flag=True, help="Name the voices without changes too.")
@plan_options
@click.pass_obj
def command(
    context: Context,
    /,
    out: Path | None,
    fmt: str,
    max_bytes: int,
    detailed_exitcode: bool,
    offline: bool,
    show_unchanged: bool,
    **options: Any,
) -> int:
    project, catalog = wiring.load(context, limits=limits_of(options))
    context.log.problems(catalog.warnings)
    asked = request(options, project, catalog, offline=offline)
    prepared = wiring.run(_plan(project, asked, context.log.reading()))
    plan = with_words(project, prepared)
    if out is not None:
        save_plan(context.path(out), plan, Scratch(project.root))
    names = _unchanged(prepared) if show_unchanged else ()
    reports.write(context, lambda fmt: _rendered(plan, fmt, None, unchanged=names, max_bytes=max_bytes))
    printing.out(_rendered(plan, fmt, context, unchanged=names, max_bytes=max_bytes))
    context.log.plan(plan, catalog)
    if plan.refusals:
        return 3
    return 2 if detailed_exitcode and not plan.empty else 0


@subcommand(name="show-plan", help="Print a saved plan. Needs no project and no key.")
@click.argument("file", type=click.Path(path_type=Path))
@plan_format
@max_bytes_option
@click.pass_obj
def show_plan(context: Context, /, file: Path, fmt: str, max_bytes: int) -> int:
    printing.out(_rendered(read_plan(context.path(file)), fmt, context, max_bytes=max_bytes))
    return 0


def limits_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The limits among a command's options."""
    return {name: options.get(name) for name in LIMITS}


def request(options: Mapping[str, Any], project: Project, catalog: Catalog, **more: Any) -> PlanRequest:
    """What the command line and the project ask of a plan; `more` are fields of it."""
    from voicectl.cli import earlier_lockfiles
    from voicectl.plan.plan import Selectors
    from voicectl.plan.request import PlanRequest
    from voicectl.state.codec import now

    at = now()
    return PlanRequest(
        catalog=catalog,
        now=at,
        version=VERSION,
        selectors=Selectors(tuple(options.get("only", ())), tuple(options.get("exclude", ()))),
        recreate_missing=bool(options.get("recreate_missing")),
        notices=(*earlier_lockfiles.notices(project), *wiring.speech_notices(catalog, at.date())),
        **more,
    )


async def _plan(project: Project, asked: PlanRequest, listener: Listener) -> Prepared:
    """A plan, with GET requests only, or none at all offline."""
    from voicectl.engine.plan import prepare

    store, identity = wiring.store(project), wiring.identity(project)
    if asked.offline:
        return await prepare(asked, store, identity, None)
    async with wiring.provider(project, listener) as provider:
        return await prepare(asked, store, identity, provider)


def with_words(project: Project, prepared: Prepared) -> Plan:
    """The plan, with the earlier words of recordings whose transcripts change, where Git has them."""
    plan = prepared.planned.plan
    if not any(each.was and each.now for change in plan.changes for each in change.samples):
        return plan
    from voicectl.cli.past import Past

    return Past(project).with_words(plan, prepared.lock)


def _unchanged(prepared: Prepared) -> tuple[str, ...]:
    """The voices that a plan leaves alone."""
    changed = {change.name for change in prepared.planned.plan.changes}
    return tuple(sorted(prepared.request.catalog.voices.keys() - changed))


def _rendered(plan: Plan, fmt: str, context: Context | None, *, unchanged: Iterable[str] = (), max_bytes: int) -> str:
    """A plan in one of its formats. Without a context the text is for a file, not for this terminal."""
    if fmt == "json":
        from voicectl.report import plan_json

        return plan_json.plan(plan)
    if fmt == "markdown":
        from voicectl.report import plan_markdown

        return plan_markdown.render(plan, max_bytes, unchanged)
    from voicectl.report import plan_text

    verbose = context is not None and bool(context.verbose)
    return plan_text.render(plan, printing.style(context) if context else Style(), unchanged, steps=verbose)


def read_plan(path: Path) -> Plan:
    """The plan in a file, which is untrusted: `plan/saved.py` decides what it may lead to.

    Raises PlanInvalid, also if the file can't be read.
    """
    from voicectl.plan.saved import MAX_BYTES, PlanInvalid, decode

    name = str(path)
    try:
        if not path.is_file():
            raise PlanInvalid(
                f"{name} {'is not a regular file' if path.exists() else 'does not exist'}", "name a saved plan"
            )
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PlanInvalid(f"{name} can't be read ({error.strerror or error})", "check its permissions") from error
    if len(data) > MAX_BYTES:
        raise PlanInvalid(f"{name} is larger than {MAX_BYTES // 1024 // 1024} MiB", "name a saved plan")
    return decode(data, name)


def save_plan(path: Path, plan: Plan, scratch: Scratch) -> None:
    """Save a plan, whole or not at all; `scratch` is the project's. Raises UsageError if it can't."""
    from voicectl.report import plan_json

    if path.is_dir():
        raise UsageError(f"--out {path} is a directory", "name a file, such as plan.json")
    if path.exists() and not _is_plan(path):
        raise UsageError(f"--out {path} exists and is not a saved plan", "name another file, such as plan.json")
    try:
        replace_file(path, redacted(plan_json.plan(plan)).encode(), scratch=scratch)
    except OSError as error:
        raise UsageError(
            f"--out {path} can't be written: {error.strerror or error}", "name a file that can be"
        ) from error


def _is_plan(path: Path) -> bool:
    from voicectl.plan.saved import PlanInvalid

    try:
        return path.stat().st_size == 0 or bool(read_plan(path))
    except (PlanInvalid, OSError):
        return False
