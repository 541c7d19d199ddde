"""`voicectl plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from voicectl.cli.context import Context
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
    from voicectl.cli import printing, reports, running, wiring
    from voicectl.cli.planning import limits_of, plan_only, rendered, unchanged_names, wishes

    project, catalog = wiring.load(context, limits=limits_of(options))
    context.log.problems(catalog.warnings)
    listener = context.log.reading()
    wished = wishes(options)
    prepared = running.run(plan_only(project, catalog, wished, offline=offline, listener=listener))
    plan = prepared.planned.plan
    if out is not None:
        from voicectl.cli import plan_file
        from voicectl.files import Scratch

        plan_file.write(context.path(out), plan, Scratch(project.root))
    names = unchanged_names(prepared) if show_unchanged else ()
    reports.write(context, lambda fmt: rendered(plan, fmt, None, unchanged=names, max_bytes=max_bytes))
    printing.out(rendered(plan, fmt, context, unchanged=names, max_bytes=max_bytes))
    context.log.plan(plan, catalog)
    if plan.refusals:
        return 3
    return 2 if detailed_exitcode and not plan.empty else 0
