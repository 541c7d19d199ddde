"""`voicectl drift`."""

from __future__ import annotations

import click

from voicectl.cli.context import Context
from voicectl.cli.options import selectors, subcommand
from voicectl.cli.reports import report_option

FAIL_ON = ("changed", "missing", "failed", "taken_down", "orphaned")
"""What counts as drift unless --fail-on says otherwise."""
STATUSES = (*FAIL_ON, "retiring", "not_ready", "consent_expired", "unmanaged", "foreign", "pending")


def _statuses(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    if value is None:
        return FAIL_ON
    chosen = tuple(part.strip() for part in value.split(",") if part.strip())
    wrong = [status for status in chosen if status not in STATUSES]
    if not chosen:
        raise click.BadParameter("is empty: nothing would ever count as drift.")
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not one of {', '.join(STATUSES)}.")
    return chosen


@subcommand(name="drift", help="Audit the account against the lockfile. Reads only.")
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["text", "json", "markdown", "junit", "sarif"]),
    default="text",
    help="How to print the report.",
)
@report_option("text", "json", "markdown", "junit", "sarif")
@click.option("--unmanaged", is_flag=True, help="List models that no manifest claims, too: looks at the whole account.")
@click.option("--fail-on", metavar="STATUS,…", callback=_statuses, help=f"What ends with 2 ({','.join(FAIL_ON)}).")
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
    from voicectl.cli import auditing, printing, reports
    from voicectl.plan.plan import Selectors
    from voicectl.report.drift_words import found

    audited = auditing.audit(context, unmanaged=unmanaged, selectors=Selectors(only, exclude))
    reports.write(context, lambda fmt: auditing.rendered(audited, fmt, fail_on, None))
    printing.out(auditing.rendered(audited, fmt, fail_on, context))
    return 2 if found(audited.report, fail_on) else 0
