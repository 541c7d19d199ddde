"""What stands between a plan and the account: refusals, and a person who says yes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from voicectl import signals
from voicectl.cli import printing
from voicectl.cli.context import Context
from voicectl.errors import NotConfirmed, Refused, counted

if TYPE_CHECKING:
    from voicectl.plan.plan import Plan


def refuse(plan: Plan) -> None:
    """Stop if the plan holds refusals. Raises Refused with all of them in its message."""
    if plan.refusals:
        count = len(plan.refusals)
        reasons = "; ".join(notice.message for notice in plan.refusals)
        raise Refused(
            f"refused for {counted(count, 'reason')}, nothing was changed: {reasons}",
            plan.refusals[0].hint if count == 1 else "each is shown with the plan; --exclude NAME leaves a voice out",
        )


def ask(plan: Plan, context: Context, *, yes: bool, shown: bool, word: str, answer: str) -> None:
    """Have a person confirm a plan that changes anything, by typing `answer`, if the plan was `shown`.

    Raises NotConfirmed.
    """
    from voicectl.report import plan_text

    if yes or not changes_account(plan):
        return
    flag = "--yes" if answer == "yes" else f"--confirm {answer}"
    if not shown:
        raise NotConfirmed("with --format json nobody sees the plan before it is applied", f"add {flag}")
    if not sys.stdin.isatty() or printing.in_ci():
        raise NotConfirmed("nobody is here to confirm, so nothing was changed", f"add {flag}")
    if not sys.stdout.isatty():
        context.log.note(plan_text.totals(plan, printing.style(context, sys.stderr)), ours=True)
    context.log.question(f"{word.capitalize()}? Type '{answer}' to go on")
    if _typed() != answer:
        raise NotConfirmed("not confirmed, nothing was changed", f"only '{answer}' goes on")


def agree(what: str, yes: bool, context: Context) -> None:
    """Have a person agree to something other than a plan. Raises NotConfirmed."""
    if yes:
        return
    if not sys.stdin.isatty() or printing.in_ci():
        raise NotConfirmed(f"{what}: nobody is here to confirm", "add --yes")
    context.log.question(f"{what}. Type 'yes' to go on")
    if sys.stdin.readline().strip() != "yes":
        raise NotConfirmed("not confirmed, nothing was changed", "only 'yes' goes on")


def changes_account(plan: Plan) -> bool:
    """Whether the plan does more than refresh the lockfile: it changes the account, or tries a change once more."""
    from voicectl.plan.plan import Action

    return bool(plan.blocked) or any(change.action is not Action.REFRESH or change.adopted for change in plan.changes)


def _typed() -> str:
    """A line from the terminal. A signal ends the run at once, although an event loop surrounds this."""
    with signals.heard_by(None):
        signals.check()  # for a signal that came while the plan was made
        return sys.stdin.readline().strip()
