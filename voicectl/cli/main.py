"""The `voicectl` group: lists its commands without importing them, and turns errors into exit codes."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from itertools import pairwise

import click

from voicectl.cli.log import Log, wanted_format
from voicectl.cli.options import global_options
from voicectl.cli.settings import Globals, PrintingFailed
from voicectl.errors import UsageError, VoicectlError
from voicectl.version import VERSION

INTERRUPTED = 130
COMPLETE = "_VOICECTL_COMPLETE"
"""The variable by which the completion scripts ask, as click names it."""

SECTIONS: dict[str, dict[str, str]] = {
    "Daily": {
        "init": "Write a project that validates, with the emulator as provider.",
        "validate": "Check manifests and samples, offline.",
        "plan": "Show what apply would do.",
        "show-plan": "Print a saved plan.",
        "apply": "Plan, ask, apply, verify, save.",
        "list": "List the catalog.",
        "show": "Show one voice with its generations.",
        "output": "Print name to id for applications, from the lockfile alone.",
    },
    "Audit": {"drift": "Audit the account against the lockfile."},
    "Adopt": {
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
        "emulator": "Serve the provider's API on this machine.",
        "schema": "Print a JSON Schema of one of the formats.",
        "completion": "Print a shell completion script.",
    },
}


class Commands(click.Group):
    """A group whose commands are modules beside this one, imported when they are run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the help."""
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"voicectl.cli.{cmd_name.replace('-', '_')}_command")
        command: click.Command = module.command
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
    ctx.ensure_object(Globals).command = ctx.invoked_subcommand or ""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. Errors are told here and nowhere else."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    _open_streams()
    settings = Globals(_choose_log, log_format=wanted_format(args, os.environ.get("VOICECTL_LOG_FORMAT")))
    if settings.log_format == "json":
        _ = settings.log  # from here on nothing else reaches standard error, usage errors among it
    code = 1
    if COMPLETE in os.environ:
        from voicectl.cli import completing

        completing.register()
    try:
        code = _run(args, settings)
    except KeyboardInterrupt:
        code = INTERRUPTED  # once more, while the first was told: it leaves at once
    finally:
        settings.end(code)
    return code


def _choose_log(settings: Globals) -> Log:
    """The log that the command line and the environment ask for."""
    if settings.log_format == "json":
        from voicectl.cli.json_log import JsonLog

        return JsonLog(settings)
    from voicectl.cli.ci_log import recognised
    from voicectl.cli.text_log import TextLog

    return TextLog(settings, recognised(settings))


def _run(args: Sequence[str], settings: Globals) -> int:
    try:
        result = cli.main(list(args), prog_name="voicectl", standalone_mode=False, obj=settings)
        return result if isinstance(result, int) else 0
    except VoicectlError as error:
        return _fail(error, args, settings)
    except click.ClickException as error:
        hint = ""
        if isinstance(error, click.UsageError) and error.ctx is not None:
            hint = f"see `{error.ctx.command_path} --help`"
        return _fail(UsageError(" ".join(error.format_message().split()), hint), args, settings)
    except (click.Abort, KeyboardInterrupt):
        from voicectl.errors import Interrupted

        return _fail(Interrupted("interrupted"), args, settings)
    except BrokenPipeError:
        # The reader went away (`voicectl list | head`): nobody is left to tell.
        _discard_output()
        return 1
    except PrintingFailed as error:
        _discard_output()
        return _fail(VoicectlError(f"the output can't be written: {error}", "is the disk full?"), args, settings)
    except Exception as error:
        # The last line of defence: a user is owed a sentence, and -vv gives the rest.
        if settings.verbose > 1 and settings.log_format == "text":
            import traceback

            from voicectl.cli import printing

            printing.err(traceback.format_exc())
            return 1
        text = f"internal error: {type(error).__name__}: {error}"
        told = VoicectlError(text, "this is a bug in voicectl; -vv shows more for a report")
        told.__cause__ = error
        return _fail(told, args, settings)


def _open_streams() -> None:
    """Names in any script must not end a run, whatever the terminal's encoding."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller: `voicectl plan >&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="replace")


def _discard_output() -> None:
    """Whatever is still to be written goes nowhere, so that leaving does not fail a second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(error: VoicectlError, args: Sequence[str], settings: Globals) -> int:
    """Tell an error: on standard error, and as the JSON document where standard output belongs to a machine."""
    if _wants_machine(args):
        from voicectl.cli import printing
        from voicectl.report import error_report

        printing.out(error_report.error(error))
    if settings.reports:
        from voicectl.cli import reports

        reports.write_failure(settings, error)
    settings.log.failure(error)
    return error.exit_code


def _wants_machine(args: Sequence[str]) -> bool:
    """Whether standard output belongs to a machine, told from the raw words: parsing may have failed."""
    joined = [b for a, b in pairwise(args) if a == "--format"]
    joined += [a.removeprefix("--format=") for a in args if a.startswith("--format=")]
    return bool(joined) and joined[-1] == "json"


def entry() -> None:
    """The console script."""
    # A run makes many values that live to its end: looking for cycles among them again and again costs
    # a third of a large plan's time and frees nothing.
    gc.set_threshold(100_000, 50, 100)
    # What CI sends ends a run as Ctrl-C does, wherever it is.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = main()
    except KeyboardInterrupt:
        code = INTERRUPTED
    # From here on nothing is left to be interrupted, and a signal would only change the exit code.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(code)
