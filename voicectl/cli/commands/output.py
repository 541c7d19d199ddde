"""`voicectl output`."""

from __future__ import annotations

import click

from voicectl.cli.context import Context
from voicectl.cli.options import subcommand


@subcommand(name="output", help="Print name to id for applications, from the lockfile alone.")
@click.option("--format", "fmt", type=click.Choice(["env", "json", "yaml"]), default="env", help="How to print it.")
@click.option("--prefix", default="VOICE_", metavar="P", show_default=True, help="For names of variables.")
@click.pass_obj
def command(context: Context, fmt: str, prefix: str) -> int:
    import re

    from voicectl.cli import printing, wiring
    from voicectl.errors import Refused, StateError, UsageError
    from voicectl.report import catalog_report

    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*|", prefix):
        raise UsageError(f"--prefix {prefix!r} can't begin the name of a variable", "use letters, digits and _")
    store = wiring.store(wiring.project(context))
    lock, _ = store.load()
    if lock is None:
        raise StateError(f"there is no {store.location} yet", "run `voicectl apply` first")
    found, left_out = catalog_report.ids(lock)
    for name in left_out:
        context.log.warning(f"{name} is left out: its model is {lock.voices[name].state}")
    if fmt == "env":
        names = [catalog_report.variable(name, prefix) for name in found]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Refused(f"several voices would be {', '.join(twice)}", "use --format json")
    printing.out(catalog_report.output(found, fmt, prefix))
    return 0
