"""`voicectl doctor`."""

from __future__ import annotations

import click

from voicectl.cli.options import subcommand
from voicectl.cli.settings import Globals


@subcommand(name="doctor", help="Check versions, project, key, endpoint, account and state; say what to do.")
@click.pass_obj
def command(settings: Globals) -> int:
    from voicectl.cli import printing, running
    from voicectl.cli.checkup import checkup
    from voicectl.report.escape import terminal

    paint = printing.style(settings)
    failed = 0
    for finding in running.run(checkup(settings)):
        sign = {"ok": paint.paint("✓", "green"), "warning": paint.paint("!", "yellow")}.get(
            finding.level, paint.paint("✗", "red")
        )
        failed += finding.level == "error"
        printing.out(f"{sign} {finding.subject:<10} {terminal(finding.message)}\n")
        if finding.hint:
            printing.out(f"             {terminal(finding.hint)}\n")
    return 1 if failed else 0
