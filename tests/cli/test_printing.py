"""Where there is colour, how wide lines are, and what counts as a CI."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.conftest import Terminal
from voicectl.cli.context import Context
from voicectl.cli.log.port import wanted_format
from voicectl.cli.printing import CI_VARIABLES, in_ci, style


def context(**values: Any) -> Context:
    return Context(lambda _: pytest.fail("no log is needed"), **values)


@pytest.mark.parametrize(
    ("stream", "no_color", "variable", "colour"),
    [
        (Terminal(), False, "", True),
        (Terminal(), True, "", False),
        # Whatever it says (no-color.org).
        (Terminal(), False, "0", False),
        (io.StringIO(), False, "", False),
    ],
)
def test_colour_is_for_terminals_unless_somebody_said_no(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, no_color: bool, variable: str, colour: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", variable)
    assert style(context(no_color=no_color), stream).colour == colour


@pytest.mark.parametrize(
    ("columns", "expected"), [("80", 80), ("", None), ("0", None), ("wide", None), ("-5", None), ("12345", None)]
)
def test_lines_stay_whole_where_nobody_knows_a_width(
    monkeypatch: pytest.MonkeyPatch, columns: str, expected: int | None
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert style(context(), io.StringIO()).columns == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("1", True), ("yes", True), ("", False), ("0", False), ("False", False)]
)
@pytest.mark.parametrize("variable", CI_VARIABLES)
def test_a_ci_is_where_a_variable_says_so(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: bool
) -> None:
    for name in CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert not in_ci()
    monkeypatch.setenv(variable, value)
    assert in_ci() == expected


@pytest.mark.parametrize(
    ("words", "environ", "expected"),
    [
        ([], None, "text"),
        ([], "json", "json"),
        (["plan", "--log-format", "json"], None, "json"),
        (["--log-format=json", "plan"], "text", "json"),
        # The last one counts, as click has it, and the command line goes before the environment.
        (["--log-format", "json", "plan", "--log-format=text"], "json", "text"),
        # What click will refuse is told as text; what follows `--` is no option.
        (["--log-format"], None, "text"),
        (["--log-format", "xml"], None, "text"),
        (["say", "--", "--log-format", "json"], None, "text"),
    ],
)
def test_the_format_of_the_log_is_known_before_the_words_are_parsed(
    words: list[str], environ: str | None, expected: str
) -> None:
    assert wanted_format(words, environ) == expected
