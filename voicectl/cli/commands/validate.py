"""`voicectl validate`."""

from __future__ import annotations

import click

from voicectl.cli.context import Context
from voicectl.cli.options import subcommand


@subcommand(name="validate", help="Check manifests and samples, offline. Reports every problem.")
@click.option(
    "--format", "fmt", type=click.Choice(["text", "json", "github"]), default="text", help="How to print problems."
)
@click.pass_obj
def command(context: Context, fmt: str) -> int:
    from dataclasses import replace
    from datetime import UTC, datetime

    from voicectl.cli import printing, wiring
    from voicectl.errors import InvalidFiles
    from voicectl.manifest.project import find_project
    from voicectl.plan.rules import findings
    from voicectl.report import files_text

    prefix = wiring.repository_prefix(find_project(chdir=context.chdir))
    try:
        _, catalog = wiring.load(context)
        found = findings(catalog, datetime.now(UTC).date())
        if any(problem.level == "error" for problem in found):
            raise InvalidFiles(found)
        catalog = replace(catalog, warnings=found)
    except InvalidFiles as error:
        if fmt == "github":
            printing.out(files_text.github(error.problems, prefix))
            context.log.annotated(error.problems)
        raise
    if fmt == "github":
        printing.out(files_text.github(catalog.warnings, prefix))
    elif fmt == "json":
        printing.out(files_text.valid_json(catalog))
    else:
        context.log.problems(catalog.warnings)
        printing.out(files_text.valid_text(catalog))
    return 0
