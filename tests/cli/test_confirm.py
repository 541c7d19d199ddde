"""What stands between a plan and the account."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import Terminal
from tests.report.plans import ADOPT, PLANS, REFRESH, RETIRE, UPDATE, plan
from voicectl.cli.confirm import agree, ask, changes_account, refuse
from voicectl.cli.context import Context
from voicectl.errors import NotConfirmed, Refused
from voicectl.plan.plan import Held, Plan, Refusal


class Questions:
    """A log that only counts questions."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def question(self, text: str) -> None:
        self.asked.append(text)

    def note(self, text: str, *, ours: bool = False) -> None:
        """The plan's totals."""


def asked(made: Plan, **values: Any) -> list[str]:
    log = Questions()
    chosen: Any = log
    usual = {"yes": False, "shown": True, "word": "apply", "answer": "yes"}
    ask(made, Context(lambda _: chosen), **{**usual, **values})
    return log.asked


@pytest.mark.parametrize(
    ("made", "changes"),
    [
        (plan(), False),
        # What only the lockfile lacks is nobody's loss.
        (plan(REFRESH), False),
        (plan(REFRESH, UPDATE), True),
        (plan(RETIRE), True),
        # To take a model over is a decision, though nothing is sent.
        (plan(ADOPT), True),
        (plan(replace(REFRESH, adopted=True)), True),
        (plan(blocked=(Held("a", "visibility", "public", "private", True),)), True),
    ],
)
def test_a_plan_is_confirmed_where_it_does_more_than_bring_the_lockfile_up_to_date(made: Plan, changes: bool) -> None:
    assert changes_account(made) == changes


def test_nothing_is_asked_where_the_answer_was_given_or_there_is_nothing_to_ask() -> None:
    assert asked(plan(UPDATE), yes=True) == []
    assert asked(plan(REFRESH)) == []


@pytest.mark.parametrize(("typed", "agreed"), [("yes\n", True), ("y\n", False), ("", False), ("YES\n", False)])
def test_only_the_whole_answer_goes_on(monkeypatch: pytest.MonkeyPatch, typed: str, agreed: bool) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    if agreed:
        assert asked(plan(UPDATE)) == ["Apply? Type 'yes' to go on"]
    else:
        with pytest.raises(NotConfirmed, match="nothing was changed"):
            asked(plan(UPDATE))


def test_destroy_wants_the_catalogs_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
    with pytest.raises(NotConfirmed) as refused:
        asked(plan(RETIRE), answer="acme")
    assert "acme" in refused.value.hint


@pytest.mark.parametrize(
    ("keyboard", "ci", "shown"),
    [(io.StringIO("yes\n"), "", True), (Terminal("yes\n"), "true", True), (Terminal("yes\n"), "", False)],
    ids=["no terminal", "a CI", "a plan that nobody saw"],
)
def test_where_nobody_can_answer_the_way_out_is_named(
    monkeypatch: pytest.MonkeyPatch, keyboard: io.StringIO, ci: str, shown: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", keyboard)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(NotConfirmed) as refused:
        asked(plan(UPDATE), shown=shown)
    assert refused.value.hint == "add --yes"
    if shown:
        with pytest.raises(NotConfirmed, match="nobody is here"):
            agree("this", False, Context(lambda _: pytest.fail("nobody is asked")))


def test_every_refusal_is_in_the_message_and_one_alone_keeps_its_hint() -> None:
    refuse(PLANS["every-action"])
    with pytest.raises(Refused) as several:
        refuse(PLANS["refused"])
    assert several.value.message.startswith("refused for 2 reasons, nothing was changed: 4 of 9 voices")
    assert "--exclude NAME" in several.value.hint
    with pytest.raises(Refused) as one:
        refuse(plan(refusals=(Refusal("protected", "a is protected", "do this"),)))
    assert one.value.hint == "do this"
