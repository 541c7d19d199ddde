"""`voicectl diff`: what differs between two environments, beyond suffix and overrides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from voicectl.cli import printing, reports, wiring
from voicectl.cli.context import Context
from voicectl.cli.options import environment_names, global_options
from voicectl.cli.reports import report_option
from voicectl.errors import UsageError
from voicectl.report.terminal import Style

if TYPE_CHECKING:
    from voicectl.manifest.project import Project
    from voicectl.plan.promotion import EnvironmentDiff, Side

_FORMATS = ("text", "json", "markdown")


@click.command(name="diff", help="Tell what differs between two environments, beyond suffix and overrides.")
@click.option(
    "-e",
    "--env",
    "environments",
    multiple=True,
    metavar="NAME",
    shell_complete=environment_names,
    help="One of the two environments; give it twice.",
)
@click.option("--format", "fmt", type=click.Choice(_FORMATS), default="text", help="How to print it.")
@report_option(*_FORMATS)
@global_options(environment=False)
@click.pass_obj
def command(context: Context, /, environments: tuple[str, ...], fmt: str) -> int:
    if len(environments) != 2 or environments[0] == environments[1]:
        raise UsageError("name two environments", "`voicectl diff --env staging --env production`")
    diff = compared(context, *environments)
    reports.write(context, lambda fmt: _rendered(diff, fmt, Style()))
    printing.out(_rendered(diff, fmt, printing.style(context)))
    return 2 if diff.differences else 0


def compared(context: Context, first: str, second: str) -> EnvironmentDiff:
    """Both environments, from manifests and lockfiles alone."""
    from voicectl.plan.promotion import compare_environments

    return compare_environments(_side(context, first), _side(context, second))


def _side(context: Context, environment: str) -> Side:
    from voicectl.engine.plan import load_state
    from voicectl.plan.promotion import Side

    project, catalog = wiring.load(replace(context, environment=environment))
    lock, _ = load_state(wiring.store(project), catalog, wiring.identity(project))
    return Side(environment, catalog, lock, project.title_suffix, _overridden(project))


def _overridden(project: Project) -> dict[str | None, set[str]]:
    chosen = project.chosen
    fields: dict[str | None, set[str]] = {None: set(chosen.defaults.model_fields_set)}
    for name, values in chosen.voices.items():
        fields[name] = set(values.model_fields_set)
    return fields


def _rendered(diff: EnvironmentDiff, fmt: str, style: Style) -> str:
    from voicectl.report import diff_text
    from voicectl.report.document import versioned

    if fmt == "json":
        return versioned(diff)
    return diff_text.render_markdown(diff) if fmt == "markdown" else diff_text.render(diff, style)
