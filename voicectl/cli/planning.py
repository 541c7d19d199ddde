"""What the planning commands share: from options to a plan, and the question before an apply."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from voicectl import signals
from voicectl.cli import earlier_lockfiles, printing, wiring
from voicectl.cli.context import Context
from voicectl.engine.events import Listener, silent
from voicectl.engine.plan import Prepared, Wishes, prepare
from voicectl.errors import NotConfirmed, Refused
from voicectl.manifest.project import Project
from voicectl.model.catalog import Catalog
from voicectl.plan.plan import Action, Plan, Selectors
from voicectl.report import plan_text
from voicectl.report.style import Style
from voicectl.state.codec import now
from voicectl.version import VERSION

LIMITS = ("max_deletes", "max_replaces", "on_drift", "on_conflict")


def limits_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The limits among a command's options."""
    return {name: options.get(name) for name in LIMITS}


def wishes(options: dict[str, Any], **more: Any) -> Wishes:
    """What the command line asks of a plan."""
    return Wishes(
        now=now(),
        version=VERSION,
        selectors=Selectors(tuple(options.get("only", ())), tuple(options.get("exclude", ()))),
        recreate_missing=bool(options.get("recreate_missing")),
        **more,
    )


async def plan_only(
    project: Project, catalog: Catalog, wishes: Wishes, *, offline: bool, listener: Listener = silent
) -> Prepared:
    """A plan, with GET requests only, or none at all offline."""
    store, identity = wiring.store(project), wiring.identity(project)
    wishes = replace(wishes, notices=earlier_lockfiles.notices(project))
    if offline:
        return await prepare(catalog, store, identity, None, wishes)
    async with wiring.provider(project, listener) as provider:
        return await prepare(catalog, store, identity, provider, wishes)


def rendered(plan: Plan, fmt: str, context: Context | None, *, unchanged: Iterable[str] = (), max_bytes: int) -> str:
    """A plan in one of its formats; without a context it is for a file, not for this terminal."""
    if fmt == "json":
        from voicectl.report import plan_json

        return plan_json.plan(plan)
    if fmt == "markdown":
        from voicectl.report import plan_markdown

        return plan_markdown.render(plan, max_bytes, unchanged)
    return plan_text.render(plan, printing.style(context) if context else Style(), unchanged)


def unchanged_names(prepared: Prepared) -> tuple[str, ...]:
    """The voices that a plan leaves alone."""
    changed = {change.name for change in prepared.planned.plan.changes}
    return tuple(sorted(prepared.sides.catalog.voices.keys() - changed))


def refuse(plan: Plan) -> None:
    """Stop where the plan holds refusals. Raises Refused with all of them in its message."""
    if plan.refusals:
        count = len(plan.refusals)
        reasons = "; ".join(notice.message for notice in plan.refusals)
        raise Refused(
            f"refused for {count} reason{'s' if count > 1 else ''}, nothing was changed: {reasons}",
            plan.refusals[0].hint if count == 1 else "each is shown with the plan; --exclude NAME leaves a voice out",
        )


def ask(plan: Plan, context: Context, *, yes: bool, shown: bool, word: str, answer: str) -> None:
    """Have a person confirm a plan that changes anything, by typing `answer`, if the plan was `shown`.

    Raises NotConfirmed.
    """
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
    """Have a person agree to something that is no plan. Raises NotConfirmed."""
    if yes:
        return
    if not sys.stdin.isatty() or printing.in_ci():
        raise NotConfirmed(f"{what}: nobody is here to confirm", "add --yes")
    context.log.question(f"{what}. Type 'yes' to go on")
    if sys.stdin.readline().strip() != "yes":
        raise NotConfirmed("not confirmed, nothing was changed", "only 'yes' goes on")


def _typed() -> str:
    """A line from the terminal. A signal ends the run at once, although an event loop is around it."""
    with signals.heard_by(None):
        signals.check()  # it came while the plan was made
        return sys.stdin.readline().strip()


def changes_account(plan: Plan) -> bool:
    """Whether anything but the lockfile changes, or is tried once more."""
    return bool(plan.blocked) or any(change.action is not Action.REFRESH or change.adopted for change in plan.changes)
