"""`voicectl destroy`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from voicectl.cli.context import Context
from voicectl.cli.options import lock_timeout_option, selectors, subcommand


@subcommand(name="destroy", help="Delete the catalog's models, retired ones too. Protection holds.")
@click.option("--confirm", metavar="CATALOG", help="The catalog's name, with its environment: acme.staging.")
@lock_timeout_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text", help="How to print the result.")
@selectors
@click.pass_obj
def command(context: Context, /, confirm: str | None, lock_timeout: float, fmt: str, **options: Any) -> int:
    from voicectl.cli import wiring
    from voicectl.cli.applying import Choices, apply_plan
    from voicectl.cli.planning import wishes
    from voicectl.errors import NotConfirmed

    project = wiring.located(context)
    if confirm is not None and confirm != project.namespace:
        raise NotConfirmed(
            f"--confirm says {confirm}, but this is {project.namespace}: nothing was changed",
            f"if you mean it, add --confirm {project.namespace}",
        )
    choices = Choices(
        yes=confirm is not None,
        wait=0,
        lock_timeout=lock_timeout,
        fmt=fmt,
        command="voicectl destroy",
        word="destroy",
        answer=project.namespace,
    )
    return apply_plan(context, choices, partial(wishes, options, destroy=True))
