"""The guards that a team sets itself: protection, limits, visibility, number of models, and rules of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from voicectl.model.catalog import Catalog, Policy
from voicectl.model.lock import Lock
from voicectl.model.observed import Observation
from voicectl.plan.actions import Make, Prune, Resend, Retire, Serve, Task, shows_more
from voicectl.plan.case import UNFINISHED, protected
from voicectl.plan.compare import widens
from voicectl.plan.consent import withdrawn
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Notice, Refusal
from voicectl.plan.rules import breaches


def check_protection(holdings: Iterable[Holding], tasks: Iterable[Task], today: date) -> Iterator[Refusal]:
    """Protected voices are neither retired nor pruned."""
    guarded = {holding.name: holding for holding in holdings if protected(holding)}
    for task in tasks:
        unfinished = isinstance(task, Prune) and task.unfinished
        if task.name not in guarded or not (task.limit == "max_deletes" or unfinished):
            continue
        if withdrawn(guarded[task.name].voice, today):
            continue
        yield Refusal(
            "protected",
            f"{task.name} is protected: it can't be {'retired' if isinstance(task, Retire) else 'pruned'}",
            "write `lifecycle: {protect: false}` in the manifest and apply; then remove the voice",
            (task.name,),
        )


def check_limits(tasks: Sequence[Task], policy: Policy, size: int) -> Iterator[Refusal]:
    """`max_deletes` and `max_replaces`, of a catalog with `size` voices."""
    for name, limit, word in (
        ("max_deletes", policy.max_deletes, "retired or deleted"),
        ("max_replaces", policy.max_replaces, "replaced"),
    ):
        limited = [task for task in tasks if task.limit == name]
        names = sorted({task.name for task in limited})
        allowed, flag = limit.allows(size), "--" + name.replace("_", "-")
        # By voice, not by model: what a person has to judge is how many voices are lost.
        if len(names) > allowed:
            begun = any(task.change.reason == UNFINISHED for task in limited)
            # Orphaned and removed voices are named, too: there can be more of them than the catalog has voices.
            beyond = f"{len(names)} voices, more than the catalog has ({size}),"
            count = f"{len(names)} of {size} voices" if len(names) <= size else beyond
            share = "" if str(limit) == str(allowed) else f" ({limit})"
            hint = f"if that is meant, run with {flag} {len(names)}"
            if begun:
                hint += "; deletions that an earlier run began are finished by `voicectl destroy --only NAME`, too"
            yield Refusal(
                name,
                f"{count} would be {word}; the limit is {allowed}{share}",
                hint,
                tuple(names),
            )


def check_visibility(tasks: Iterable[Task | Resend], policy: Policy) -> Iterator[Refusal]:
    """Nothing is made, brought back or shown beyond `max_visibility`."""
    for task in tasks:
        if not isinstance(task, Serve | Resend) or not shows_more(task):
            continue
        wanted = task.voice.metadata.visibility
        if widens(policy.max_visibility, wanted):
            yield Refusal(
                "max_visibility",
                f"{task.name} would be {wanted}; policy.max_visibility is {policy.max_visibility}",
                "narrow its `visibility` here (an environment can override it), or raise max_visibility",
                (task.name,),
            )


def warn_of_widening(tasks: Iterable[Task]) -> Iterator[Notice]:
    """Showing a voice to more people can't be taken back. Said once for all."""
    names = tuple(sorted({task.name for task in tasks if task.change.widens}))
    if names:
        count = "1 voice is" if len(names) == 1 else f"{len(names)} voices are"
        yield Notice(
            "widens",
            f"{count} shown to more people: {', '.join(names)}",
            "whoever uses a public voice keeps using it; making it private again does not call it back, and the "
            "provider's terms grant more for public voices",
            names,
        )


def check_models(tasks: Iterable[Task], lock: Lock, observation: Observation, catalog: Catalog) -> Iterator[Refusal]:
    """`max_models`: what the catalog has in the account, retired generations included."""
    limit = catalog.policy.max_models
    if limit is None:
        return
    recorded = lock.ids()
    models = {m.id for m in observation.models.values() if m.made_here(catalog.namespace) or m.id in recorded}
    every = list(tasks)
    made = sum(isinstance(task, Make) for task in every)
    after = len(models) + made - sum(isinstance(task, Prune) for task in every)
    if made and after > limit:
        yield Refusal(
            "max_models",
            f"the catalog would have {after} models, retired ones included; policy.max_models is {limit}",
            "retired models are deleted when their retention is over: wait, shorten `retain`, or raise max_models",
        )


def check_rules(holdings: Iterable[Holding], policy: Policy) -> Iterator[Notice]:
    """The team's own rules, over the voices that were selected."""
    voices = (holding.voice for holding in holdings if holding.voice is not None)
    for breach in breaches(voices, policy):
        voice, rule = breach.voice, breach.rule
        message = f"{voice.source.file}:{voice.source.line}: {voice.name}: {rule.message}"
        kind = Refusal if rule.level == "deny" else Notice
        yield kind("rule", message, breach.where, (voice.name,))
