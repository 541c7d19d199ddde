"""`--report FORMAT=FILE`: what may be named, and what is there when the command fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from voicectl.cli import reports
from voicectl.cli.context import Context
from voicectl.errors import UsageError


def context(**values: Any) -> Context:
    return Context(lambda _: pytest.fail("no log is needed"), **values)


@click.command()
@reports.report_option("json", "markdown")
@click.pass_context
def command(ctx: click.Context) -> None:
    click.echo(ctx.find_root().obj.reports)


def run(*words: str) -> Result:
    return CliRunner().invoke(command, words, obj=context())


def test_several_files_in_several_formats() -> None:
    named = run("--report", "json=a.json", "--report", "markdown=b=c.md")
    assert named.output == f"{[('json', Path('a.json')), ('markdown', Path('b=c.md'))]}\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["sarif=a"], "is not FORMAT=FILE"),
        (["json"], "is not FORMAT=FILE"),
        (["json="], "is not FORMAT=FILE"),
        (["json=a", "markdown=a"], "named twice"),
        (["json=voices/all.yaml"], "ends like a file of the project"),
        (["json=voicectl.lock.json"], "ends like a file of the project"),
        (["json=samples/a.wav"], "ends like a file of the project"),
    ],
)
def test_what_could_overwrite_the_project_or_another_report_is_refused(given: list[str], said: str) -> None:
    result = run(*(word for value in given for word in ("--report", value)))
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_a_failure_takes_the_place_of_the_reports_that_are_not_written_yet(tmp_path: Path) -> None:
    """Else a report of an earlier run would be taken for this one's."""
    (tmp_path / "b.json").write_text("of an earlier run", encoding="utf-8")
    asked = context(chdir=tmp_path, reports=[("markdown", Path("a.md")), ("json", Path("b.json"))])

    def render(fmt: str) -> str:
        if fmt == "json":
            raise UsageError("it broke")
        return fmt

    with pytest.raises(UsageError) as failed:
        reports.write(asked, render)
    reports.write_failure(asked, failed.value)
    assert (tmp_path / "a.md").read_text(encoding="utf-8") == "markdown"
    assert json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))["error"]["message"] == "it broke"
    assert asked.reports == []


def test_a_report_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is a link"):
        reports.write(context(chdir=tmp_path, reports=[("json", Path("a.json"))]), str)
    assert not (tmp_path / "elsewhere").exists()
