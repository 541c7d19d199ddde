"""Options that commands share. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


from voicectl.cli.context import Context

F = TypeVar("F", bound=Callable[..., Any])


def voice_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """For completion: the project's voices."""
    from voicectl.cli import completion

    return sorted(name for name in completion.voices(ctx) if name.startswith(incomplete))


def environment_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """For completion: the project's environments."""
    from voicectl.cli import completion

    return sorted(name for name in completion.environments(ctx) if name.startswith(incomplete))


def directories(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """For completion: directories, which the shell itself finds."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="dir")]


def global_options(*, root: bool = False, environment: bool = True) -> Callable[[F], F]:
    """The global options. Only those of the group read the environment, so that the command line wins.

    A command with an `--env` of its own goes without the global one.
    """

    def env(name: str) -> str | None:
        return name if root else None

    def keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value in (None, False, 0):
            return
        context = ctx.find_root().ensure_object(Context)
        name = param.name or ""
        setattr(context, name, context.verbose + value if name == "verbose" else value)

    kept: dict[str, Any] = {"expose_value": False, "callback": keep}
    options = [
        click.option(
            "-C", "--chdir", "chdir", type=click.Path(path_type=Path), metavar="DIR", envvar=env("VOICECTL_CHDIR"),
            help="Work in this project directory.", shell_complete=directories, **kept,
        ),
        click.option(
            "-e", "--env", "environment", metavar="NAME", envvar=env("VOICECTL_ENV"),
            help="The environment, if the project has any.", shell_complete=environment_names, **kept,
        ),
        click.option(
            "-v", "--verbose", count=True, envvar=env("VOICECTL_VERBOSE"), help="Say more; repeatable.", **kept
        ),
        click.option(
            "-q", "--quiet", is_flag=True, envvar=env("VOICECTL_QUIET"), help="Say results and errors only.", **kept
        ),
        click.option(
            "--no-color", is_flag=True, envvar=env("VOICECTL_NO_COLOR"), help="No colours (also: NO_COLOR).", **kept
        ),
        click.option(
            # This only checks it: `wanted_format` read it from the raw words before anything could go wrong.
            "--log-format", type=click.Choice(["text", "json"]), envvar=env("VOICECTL_LOG_FORMAT"),
            help="How to write standard error.", expose_value=False,
        ),
    ]  # fmt: skip

    if not environment:
        del options[1]

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def limit(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Check a limit: a number, or a share of the catalog."""
    if value is None:
        return None
    from voicectl.model.catalog import Limit

    try:
        return str(Limit.parse(value))
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


def plan_options(function: F) -> F:
    """Limits and selectors, the same on every command that plans."""
    options = [
        click.option("--max-deletes", metavar="N|P%", callback=limit, help="Voices that may be retired or deleted."),
        click.option("--max-replaces", metavar="N|P%", callback=limit, help="Voices that may be replaced."),
        click.option(
            "--on-drift", type=click.Choice(["overwrite", "keep", "fail"]), help="What to do about changes by hand."
        ),
        click.option(
            "--on-conflict",
            type=click.Choice(["fail", "overwrite", "keep"]),
            help="What to do about values that both sides changed.",
        ),
        click.option("--recreate-missing", is_flag=True, help="Make recorded models again, however many are gone."),
    ]
    for option in reversed(options):
        function = option(function)
    return selectors(function)


LONGEST = 7 * 24 * 3600
"""Seconds: a week. Whoever means "for ever" learns that nothing here waits so long."""


def _seconds(ctx: click.Context, param: click.Parameter, value: float) -> float:
    if not 0 <= value <= LONGEST:  # nan fails, too
        raise click.BadParameter(f"{value:g} is not a number of seconds from 0 to {LONGEST} (a week).")
    return value


def seconds(name: str, *, default: float, help: str) -> Callable[[F], F]:
    """An option that is a time in seconds."""
    return click.option(
        name, type=float, callback=_seconds, default=default, metavar="SECONDS", show_default=True, help=help
    )


plan_format = click.option(
    "--format", "fmt", type=click.Choice(["text", "json", "markdown"]), default="text", help="How to print the plan."
)
max_bytes_option = click.option(
    "--max-bytes",
    type=click.IntRange(min=1000),
    default=60_000,
    show_default=True,
    metavar="N",
    help="The largest Markdown, in bytes.",
)
lock_timeout_option = seconds("--lock-timeout", default=0, help="How long to wait for another run.")


def selectors(function: F) -> F:
    """`--only` and `--exclude`."""
    every: dict[str, Any] = {"multiple": True, "metavar": "PATTERN", "shell_complete": voice_names}
    only = click.option("--only", help="Only voices by name, glob or tag:x.", **every)
    exclude = click.option("--exclude", help="All but these voices.", **every)
    return only(exclude(function))


def subcommand(**options: Any) -> Callable[[Callable[..., int | None]], click.Command]:
    """A command with the global options. Its function returns the exit code, None for 0."""

    def decorate(function: Callable[..., int | None]) -> click.Command:
        made: click.Command = click.command(**options)(global_options()(function))
        return made

    return decorate
