"""`--report FORMAT=FILE`: the same answer in more formats, in files, even if the command fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import click

from voicectl.cli.context import Context
from voicectl.errors import UsageError, VoicectlError
from voicectl.files import read_regular, write_file
from voicectl.redaction import redacted

_PROJECT_FILES = (".yaml", ".yml", ".lock.json", ".wav", ".mp3", ".m4a", ".opus", ".png", ".jpg")
"""No report has such a name, but files of a project have, and must not be overwritten."""

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
_MAX_REPORT = 256 * 1024 * 1024


def report_option(*formats: str) -> Callable[[F], F]:
    """The option, for these formats. The context keeps what it asks for, so that a failure finds it."""

    def keep(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> None:
        context = ctx.find_root().ensure_object(Context)
        for value in values:
            fmt, sign, file = value.partition("=")
            if fmt not in formats or not sign or not file:
                raise click.BadParameter(f"{value!r} is not FORMAT=FILE with a format of {', '.join(formats)}.")
            if file.endswith(_PROJECT_FILES):
                raise click.BadParameter(f"{file!r} ends like a file of the project, which the report would overwrite.")
            if Path(file) in [path for _, path in context.reports]:
                raise click.BadParameter(f"{file!r} is named twice.")
            context.reports.append((fmt, Path(file)))

    return click.option(
        "--report",
        multiple=True,
        metavar="FORMAT=FILE",
        expose_value=False,
        callback=keep,
        help=f"Write the report to a file, too: {', '.join(formats)}.",
    )


def write(context: Context, render: Callable[[str], str]) -> None:
    """Write the reports. Raises UsageError if a file can't be written."""
    while context.reports:
        fmt, path = context.reports[0]
        _write(context.path(path), render(fmt))
        context.reports.pop(0)  # now, so that a failure finds the reports that are not written yet


def read(kind: type[T], path: Path, named: str, command: str) -> T:
    """The report that a command such as `voicectl drift --format json` has written. Raises UsageError.

    `named` is the option that names it, with its value.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        found: T = TypeAdapter(kind).validate_json(read_regular(path, _MAX_REPORT))
    except OSError as error:
        raise UsageError(f"{named} can't be read: {error.strerror or error}", "check the path") from error
    except ValidationError:
        raise UsageError(f"{named} is no report of `{command}`", "make it with that command") from None
    return found


def write_failure(context: Context, error: VoicectlError) -> None:
    """Write the failure in place of each report.

    Readers would take a report of an earlier run for this one's. Raises nothing: there is a failure to report already.
    """
    asked, context.reports = context.reports, []
    for fmt, name in asked:
        with suppress(UsageError, OSError):
            _write(context.path(name), failure_in(fmt, context, error))


def failure_in(fmt: str, context: Context, error: VoicectlError) -> str:
    """A failure in one of the formats of reports."""
    from voicectl.report import failure

    match fmt:
        case "json":
            return failure.as_document(error)
        case "markdown":
            return failure.as_markdown(error, context.command)
        case "junit":
            from voicectl.report import drift_junit
            from voicectl.state.codec import now

            return drift_junit.failure(error, now())
        case "sarif":
            from voicectl.report import sarif
            from voicectl.version import VERSION

            return sarif.failure(error, VERSION, _prefix(context) if error.where else "")
    return failure.as_text(error)


def _prefix(context: Context) -> str:
    from voicectl.cli import wiring
    from voicectl.manifest.project import find_project

    try:
        return wiring.repository_prefix(find_project(chdir=context.chdir))
    except VoicectlError:
        return ""


def _write(path: Path, text: str) -> None:
    if path.is_symlink() and not path.is_relative_to("/dev"):  # such as /dev/stdout
        raise UsageError(f"--report {path} is a link, and one from a checkout may lead anywhere", "delete it")
    try:
        write_file(path, redacted(text).encode())
    except OSError as error:
        raise UsageError(
            f"--report {path} can't be written: {error.strerror or error}", "name a file that can be"
        ) from error
