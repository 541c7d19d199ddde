"""`voicectl doctor`."""

from __future__ import annotations

from dataclasses import asdict

import click

from voicectl.cli.context import Context
from voicectl.cli.options import subcommand


@subcommand(name="doctor", help="Check versions, project, key, endpoint, account and state; say what to do.")
@click.option("--live", is_flag=True, help="Make one private model, check how the account treats it, and delete it.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text", help="How to print the result.")
@click.pass_obj
def command(context: Context, /, live: bool, yes: bool, fmt: str) -> int:
    if live:
        from voicectl.cli import probing

        return probing.live(context, yes=yes, fmt=fmt)
    from voicectl.cli import printing, running
    from voicectl.cli.checkup import checkup
    from voicectl.report.escape import terminal

    findings = running.run(checkup(context))
    if fmt == "json":
        from voicectl.report.document import document

        printing.out(document({"format_version": "1.0", "findings": [asdict(finding) for finding in findings]}))
        return 1 if any(finding.level == "error" for finding in findings) else 0
    paint = printing.style(context)
    failed = 0
    for finding in findings:
        sign = {"ok": paint.paint("✓", "green"), "warning": paint.paint("!", "yellow")}.get(
            finding.level, paint.paint("✗", "red")
        )
        failed += finding.level == "error"
        printing.out(f"{sign} {finding.subject:<10} {terminal(finding.message)}\n")
        if finding.hint:
            printing.out(f"             {terminal(finding.hint)}\n")
    return 1 if failed else 0
