"""`voicectl apply`."""

from __future__ import annotations

from typing import Any

import click

from voicectl.cli.options import Globals, plan_options, subcommand


@subcommand(name="apply", help="Plan, ask, apply, verify, save.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--wait", type=click.FloatRange(min=0), default=300, metavar="SECONDS", help="For training.")
@click.option("--lock-timeout", type=click.FloatRange(min=0), default=0, metavar="SECONDS", help="For another run.")
@click.option("--retry-failed", is_flag=True, help="Replace models whose training failed.")
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text", help="How to print the result.")
@plan_options
@click.pass_obj
def command(
    settings: Globals, /, fmt: str, yes: bool, wait: float, lock_timeout: float, retry_failed: bool, **options: Any
) -> int:
    from voicectl.cli import printing, wiring
    from voicectl.cli.applying import Choices, apply_plan
    from voicectl.cli.planning import limits_of

    project, catalog = wiring.load(settings, limits=limits_of(options))
    printing.problems(catalog.warnings, settings)
    choices = Choices(yes=yes, wait=wait, lock_timeout=lock_timeout, fmt=fmt, command="voicectl apply")
    return apply_plan(project, catalog, wiring.wishes(options, retry_failed=retry_failed), choices, settings)
