"""The guards: what stops a whole apply until a person decides. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from voicectl.errors import counted, cut
from voicectl.model import marker
from voicectl.model.catalog import Catalog, Policy
from voicectl.model.lock import Lock
from voicectl.model.observed import Observation
from voicectl.plan.actions import Create, Resend, Task
from voicectl.plan.consent import check_consent, check_expiry
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Notice, Refusal
from voicectl.plan.policy_guards import (
    check_limits,
    check_models,
    check_protection,
    check_visibility,
    warn_of_widening,
)
from voicectl.plan.request import PlanRequest


def refusals(
    request: PlanRequest,
    lock: Lock,
    observation: Observation,
    holdings: Sequence[Holding],
    tasks: Sequence[Task],
    retries: Sequence[Resend],
    *,
    size: int,
) -> Iterator[Refusal]:
    """Every guard of a plan, in the order in which a reader should see them. `size` is that of the catalog."""
    catalog, today = request.catalog, request.now.date()
    yield from check_account(lock, observation)
    if request.destroy:
        yield from check_visible(lock, observation)
    else:
        chosen = {name for holding in holdings for name in (holding.name, holding.previous_name)}
        served = {holding.name for holding in holdings if holding.adopted}
        allowed = request.recreate_missing
        yield from check_emptied(catalog, lock)
        yield from check_missing(
            lock, observation, catalog.policy, allowed=allowed, left_out=(lock.voices.keys() - chosen) | served
        )
        yield from check_moves(catalog, lock, {holding.name for holding in holdings})
        yield from check_swaps(catalog, holdings)
        yield from check_consent(catalog, lock, [*tasks, *retries], today)
        yield from check_limits(tasks, catalog.policy, size)
        yield from check_visibility([*tasks, *retries], catalog.policy)
        yield from check_models(tasks, lock, observation, catalog)
        yield from check_marks(holdings)
        yield from check_unclaimed(catalog, lock, observation, tasks)
    yield from check_foreign(holdings, catalog.namespace)
    yield from check_protection(holdings, tasks, today)


def warnings(
    request: PlanRequest, lock: Lock, observation: Observation, holdings: Sequence[Holding], tasks: Sequence[Task]
) -> Iterator[Notice]:
    """What to know of the plan as a whole."""
    yield from misfiltered(observation)
    yield from unmarked(lock, observation, request.catalog.namespace)
    if not request.destroy:
        yield from check_expiry(holdings, request.now.date(), request.catalog.policy.consent_warning)
        yield from warn_of_widening(tasks)
        yield from suggest_moves(tasks, holdings)
        yield from not_looked_at(holdings)
    if not observation.complete:
        yield Notice(
            "listing_incomplete",
            "the provider did not list every model, so nothing is pruned",
            "recorded models were looked up one by one; where the provider shows only a part of a listing, that "
            "stays so",
        )


def not_looked_at(holdings: Iterable[Holding]) -> Iterator[Notice]:
    """Samples that the checkout has as Git LFS pointers only: their digests are known, and nothing else."""
    voices = [(h.name, sum(s.pointer for s in h.voice.samples)) for h in holdings if h.voice is not None]
    found = {name: count for name, count in voices if count}
    if found:
        total = sum(found.values())
        yield Notice(
            "not_looked_at",
            f"{counted(total, 'sample')} not looked at: Git LFS pointers stand for them here",
            "their digests are compared; their format, length and sound were not checked",
            tuple(sorted(found)),
        )


def check_account(lock: Lock, observation: Observation) -> Iterator[Refusal]:
    """The key must open the account that the lockfile speaks of."""
    recorded, seen = lock.provider.account, observation.account
    if recorded and seen and recorded != seen:
        yield Refusal(
            "wrong_account",
            f"the lockfile is of account {cut(recorded)}, but the key opens account {cut(seen)}",
            "use the key of the right workspace; another account needs an environment or lockfile of its own",
        )


def check_missing(
    lock: Lock, observation: Observation, policy: Policy, *, allowed: bool, left_out: Set[str] = frozenset()
) -> Iterator[Refusal]:
    """Many recorded models that are gone at once mean a wrong key rather than lost voices.

    `left_out` are names that don't count: not selected, or served by another model with our marks.
    """
    recorded = {name: record.id for name, record in lock.voices.items() if record.origin != "external"}
    missing = sorted(n for n, model_id in recorded.items() if model_id in observation.absent and n not in left_out)
    # Of a few voices `max_deletes` allows one to be missing: but a key that may read none of them is a wrong one.
    strange = bool(recorded) and all(model_id in observation.unreadable for model_id in recorded.values())
    if allowed or (len(missing) <= policy.max_deletes.allows(len(recorded)) and not strange):
        return
    shown = sum(model_id not in observation.absent for model_id in recorded.values())
    count = f"only {shown}" if shown else "none"
    verb = "are" if shown > 1 else "is"
    yield Refusal(
        "models_missing",
        f"{count} of {len(recorded)} recorded models {verb} visible: wrong key or workspace?",
        "use the key of the right workspace; only if they were deleted, run with --recreate-missing",
        tuple(missing),
    )


def check_visible(lock: Lock, observation: Observation) -> Iterator[Refusal]:
    """Destroying what can't be seen would only lose the records of it."""
    recorded = {name: record.id for name, record in lock.voices.items() if record.origin != "external"}
    # Some that are gone are no reason to stop: destroying them was what was asked.
    if recorded and all(model_id in observation.absent for model_id in recorded.values()):
        yield Refusal(
            "models_missing",
            f"none of {len(recorded)} recorded models is visible: wrong key or workspace?",
            "if they really are gone, there is nothing to destroy: delete the lockfile",
            tuple(sorted(recorded)),
        )


def check_emptied(catalog: Catalog, lock: Lock) -> Iterator[Refusal]:
    """Losing every voice is never a side effect."""
    if not catalog.voices and lock.voices:
        yield Refusal(
            "catalog_emptied",
            f"the manifests hold no voice, so all {len(lock.voices)} recorded voices would be removed",
            "bring the manifests back; `voicectl destroy` deletes every model at once, for good",
            tuple(sorted(lock.voices)),
        )


def check_foreign(holdings: Iterable[Holding], namespace: str) -> Iterator[Refusal]:
    """Models of another catalog or account are never touched, whatever a file says."""
    for holding in holdings:
        if holding.foreign is not None:
            others = sorted(marker.owners(holding.foreign.tags) - {namespace})
            whose = f"catalog {', '.join(others)}" if others else f"another account ({holding.foreign.author})"
            yield Refusal(
                "foreign_model",
                f"{holding.name}: model {holding.foreign.id} belongs to {whose}, and is not touched",
                f"correct `model` in the manifest or its tags in the account; or go on with --exclude {holding.name}",
                (holding.name,),
            )


def check_moves(catalog: Catalog, lock: Lock, chosen: Set[str]) -> Iterator[Refusal]:
    """A move onto a name that already has a model of its own would lose one of the two."""
    for move in catalog.moved:
        # Where both names are voices before and after, they exchange their models: see `check_swaps`.
        swaps = move.old in catalog.voices
        if not swaps and move.old in lock.voices and move.new in lock.voices and chosen & {move.old, move.new}:
            yield Refusal(
                "moved_onto_living",
                f"{move.source.file}:{move.source.line}: {move.old} can't move to {move.new}, "
                "which already has a model",
                f"remove the `moved` entry; {move.old} is then retired, and {move.new} stays",
                (move.old, move.new),
            )


def misfiltered(observation: Observation) -> Iterator[Notice]:
    """The listing by tag does not show what it should."""
    if observation.misfiltered:
        yield Notice(
            "tag_filter",
            f"the provider's listing by tag lacks {observation.misfiltered}, which carries the tag: all models of the "
            "account were listed instead",
            "nothing to do; plans take longer for it in a large account",
        )


def unmarked(lock: Lock, observation: Observation, namespace: str) -> Iterator[Notice]:
    """Models with the catalog's tag and no marker that can be read: whose they are can't be told."""
    tag = marker.catalog_tag(namespace)
    unclear = [m for m in observation.models.values() if tag in m.tags and m.marker(namespace) is None]
    recorded = lock.ids() if unclear else frozenset()
    for model in sorted((m for m in unclear if m.id not in recorded), key=lambda m: m.age):
        yield Notice(
            "unmarked",
            f"model {model.id} ({model.title}) carries the tag {tag}, but no marker: it is left alone",
            "take the tag off, or adopt the model with `model:` in a manifest",
        )


def check_marks(holdings: Iterable[Holding]) -> Iterator[Refusal]:
    """Marks that contradict the lockfile are never overwritten: a person must say which of the two is wrong."""
    for holding in holdings:
        # A foreign model is refused already.
        if holding.contradiction and holding.foreign is None:
            yield Refusal(
                "marks_contradict",
                f"{holding.name}: {holding.contradiction}",
                "if the tags are right, run `voicectl state rebuild`; if the lockfile is, correct the tags in the "
                f"account; --exclude {holding.name} goes on without it",
                (holding.name,),
            )


def check_unclaimed(catalog: Catalog, lock: Lock, observation: Observation, tasks: Iterable[Task]) -> Iterator[Refusal]:
    """Nothing is made while a model that no lockfile records may be the one: its tags are ours, but cut or edited."""
    creates = any(isinstance(task, Create) for task in tasks)
    known = lock.ids() | {voice.model for voice in catalog.voices.values()}
    account = lock.provider.account or observation.account
    for model in observation.models.values() if creates else ():
        # Other people's models are not ours to wonder about.
        theirs = account and model.author and model.author != account
        if model.id not in known and not theirs and model.unreadable(catalog.namespace):
            tags = ", ".join(cut(tag) for tag in model.tags if marker.is_mark(tag))
            yield Refusal(
                "marks_unreadable",
                f"no lockfile records {model.id}, and its marks can't be read ({tags}): it may be the model "
                "of a voice that would be created",
                f"write `model: {model.id}` at the voice that it belongs to, or take those tags off in the account; "
                "`voicectl doctor --live` tells whether the account keeps tags as they are sent",
            )


def check_swaps(catalog: Catalog, holdings: Iterable[Holding]) -> Iterator[Refusal]:
    """Names that change places do so together."""
    chosen = {holding.name: holding for holding in holdings}
    ring = {name for name, holding in chosen.items() if holding.swaps}
    for move in catalog.moved:
        if (move.old in ring) != (move.new in ring):
            missing = [name for name in (move.old, move.new) if name in chosen and name not in ring]
            hint = "select all voices of the ring, or none of them"
            if move.old in chosen and move.new in chosen:
                hint = f"{missing[0]} has no model to exchange: take this entry out of `moved`"
            yield Refusal(
                "swap_incomplete",
                f"{move.source.file}:{move.source.line}: {move.old} and {move.new} change places only together",
                hint,
                (move.old, move.new),
            )


def suggest_moves(tasks: Iterable[Task], holdings: Iterable[Holding]) -> Iterator[Notice]:
    """A voice that leaves while another comes with the same inputs was most likely renamed."""
    leaving = {
        holding.record.inputs: holding
        for holding in holdings
        if holding.voice is None and holding.record is not None and holding.record.inputs is not None
    }
    for task in tasks:
        inputs = task.voice.inputs if isinstance(task, Create) else None
        if not isinstance(task, Create) or inputs is None or inputs not in leaving:
            continue
        voice, old = task.voice, leaving[inputs].name
        yield Notice(
            "moved_suggested",
            f"{voice.name} is made from the same samples as {old}, which leaves: was it renamed?",
            f"to keep the model and its id, add to {voice.source.file}: moved: [{{from: {old}, to: {voice.name}}}]",
            (old, voice.name),
        )
