"""`voicectl plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from voicectl.cli.context import Globals
from voicectl.cli.options import max_bytes_option, plan_format, plan_options, subcommand
from voicectl.cli.reports import report_option


@subcommand(name="plan", help="Show what apply would do. Reads only.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Save the plan, for `apply FILE`.")
@plan_format
@max_bytes_option
@report_option("text", "json", "markdown")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where there are changes.")
@click.option("--offline", is_flag=True, help="Compare manifests and lockfile only; needs no key.")
@click.option("--show-unchanged", is_flag=True, help="Name the voices without changes too.")
@plan_options
@click.pass_obj
def command(
    settings: Globals,
    /,
    out: Path | None,
    fmt: str,
    max_bytes: int,
    detailed_exitcode: bool,
    offline: bool,
    show_unchanged: bool,
    **options: Any,
) -> int:
    from voicectl.cli import printing, reports, running, wiring
    from voicectl.cli.planning import limits_of, plan_only, rendered, request, unchanged_names

    project, catalog = wiring.load(settings, limits=limits_of(options))
    settings.log.problems(catalog.warnings)
    asked = request(options, project, catalog, offline=offline)
    prepared = running.run(plan_only(project, asked, settings.log.reading()))
    plan = prepared.planned.plan
    if out is not None:
        from voicectl.cli import plan_file
        from voicectl.files import Scratch

        plan_file.write(settings.path(out), plan, Scratch(project.root))
    names = unchanged_names(prepared) if show_unchanged else ()
    reports.write(settings, lambda fmt: rendered(plan, fmt, None, unchanged=names, max_bytes=max_bytes))
    printing.out(rendered(plan, fmt, settings, unchanged=names, max_bytes=max_bytes))
    settings.log.plan(plan, catalog)
    if plan.refusals:
        return 3
    return 2 if detailed_exitcode and not plan.empty else 0
