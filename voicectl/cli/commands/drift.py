"""`voicectl drift`: compare the account with the lockfile, and report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from voicectl.cli import printing, reports, wiring
from voicectl.cli.context import Context
from voicectl.cli.options import selectors, subcommand
from voicectl.cli.reports import report_option
from voicectl.errors import InvalidFiles
from voicectl.report.terminal import Style
from voicectl.version import VERSION

if TYPE_CHECKING:
    from voicectl.engine.plan import Drift
    from voicectl.manifest.project import Project
    from voicectl.plan.drift_report import DriftReport
    from voicectl.plan.plan import Selectors

FAIL_ON = ("changed", "missing", "failed", "taken_down", "orphaned")
"""What counts as drift unless --fail-on says otherwise."""
STATUSES = (*FAIL_ON, "retiring", "not_ready", "consent_expired", "consent_expiring", "unmanaged", "foreign", "pending")


def statuses(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    if value is None:
        return FAIL_ON
    chosen = tuple(part.strip() for part in value.split(",") if part.strip())
    wrong = [status for status in chosen if status not in STATUSES]
    if not chosen:
        raise click.BadParameter("is empty, so nothing would ever count as drift.")
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not one of {', '.join(STATUSES)}.")
    return chosen


@subcommand(name="drift", help="Ask whether the account still is what was last applied. Reads only.")
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["text", "json", "markdown", "junit", "sarif"]),
    default="text",
    help="How to print the report.",
)
@report_option("text", "json", "markdown", "junit", "sarif")
@click.option("--unmanaged", is_flag=True, help="List models that no manifest claims, too: looks at the whole account.")
@click.option("--fail-on", metavar="STATUS,…", callback=statuses, help=f"What ends with 2 ({','.join(FAIL_ON)}).")
@selectors
@click.pass_obj
def command(
    context: Context,
    /,
    fmt: str,
    unmanaged: bool,
    fail_on: tuple[str, ...],
    only: tuple[str, ...],
    exclude: tuple[str, ...],
) -> int:
    from voicectl.plan.plan import Selectors
    from voicectl.report.drift_words import found

    drift = observed(context, unmanaged=unmanaged, selectors=Selectors(only, exclude))
    reports.write(context, lambda fmt: rendered(drift, fmt, fail_on, None))
    printing.out(rendered(drift, fmt, fail_on, context))
    return 2 if found(drift.report, fail_on) else 0


@dataclass(frozen=True, slots=True)
class Observed:
    """A report, with what its renderers need beside it."""

    report: DriftReport
    left_out: int
    project: Project
    heading: str


def observed(context: Context, *, unmanaged: bool, selectors: Selectors) -> Observed:
    """Compare the account with the lockfile. If the manifests are invalid, report that and go on without them."""
    from voicectl.engine.plan import observe_drift
    from voicectl.model.catalog import Catalog
    from voicectl.plan.request import DriftRequest
    from voicectl.report import plan_text
    from voicectl.state.codec import now

    project = wiring.project(context)
    readable = True
    try:
        _, catalog = wiring.load(context, read_samples=False)
    except InvalidFiles as error:
        readable, catalog = False, Catalog(project.catalog, project.environment)
        context.log.problems(error.problems)
        context.log.warning("the manifests are invalid, so this compares lockfile and account only")
    for notice in wiring.speech_notices(catalog, now().date()):
        context.log.warning(f"{notice.message}; {notice.hint}")
    asked = DriftRequest(catalog, now().date(), readable, unmanaged, project.claimed, selectors)
    store, identity = wiring.store(project), wiring.identity(project)

    async def look() -> Drift:
        async with wiring.provider(project, context.log.reading()) as provider:
            return await observe_drift(asked, store, identity, provider)

    answer = wiring.run(look())
    heading = plan_text.heading(project.catalog, project.environment, answer.provider)
    return Observed(answer.report, answer.left_out, project, heading)


def _layered(project: Project) -> tuple[str, ...]:
    """Fields that no single line of a manifest decides, because environment or defaults contribute to them."""
    chosen = project.chosen
    fields = {"tags"} if project.content.defaults.tags or chosen.defaults.tags else set()
    fields |= {"title"} if project.title_suffix else set()
    for override in chosen.voices.values():
        fields |= override.model_fields_set
    return tuple(fields)


def rendered(drift: Observed, fmt: str, fail_on: tuple[str, ...], context: Context | None) -> str:
    """The report in one of its formats; without a context it is for a file, not for this terminal."""
    from voicectl.state.codec import now

    report = drift.report
    match fmt:
        case "json":
            from voicectl.report.document import versioned

            return versioned(report)
        case "markdown":
            from voicectl.report import drift_markdown

            return drift_markdown.render(
                report, drift.heading, fail_on, drift.left_out, layered=_layered(drift.project)
            )
        case "junit":
            from voicectl.report import drift_junit

            return drift_junit.render(report, fail_on, now())
        case "sarif":
            from voicectl.report import drift_sarif

            prefix = wiring.repository_prefix(drift.project.root)
            return drift_sarif.render(report, fail_on, version=VERSION, state=drift.project.state, prefix=prefix)
    from voicectl.report import drift_text

    style = printing.style(context) if context else Style()
    return drift_text.render(report, drift.heading, fail_on, style, drift.left_out)
