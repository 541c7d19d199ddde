"""The `voicectl` group: lists its commands without importing them, and turns errors into exit codes."""

from __future__ import annotations

import gc
import importlib
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

import click

from voicectl import signals
from voicectl.cli.context import COMPLETE, Context, PrintingFailed
from voicectl.cli.log.port import Log, wanted_format
from voicectl.cli.options import global_options
from voicectl.errors import Interrupted, UsageError, VoicectlError
from voicectl.version import VERSION

SECTIONS: dict[str, dict[str, str]] = {
    "Daily": {
        "init": "Write a project that validates.",
        "validate": "Check manifests and samples, offline.",
        "plan": "Show what apply would do.",
        "show-plan": "Print a saved plan.",
        "apply": "Plan, ask, apply, verify, save.",
        "list": "List the catalog.",
        "show": "Show one voice with its generations.",
        "output": "Print name to id for applications, from the lockfile alone.",
        "lint": "Tell how the samples sound.",
        "preview": "Write a page to look at and listen to.",
    },
    "Audit": {
        "drift": "Ask whether the account still is what was last applied.",
        "history": "Tell which commit or run applied what, and when.",
        "diff": "Tell what differs between two environments.",
        "fleet": "The same for every project and environment under a directory.",
    },
    "Adopt": {
        "add": "Bring recordings into the project.",
        "import": "Write manifests for existing models.",
        "pull": "Write what was changed in the account into the manifests and the lockfile.",
    },
    "Listen": {
        "say": "Speak with a voice's model.",
        "audition": "Speak with a voice's samples.",
    },
    "Recover": {
        "state": "Recover the lockfile.",
        "destroy": "Delete the catalog's models, retired ones too.",
    },
    "CI": {"ci": "Report to a pull request or an issue, and bring the lockfile into Git."},
    "Setup": {
        "doctor": "Check versions, project, key, endpoint, account and state.",
        "help": "Print a page for readers, or list them all.",
        "emulator": "Serve the provider's API on this machine.",
        "schema": "Print a JSON Schema of one of the formats.",
        "completion": "Print a shell completion script.",
    },
}


ELSEWHERE: dict[str, tuple[str, str]] = {
    "show-plan": ("plan", "show_plan"),
    "destroy": ("apply", "destroy"),
    "list": ("catalog", "list_voices"),
    "show": ("catalog", "show"),
    "output": ("catalog", "output"),
    "say": ("speak", "say"),
    "audition": ("speak", "audition"),
    "import": ("import_", "command"),
}
"""Module and attribute of the commands that are not `command` in the module of their name."""


class Commands(click.Group):
    """A group whose commands live in `commands`. A command's module is imported when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the help."""
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module, attribute = ELSEWHERE.get(cmd_name, (cmd_name, "command"))
        command: click.Command = getattr(importlib.import_module(f"voicectl.cli.commands.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help's list, by section, from the table above."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"voicectl {VERSION}")
        ctx.exit()


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 error, 2 differences, 3 refused, 4 try again, 130 interrupted.",
)
@global_options(root=True)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Keep AI voices in Git: manifests, plan, apply."""
    ctx.ensure_object(Context).command = ctx.invoked_subcommand or ""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. Only this reports errors."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    _open_streams()
    context = Context(_choose_log, log_format=wanted_format(args, os.environ.get("VOICECTL_LOG_FORMAT")))
    if context.log_format == "json":
        _ = context.log  # from here on it alone writes standard error, usage errors too
    code = 1
    try:
        code = _run(args, context)
    except KeyboardInterrupt:
        code = signals.INTERRUPTED
    finally:
        signals.over()
        code = signals.INTERRUPTED if signals.heard() else code
        context.end(code)
    return code


def _choose_log(context: Context) -> Log:
    """The log that the command line and the environment ask for."""
    if context.log_format == "json":
        from voicectl.cli.log.json import JsonLog

        return JsonLog(context)
    from voicectl.cli.log.ci import recognised
    from voicectl.cli.log.text import TextLog

    return TextLog(context, recognised(context))


def _run(args: Sequence[str], context: Context) -> int:
    """Carry out a command line and report what went wrong; the exit code."""
    try:
        with signals.heard_by(None):
            signals.check()
            if COMPLETE in os.environ:
                from voicectl.cli import completion

                completion.register()
            result = cli.main(list(args), prog_name="voicectl", standalone_mode=False, obj=context)
    except BrokenPipeError:
        # The reader went away (`voicectl list | head`), so nobody would read an error.
        _discard_output()
        return 1
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, PrintingFailed):
            _discard_output()
        found = _in_words(error)
        if isinstance(found, _Internal) and context.verbose > 1 and context.log_format == "text":
            import traceback

            from voicectl.cli import printing

            printing.err(traceback.format_exc())
            return 1
        return _fail(found, args, context)
    code = result if isinstance(result, int) else 0
    if signals.heard() and code != signals.INTERRUPTED:
        context.log.failure(Interrupted("interrupted", "it had finished by then: what is above is complete"))
    return code


def _in_words(error: BaseException) -> VoicectlError:
    """Whatever ended a command, as an error that a user can act on."""
    if signals.heard() or isinstance(error, click.Abort | KeyboardInterrupt):
        # Python wraps a KeyboardInterrupt in other errors if it comes during an import.
        return error if isinstance(error, Interrupted) else Interrupted("interrupted")
    if isinstance(error, VoicectlError):
        return error
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, PrintingFailed):
        return VoicectlError(f"the output can't be written: {error}", "is the disk full?")
    return _beyond_us(error) or _internal(error)


def _usage(error: click.ClickException) -> UsageError:
    """What is wrong with the command line, with the nearest word that is right."""
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if ctx is None:
        return UsageError(" ".join(error.format_message().split()))
    hint = f"see `{ctx.command_path} --help`"
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and isinstance(ctx.command, click.Group):
        below = ", ".join(ctx.command.list_commands(ctx))
        return UsageError(f"`{ctx.command_path}` needs one of its commands: {below}", hint)
    message = " ".join(error.format_message().split())
    unknown = re.fullmatch(r"No such command '(.*)'\.", message)
    if unknown and isinstance(ctx.command, click.Group):
        from difflib import get_close_matches

        close = get_close_matches(unknown[1], ctx.command.list_commands(ctx), 1)
        hint = f"did you mean '{close[0]}'?" if close else hint
    if "unexpected extra argument" in message and any("--only" in each.opts for each in ctx.command.params):
        hint = "for one voice, write --only NAME"
    return UsageError(message, hint)


def _beyond_us(error: BaseException) -> VoicectlError | None:
    """The error of a machine that lacks something, or of a file beyond all bounds; None if voicectl is to blame."""
    if isinstance(error, MemoryError):
        return VoicectlError("there is not enough memory", "give it more, or plan a part of the catalog with --only")
    if isinstance(error, RecursionError):
        return VoicectlError(
            "something is nested too deeply to read",
            "look for a file, or an answer of the provider, that nests so deeply",
        )
    if isinstance(error, OSError) and not _here():
        return UsageError("the working directory does not exist any more", "change to a directory that does")
    return None


def _here() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


class _Internal(VoicectlError):
    """A bug."""


def _internal(error: BaseException) -> VoicectlError:
    """The last line of defence: the user gets a sentence, and with -vv the rest."""
    text = f"internal error: {type(error).__name__}: {error}"
    found = _Internal(text, "this is a bug in voicectl; -vv shows more for a report")
    found.__cause__ = error
    return found


def _open_streams() -> None:
    """No name in any script may end a run, whatever the terminal's encoding."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the caller: `voicectl plan >&-`
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif mode == "w" and hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="replace")


def _discard_output() -> None:
    """Send the rest of the output nowhere, so that leaving does not fail a second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(error: VoicectlError, args: Sequence[str], context: Context) -> int:
    """Report an error: on standard error, and on standard output in the format that the command line wants there."""
    fmt = _wanted_format(args)
    # A CI joins the outputs of several commands to a page, so `ci` adds no page of its own.
    if fmt == "json" or (fmt in _PAGES and not context.command.startswith("ci")):
        from voicectl.cli import printing, reports

        printing.out(reports.failure_in(fmt, context, error))
    if context.reports:
        from voicectl.cli import reports

        reports.write_failure(context, error)
    context.log.failure(error)
    return error.exit_code


_PAGES = ("markdown", "junit", "sarif")
"""Formats other than JSON whose readers expect a document even of a failure."""


def _wanted_format(args: Sequence[str]) -> str:
    """What `--format` asks for, read from the raw words, because parsing may have failed."""
    joined = [b for a, b in pairwise(args) if a == "--format"]
    joined += [a.removeprefix("--format=") for a in args if a.startswith("--format=")]
    return joined[-1] if joined else ""


def entry() -> None:
    """What the console script calls once everything is imported."""
    # Most values of a run live until its end. Looking for cycles among them again and again would take a third of
    # a large plan's time and free nothing.
    gc.set_threshold(100_000, 50, 100)
    signals.catch()
    try:
        code = main()
    except KeyboardInterrupt:
        code = signals.INTERRUPTED
    if code == signals.INTERRUPTED:
        # Python would wait for its threads, and one may be reading from a disk that hangs.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)
