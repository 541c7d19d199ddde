"""`voicectl plan`."""

from __future__ import annotations

from typing import Any

import click

from voicectl.cli.options import Globals, plan_options, subcommand


@subcommand(name="plan", help="Show what apply would do. Reads only.")
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text", help="How to print the plan.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where there are changes.")
@click.option("--offline", is_flag=True, help="Compare manifests and lockfile only; needs no key.")
@click.option("--show-unchanged", is_flag=True, help="Name the voices without changes too.")
@plan_options
@click.pass_obj
def command(
    settings: Globals, /, fmt: str, detailed_exitcode: bool, offline: bool, show_unchanged: bool, **options: Any
) -> int:
    from voicectl.cli import printing, running, wiring
    from voicectl.cli.planning import limits_of, plan_only, unchanged_names, wishes
    from voicectl.cli.progress import quiet_listener
    from voicectl.report import plan_json, plan_text

    project, catalog = wiring.load(settings, limits=limits_of(options))
    printing.problems(catalog.warnings, settings)
    listener = quiet_listener(settings)
    wished = wishes(options)
    prepared = running.run(plan_only(project, catalog, wished, offline=offline, listener=listener))
    plan = prepared.planned.plan
    if fmt == "json":
        printing.out(plan_json.plan(plan))
    else:
        names = unchanged_names(prepared) if show_unchanged else ()
        printing.out(plan_text.render(plan, printing.style(settings), unchanged=names))
    if plan.refusals:
        return 3
    return 2 if detailed_exitcode and not plan.empty else 0
