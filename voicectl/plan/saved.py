"""Saved plans: what was reviewed is what is applied, or nothing is. Pure.

A saved plan is untrusted and decides nothing: the plan is made again from the three sides, and this module
says whether it is still the saved one, the part of it that a killed run left, or something else.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from voicectl.errors import TryAgain, VoicectlError, cut
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock
from voicectl.plan.actions import Forget, ForgetVoice, Prune, Resend, Retire, Task
from voicectl.plan.case import RETENTION_OVER
from voicectl.plan.compare import NOT_READ_BACK, digests
from voicectl.plan.plan import Action, Change, Plan

MAX_BYTES = 64 * 1024 * 1024
"""Of a saved plan: some 50,000 changes."""

FORMAT_VERSION = "1.0"
_MOVED = ("drift", "conflict")
_MADE = {"visibility", "cover_image"}
"""What a model may still lack that a killed run has made: it begins private, and its cover's path is not known."""


class PlanInvalid(VoicectlError):
    """The file is no plan, or one that can't be applied here."""

    code = "plan_invalid"


class PlanStale(TryAgain):
    """Something moved since the plan was saved, where it matters."""

    code = "plan_stale"


@dataclass(frozen=True, slots=True, order=True)
class Moved:
    """A voice that is not where the saved plan left it. `side` is what moved."""

    name: str
    side: str


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Plan)


def decode(data: bytes, name: str) -> Plan:
    """Read a saved plan; `name` is how messages call the file. Raises PlanInvalid."""
    from pydantic import ValidationError
    from pydantic_core import from_json

    hint = "make a new one with `voicectl plan --out FILE`"
    try:
        # The version first: of a newer format, the first key that is not known here would be the wrong thing to name.
        version = from_json(data, allow_inf_nan=False)
    except ValueError:
        raise PlanInvalid(f"{name} is not complete JSON", hint) from None
    version = version.get("format_version") if isinstance(version, dict) else None
    if not isinstance(version, str):
        raise PlanInvalid(f"{name} is no saved plan: format_version is missing", hint)
    # Only what looks like a version is called a newer one; any other text makes the file no plan.
    if re.fullmatch(r"[1-9][0-9]{0,5}\.[0-9]{1,6}", version) and version != FORMAT_VERSION:
        raise PlanInvalid(
            f"{name}: format version {version[:20]} is newer than this voicectl knows ({FORMAT_VERSION})",
            "use the voicectl that wrote it, or make a new plan",
        )
    try:
        plan: Plan = _adapter().validate_json(data, strict=True)
    except ValidationError as error:
        # Never the values: the file is untrusted, and may hold what is private.
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = cut(".".join(str(part) for part in first["loc"])) or "the file"
        words = {"missing": "this key is missing", "unexpected_keyword_argument": "unknown key"}
        raise PlanInvalid(
            f"{name}: {where}: {words.get(first['type'], 'this is not what a plan holds')}", hint
        ) from None
    return plan


def check_identity(saved: Plan, lock: Lock) -> None:
    """The plan must be of this catalog, environment, provider and account. Raises PlanInvalid."""
    account = lock.provider.account
    for what, theirs, ours in (
        ("catalog", saved.catalog, lock.catalog),
        ("environment", saved.environment, lock.environment),
        ("provider", saved.provider.name, lock.provider.name),
        ("endpoint", saved.provider.host, lock.provider.host),
        # A side that has seen no model yet knows no account, and contradicts none.
        ("account", saved.provider.account or account, account or saved.provider.account),
    ):
        if theirs != ours:
            raise PlanInvalid(
                f"the saved plan is of {what} {cut(theirs or 'none')}, but this run is of {cut(ours or 'none')}",
                f"correct the {what}, or make a new plan",
            )
    if saved.offline:
        raise PlanInvalid(
            "the saved plan was made offline, so it does not say what the account was like",
            "make one without --offline",
        )


def check_current(saved: Plan, now: Plan, tasks: Sequence[Task], catalog: Catalog, lock: Lock) -> None:
    """The plan made now must be the saved one, or what is left of it. Raises PlanStale, naming voices and sides."""
    moved = sorted({*_moved(saved, tasks, catalog), *_refused_since(saved, now, catalog, lock)})
    if moved:
        names = "; ".join(f"{one.name} ({one.side})" for one in moved[:20])
        more = f" and {len(moved) - 20} more" if len(moved) > 20 else ""
        raise PlanStale(
            f"the saved plan is stale, these moved since it was made: {names}{more}",
            "make a new plan and have it reviewed; limits such as --on-drift must be those of the plan",
        )


def listed(saved: Plan, retries: Iterable[Resend]) -> tuple[Resend, ...]:
    """The blocked values that a saved plan lists, and no others, to be sent once more."""
    # The observed value is a part of what was reviewed: the same value may widen one voice and narrow another.
    shown = {(held.name, held.field, held.desired, held.observed) for held in saved.blocked}
    return tuple(
        task
        for task in retries
        if all((task.name, each.field, each.desired, each.observed) in shown for each in task.change.fields)
    )


def without_due_later(tasks: Iterable[Task], saved: Plan) -> list[Task]:
    """The tasks without those whose retention ran out after the plan was saved.

    Nobody has seen these deletions, and the next apply makes them.
    """
    seen = {change.id for change in saved.changes if change.action is Action.PRUNE}
    return [
        task
        for task in tasks
        if not (isinstance(task, Prune) and task.change.reason == RETENTION_OVER and task.model.id not in seen)
    ]


def _moved(saved: Plan, tasks: Sequence[Task], catalog: Catalog) -> Iterator[Moved]:
    before = _by_name(saved)
    # Also for voices without a task: Git may have moved after a killed run had done what the plan says.
    for name, changes in before.items():
        desired = digests(catalog.voices.get(name), None, None).desired
        if any(change.digests.desired != desired for change in changes):
            yield Moved(name, "Git")
    for task in tasks:
        known = before.get(task.name, [])
        # The plan left this voice alone, and still does: nothing is sent, so there was nothing to review.
        if task.change.action is Action.REFRESH and not task.change.adopted and not known:
            continue  # a voice that the plan leaves alone, and about which only the lockfile was behind
        # A name has a change for each of its models that differ: any of them may be the one that this task carries on.
        fitting = (one for one in known if _same(one, task.change) or _continues(one, task, catalog.namespace))
        if not any(_as_careful(one, task.change) for one in fitting):
            yield Moved(task.name, _side(known, task.change))


def _refused_since(saved: Plan, now: Plan, catalog: Catalog, lock: Lock) -> Iterator[Moved]:
    """Voices that were changed by hand, or on both sides, where policy does not allow to go on."""
    before = {(notice.code, notice.voices) for notice in saved.refusals}
    known = _by_name(saved)
    for notice in now.refusals:
        if notice.code in _MOVED and (notice.code, notice.voices) not in before:
            for name in notice.voices:
                # Such a voice has no change now, which could tell: but where neither file moved, the account did.
                sides = (_moved_file(change, catalog, lock) for change in known[name])
                yield Moved(name, next(filter(None, sides), "account"))


def _moved_file(saved: Change, catalog: Catalog, lock: Lock) -> str:
    """Which of the two files is not as the change has it; empty where both are."""
    record = lock.voices.get(saved.previous_name or saved.name)
    now = digests(catalog.voices.get(saved.name), record, None)
    if now.desired != saved.digests.desired:
        return "Git"
    return "lockfile" if now.recorded != saved.digests.recorded else ""


def _by_name(plan: Plan) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = defaultdict(list)
    for change in plan.changes:
        found[change.name].append(change)
    return found


def _as_careful(saved: Change, now: Change) -> bool:
    """Whether a change moves what it was to move, and keeps for as long what it was to keep."""
    # A move that nobody saw rewrites marks. One that is missing now was made by the run that was killed.
    moved = now.previous_name is not None and now.previous_name != saved.previous_name
    kept = saved.undo_until is None or (now.undo_until is not None and now.undo_until >= saved.undo_until)
    # Only these promise a way back, so only their dates were reviewed.
    ends = now.action in (Action.RETIRE, Action.REPLACE, Action.RESTORE)
    return not moved and (kept or not ends)


def _same(saved: Change, now: Change) -> bool:
    """Whether it is the change that was shown, word for word; places and times may have moved."""
    # A line moves with every edit above it, and the date with the clock: `_as_careful` looks at the date.
    aside: dict[str, Any] = {"source": None, "undo_until": None, "warnings": (), "samples": ()}
    if saved.action in (Action.CREATE, Action.REPLACE):
        # Here it only describes the samples, and of Git LFS pointers nobody knows how long they last. The digests of
        # both sides decide.
        aside["reason"] = ""
    return replace(saved, **aside) == replace(now, **aside)


def _continues(saved: Change, task: Task, namespace: str) -> bool:
    """Whether a task is what a run of the saved change, killed somewhere, left to do."""
    now = task.change
    if now.action is Action.REFRESH:
        return True  # no request: both sides are where the plan wanted them
    # Equal digests on both sides mean that the change has not begun; then only the very same change is the plan's.
    unfinished = isinstance(task, Prune) and task.unfinished
    begun = unfinished or (saved.digests, saved.action, saved.adopted) != (now.digests, now.action, now.adopted)
    if not begun:
        return False  # nothing has begun, so it would be the same
    match saved.action:
        case Action.CREATE:
            # Killed after the POST: the model is found by its marks, and adopted.
            return now.action is Action.UPDATE and _nearly_made(saved, now)
        case Action.UPDATE:
            return now.action is Action.UPDATE and now.id == saved.id and _narrower(saved, now)
        case Action.REPLACE:
            # Killed before the new model was current (it still replaces), or after (it is only to be shown), or when
            # all that is left is to retire the old one.
            finishing = now.action is Action.REPLACE and now.adopted and now.id == saved.id
            recorded = now.action is Action.UPDATE and now.id != saved.id
            return ((finishing or recorded) and _nearly_made(saved, now)) or _sees_off(saved, now)
        case Action.RESTORE:
            again = now.action is Action.RESTORE and now.id == saved.id and _narrower(saved, now)
            recorded = now.action is Action.UPDATE and now.id == saved.id and _narrower(saved, now)
            return again or recorded or _sees_off(saved, now)
        case Action.RETIRE:
            # The account shows the role already: all that is left is the record.
            mark = task.model.marker(namespace) if isinstance(task, Retire) else None
            return now.id == saved.id and mark is not None and mark.retired
        case Action.PRUNE:
            # The reason is what was reviewed: a model is not deleted for another one.
            again = unfinished or now.reason == saved.reason
            return now.action is Action.PRUNE and now.id == saved.id and again
        case Action.FORGET:
            # The marks are off already: all that is left is the record.
            model = task.model if isinstance(task, Forget | ForgetVoice) else None
            return now.id == saved.id and model is not None and not model.marks
    return False


def _nearly_made(saved: Change, now: Change) -> bool:
    """Nothing is left but to show and to record a model that the change has made: private, as every one begins."""
    wanted = {field.field: field.desired for field in saved.fields}
    for field in now.fields:
        # What it was made from is settled, and a repair of its marks shows nobody anything.
        if field.field == "inputs" or (field.field == "marks" and field.cause == "marks"):
            continue
        if field.field not in _MADE or wanted.get(field.field, field.desired) != field.desired:
            return False
        if field.field == "visibility" and field.observed != "private":
            return False
    return True


def _sees_off(saved: Change, now: Change) -> bool:
    """The generation that gives way to the one that was made or brought back."""
    return now.action is Action.RETIRE and now.id is not None and now.id == saved.retires


def _narrower(saved: Change, now: Change) -> bool:
    """Every field that is left to set was to be set so, from the same value where that can be read back."""
    wanted = {field.field: field for field in saved.fields}
    return all(
        (before := wanted.get(field.field)) is not None
        and before.desired == field.desired
        # A cover is known by its place alone, which each upload changes.
        and (before.observed == field.observed or field.field in NOT_READ_BACK)
        for field in now.fields
    )


def _side(known: Iterable[Change], now: Change) -> str:
    """Which side moved, as far as it can be told."""
    for saved in known:
        if saved.digests.desired != now.digests.desired:
            return "Git"
        if saved.digests.recorded != now.digests.recorded:
            return "lockfile"
        if saved.digests.observed != now.digests.observed:
            return "account"
    causes = {field.cause for field in now.fields}
    # What has to be recorded is what the lockfile does not have, or does not have any more.
    if now.adopted:
        return "lockfile"
    if causes & {"drift", "marks", "conflict"} or now.reason == "duplicate":
        return "account"
    return "Git"
