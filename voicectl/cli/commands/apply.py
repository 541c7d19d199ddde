"""`voicectl apply`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from voicectl.cli.context import Context
from voicectl.cli.options import lock_timeout_option, plan_options, seconds, subcommand
from voicectl.cli.reports import report_option


@subcommand(name="apply", help="Plan, ask, apply, verify, save. With FILE, a saved plan, or nothing else.")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--yes", is_flag=True, help="Don't ask.")
@seconds("--wait", default=300, help="How long models may train.")
@lock_timeout_option
@click.option("--retry-failed", is_flag=True, help="Replace models whose training failed.")
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text", help="How to print the result.")
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
    from voicectl.cli.applying import Choices, apply_plan
    from voicectl.cli.planning import limits_of, wishes
    from voicectl.errors import UsageError

    saved = None
    if file is not None:
        from voicectl.cli import plan_file

        if options["only"] or options["exclude"]:
            raise UsageError("a saved plan has its own selectors", "leave --only and --exclude out")
        saved = plan_file.read(context.path(file))
    choices = Choices(
        yes=yes,
        wait=wait,
        lock_timeout=lock_timeout,
        fmt=fmt,
        command=f"voicectl apply {file}" if file else "voicectl apply",
    )
    wish = partial(wishes, options, retry_failed=retry_failed, saved=saved)
    return apply_plan(context, choices, wish, limits_of(options))
