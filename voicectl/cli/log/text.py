"""Standard error for people: sentences of a line or two, and what the CI shows in addition."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager

import click

from voicectl.cli import printing
from voicectl.cli.context import Context
from voicectl.cli.log.ci import Ci
from voicectl.engine.events import Listener
from voicectl.errors import InvalidFiles, Problem, VoicectlError
from voicectl.model.catalog import Catalog
from voicectl.plan.plan import ApplyResult, Plan
from voicectl.redaction import redacted
from voicectl.report.escape import terminal


class TextLog:
    """Implements Log."""

    def __init__(self, context: Context, ci: Ci) -> None:
        self._context = context
        self._ci = ci

    def about(self, catalog: str, environment: str | None) -> None:
        """Nothing: people see it with the plan."""

    def note(self, text: str, *, ours: bool = False) -> None:
        printing.err(text if ours else terminal(text))

    def warning(self, text: str) -> None:
        printing.err(f"warning: {terminal(text)}")

    def question(self, text: str) -> None:
        """Ask; the cursor stays behind the question."""
        click.echo(redacted(f"{text}: "), nl=False, err=True)

    def problems(self, found: Iterable[Problem]) -> None:
        """Problems, one a line."""
        problems = tuple(found)
        paint = printing.style(self._context, sys.stderr)
        for problem in problems:
            if problem.level == "warning" and self._context.quiet:
                continue
            word = paint.paint("warning: ", "yellow") if problem.level == "warning" else ""
            hint = f"; {terminal(problem.hint)}" if problem.hint else ""
            printing.err(f"{terminal(str(problem.place))}: {word}{terminal(problem.message)}{hint}")
        self._ci.problems(problems)

    def annotated(self, found: Iterable[Problem]) -> None:
        self._ci.annotated(found)

    def plan(self, plan: Plan, catalog: Catalog) -> None:
        self._ci.plan(plan, catalog)

    def applied(self, applied: ApplyResult, catalog: Catalog) -> None:
        self._ci.applied(applied, catalog)

    def failure(self, error: VoicectlError) -> None:
        """A sentence, and what to do next."""
        if isinstance(error, InvalidFiles):
            self.problems(error.problems)
        paint = printing.style(self._context, sys.stderr)
        printing.err(f"{paint.paint('error:', 'red', 'bold')} {terminal(error.message)}")
        if error.hint:
            printing.err(f"  {terminal(error.hint)}")
        self._ci.failure(error)

    def progress(self) -> AbstractContextManager[Listener]:
        from voicectl.cli.log.progress import progress

        return progress(self._context, self._ci)

    def reading(self) -> Listener:
        from voicectl.cli.log.progress import quiet_listener

        return quiet_listener(self._context)

    def end(self, exit_code: int) -> None:
        self._ci.end()
