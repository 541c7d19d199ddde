"""What `drift` does: from options to a report, and from a report to text."""

from __future__ import annotations

from dataclasses import dataclass

from voicectl.cli import printing, running, wiring
from voicectl.cli.context import Context
from voicectl.engine.audit import Answer, Question, audit_account
from voicectl.errors import InvalidFiles
from voicectl.manifest.project import Project
from voicectl.model.catalog import Catalog
from voicectl.plan.drift import DriftReport
from voicectl.plan.plan import Selectors
from voicectl.report import plan_text
from voicectl.report.style import Style
from voicectl.state.codec import now
from voicectl.version import VERSION


@dataclass(frozen=True, slots=True)
class Audited:
    """A report, with what its renderers need beside it."""

    report: DriftReport
    left_out: int
    project: Project
    heading: str


def audit(context: Context, *, unmanaged: bool, selectors: Selectors) -> Audited:
    """Audit the account. Manifests that are invalid are told, and left out of it."""
    project = wiring.project(context)
    readable = True
    try:
        _, catalog = wiring.load(context, read_samples=False)
    except InvalidFiles as error:
        readable, catalog = False, Catalog(project.catalog, project.environment)
        context.log.problems(error.problems)
        context.log.warning("the manifests are invalid and left out: lockfile and account alone are compared")
    question = Question(catalog, now().date(), readable, unmanaged, project.claimed, selectors)
    store, identity = wiring.store(project), wiring.identity(project)

    async def run() -> Answer:
        async with wiring.provider(project, context.log.reading()) as provider:
            return await audit_account(question, store, identity, provider)

    answer = running.run(run())
    heading = plan_text.heading(project.catalog, project.environment, answer.provider)
    return Audited(answer.report, answer.left_out, project, heading)


def _layered(project: Project) -> tuple[str, ...]:
    """Fields that a line in a manifest alone does not decide: environment or defaults have a part in them."""
    chosen = project.chosen
    fields = {"tags"} if project.content.defaults.tags or chosen.defaults.tags else set()
    fields |= {"title"} if project.title_suffix else set()
    for override in chosen.voices.values():
        fields |= override.model_fields_set
    return tuple(fields)


def rendered(audited: Audited, fmt: str, fail_on: tuple[str, ...], context: Context | None) -> str:
    """The report in one of its formats; without a context it is for a file, not for this terminal."""
    report = audited.report
    match fmt:
        case "json":
            from voicectl.report.document import as_json, document

            values = as_json(report)
            return document({"format_version": values.pop("format_version"), **values})
        case "markdown":
            from voicectl.report import drift_markdown

            return drift_markdown.render(
                report, audited.heading, fail_on, audited.left_out, layered=_layered(audited.project)
            )
        case "junit":
            from voicectl.report import drift_junit

            return drift_junit.render(report, fail_on, now())
        case "sarif":
            from voicectl.report import drift_sarif

            prefix = wiring.repository_prefix(audited.project.root)
            return drift_sarif.render(report, fail_on, version=VERSION, state=audited.project.state, prefix=prefix)
    from voicectl.report import drift_text

    style = printing.style(context) if context else Style()
    return drift_text.render(report, audited.heading, fail_on, style, audited.left_out)
