"""`voicectl pull`."""

from __future__ import annotations

import click

from voicectl.cli.context import Context
from voicectl.cli.options import selectors, subcommand


@subcommand(name="pull", help="Write what was changed in the account into the manifests and the lockfile.")
@click.option("--dry-run", is_flag=True, help="Show the difference, and write nothing.")
@selectors
@click.pass_obj
def command(context: Context, /, dry_run: bool, only: tuple[str, ...], exclude: tuple[str, ...]) -> int:
    from voicectl.cli import pulling
    from voicectl.plan.plan import Selectors

    pulling.run(context, Selectors(only, exclude), dry_run=dry_run)
    return 0
