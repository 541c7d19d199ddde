"""What a plan tells about a voice beside its changes. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from voicectl.model.lock import Record
from voicectl.model.observed import Model
from voicectl.model.voice import Voice
from voicectl.plan.case import Case
from voicectl.plan.compare import Comparison, shown
from voicectl.plan.plan import RETRY_FAILED, Notice, Refusal


def about_model(voice: Voice, model: Model, base: Record, known: Record | None) -> Iterator[Notice]:
    """What to know of the model that stays."""
    if voice.model and voice.model != model.id and not voice.samples:
        yield Notice(
            "model_ignored",
            f"{voice.name}: `model` names {voice.model}, but {model.id} is recorded and stays",
            "`model` counts only where no model is recorded: remove the voice, apply, then adopt the other one",
            (voice.name,),
        )
    if model.taken_down:
        words = f"{voice.name}: the provider has taken {model.id} down after a complaint"
        yield Notice("taken_down", words, "settle it with the provider; its visibility is left alone", (voice.name,))
    if model.release_state == "retiring":
        words = f"{voice.name}: the provider is retiring {model.id}"
        yield Notice("retiring", words, "its id will stop working: prepare another voice", (voice.name,))
    if model.state == "failed":
        yield training_failed(voice, model.id)
    elif model.state != "trained":
        yield Notice("not_trained", f"{voice.name}: {model.id} is still training", "", (voice.name,))
    if known is not None and known.origin == "created" and base.origin == "adopted":
        yield Notice(
            "marks_lost",
            f"{voice.name}: {model.id} has lost our marks: it counts as adopted from now on, and voicectl "
            "never deletes it",
            "nothing to do; if somebody copied its id into the lockfile, correct that first",
            (voice.name,),
        )


def about_id(case: Case, model: Model) -> tuple[str, ...]:
    """What to know where the account already has another model in the place of the recorded one."""
    record = case.record
    if record is None or record.origin == "external" or record.id == model.id:
        return ()
    return (f"the lockfile says {record.id}: tell its users that the id has changed",)


def in_use_elsewhere(model: Model | None) -> tuple[str, ...]:
    """What to know before a model gives way that others than its owner could be using."""
    if model is None or model.visibility == "private":
        return ()
    who = "public: anybody" if model.visibility == "public" else "unlisted: anybody who knows its id"
    return (f"{model.id} is {who} may be using it elsewhere",)


def about_values(voice: Voice, comparison: Comparison) -> Iterator[Notice]:
    """What a comparison has to say beside its changes."""
    for field in comparison.left:
        yield Notice("kept", f"{voice.name}: {field.field} was changed in the account and is kept", "", (voice.name,))
    for field in comparison.refused:
        what = "changed in the account" if field.cause == "drift" else "changed both in Git and in the account"
        values = f"Git {shown(field.desired)}, last applied {shown(field.recorded)}, account {shown(field.observed)}"
        flag = "--on-drift" if field.cause == "drift" else "--on-conflict"
        yield Refusal(
            field.cause,
            f"{voice.name}: {field.field} was {what}: {values}",
            f"take the account's value into the manifest, or run with {flag} overwrite or {flag} keep",
            (voice.name,),
        )
    for field in comparison.held:
        why = "locked by the provider" if field.field in comparison.locked else "blocked: the provider did not take it"
        values = f"Git {shown(field.desired)}, account {shown(field.observed)}"
        hint = "each apply sends it once more; to end this, take the account's value into the manifest"
        yield Notice("blocked", f"{voice.name}: {field.field} is {why}: {values}", hint, (voice.name,))


def training_failed(voice: Voice, model_id: str) -> Notice:
    """What to say of a model whose training failed."""
    return Notice("training_failed", f"{voice.name}: the training of {model_id} failed", RETRY_FAILED, (voice.name,))
