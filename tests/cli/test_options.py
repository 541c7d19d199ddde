"""Options that commands share: what they take, and where the global ones may stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from voicectl.cli.context import Context
from voicectl.cli.options import LONGEST, global_options, plan_options, seconds


def log(context: Context) -> Any:
    raise AssertionError("no test here needs a log")


@click.group()
@global_options(root=True)
def group() -> None:
    """A group as `voicectl` is one."""


@group.command()
@global_options()
@plan_options
@seconds("--wait", default=300, help="How long.")
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:
    context = ctx.find_root().obj
    click.echo(f"{context.environment} {context.verbose} {context.chdir} {context.quiet} {values}")


def run(*words: str, **environ: str) -> Result:
    return CliRunner().invoke(group, words, obj=Context(log), env=environ)


@pytest.mark.parametrize(
    ("words", "environ", "expected"),
    [
        (["-e", "one", "command"], {}, "one 0 None False"),
        (["command", "-e", "one"], {}, "one 0 None False"),
        (["-e", "one", "command", "-e", "two"], {}, "two 0 None False"),
        (["command"], {"VOICECTL_ENV": "three"}, "three 0 None False"),
        (["command", "-e", "one"], {"VOICECTL_ENV": "three"}, "one 0 None False"),
        (["-v", "command", "-v"], {}, "None 2 None False"),
        (["-C", "there", "command", "-q"], {}, f"None 0 {Path('there')} True"),
    ],
)
def test_global_options_stand_before_or_after_the_command_and_go_before_the_environment(
    words: list[str], environ: dict[str, str], expected: str
) -> None:
    assert run(*words, **environ).output.startswith(expected)


@pytest.mark.parametrize(("given", "kept"), [("5", "'5'"), ("30%", "'30%'"), ("0", "'0'"), (" 7 ", "'7'")])
def test_a_limit_is_a_number_or_a_share(given: str, kept: str) -> None:
    assert f"'max_deletes': {kept}" in run("command", "--max-deletes", given).output


@pytest.mark.parametrize("given", ["-1", "1.5", "101%", "half", ""])
def test_anything_else_is_no_limit(given: str) -> None:
    result = run("command", "--max-deletes", given)
    assert result.exit_code == 2
    assert "neither a whole number nor a share" in result.output


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ("0", True),
        ("0.5", True),
        (str(LONGEST), True),
        (str(LONGEST + 1), False),
        ("-1", False),
        ("nan", False),
        ("inf", False),
    ],
)
def test_a_time_is_a_number_of_seconds_up_to_a_week(given: str, fits: bool) -> None:
    result = run("command", "--wait", given)
    assert (result.exit_code == 0) == fits
    assert fits or "is not a number of seconds" in result.output
