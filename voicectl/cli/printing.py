"""What commands print: results to standard output, everything else to standard error."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import IO

import click

from voicectl.cli.context import Context, PrintingFailed
from voicectl.redaction import redacted
from voicectl.report.terminal import Style

CI_VARIABLES = ("CI", "GITHUB_ACTIONS", "GITLAB_CI")


def style(context: Context, stream: IO[str] | None = None) -> Style:
    """Colour on a terminal, unless somebody said no (no-color.org), and lines no wider than it."""
    target = stream or sys.stdout
    colour = target.isatty() and not context.no_color and not os.environ.get("NO_COLOR")
    return Style(colour, _columns(target))


def _columns(stream: IO[str]) -> int | None:
    """The terminal's width, or what COLUMNS says. Elsewhere None: lines stay whole, so that one can search them."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and len(given) < 5 and int(given):
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None if stream.isatty() else None
    except (OSError, ValueError):
        return None


def in_ci() -> bool:
    """Whether a CI runs this: no display, no questions."""
    return any(os.environ.get(name, "").lower() not in ("", "0", "false") for name in CI_VARIABLES)


def out(text: str) -> None:
    """Print a result. Raises PrintingFailed."""
    try:
        click.echo(redacted(text), nl=False, color=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise PrintingFailed(error.strerror or str(error)) from error


def err(text: str) -> None:
    """Print a line for people. If that fails the run goes on: it has more to lose than a line."""
    with contextlib.suppress(OSError):
        click.echo(redacted(text), err=True, color=True)
