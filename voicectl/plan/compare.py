"""Three-way comparison of one voice: desired, recorded, observed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from voicectl.errors import counted
from voicectl.model import canonical, marker
from voicectl.model.catalog import Policy
from voicectl.model.lock import Applied, Blocked, Record, RecordedSample
from voicectl.model.marker import Marker
from voicectl.model.observed import Model
from voicectl.model.voice import FIELDS, VISIBILITIES, FieldName, Metadata, Sample, Value, Voice
from voicectl.plan.plan import Cause, Digests, FieldChange, SampleChange, SampleSide

NOT_READ_BACK: frozenset[FieldName] = frozenset({"cover_image"})
"""Fields that can't be read back: what the account has of them is known by its place alone."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between a voice and its current model.

    `fields` are to be changed; `left` differ and are left alone, because drift or a conflict is kept;
    `refused` need a person. `blocked` is what the lockfile is to say about values that the provider did
    not take; `locked` are fields that it says it will not take; `held` are the changes that these two keep back.
    """

    fields: tuple[FieldChange, ...] = ()
    left: tuple[FieldChange, ...] = ()
    refused: tuple[FieldChange, ...] = ()
    blocked: Mapping[FieldName, Blocked] = field(default_factory=dict)
    locked: frozenset[FieldName] = frozenset()
    held: tuple[FieldChange, ...] = ()


def observed_value(name: FieldName, model: Model, applied: Applied | None) -> Value:
    """A field as the account shows it, in canonical form.

    A cover image can't be compared by its bytes: while the provider's path is the one recorded when
    the file was sent, it counts as that file; another path stands for itself.
    """
    match name:
        case "title":
            return canonical.text(model.title)
        case "description":
            return canonical.text(model.description)
        case "visibility":
            return model.visibility
        case "tags":
            return model.plain_tags
        case "cover_image":
            if not model.cover_image:
                return None
            same = applied is not None and applied.remote_cover == model.cover_image
            return applied.cover_image if applied and same else model.cover_image


def compare(voice: Voice, record: Record | None, model: Model, policy: Policy) -> Comparison:
    """Compare each managed field; `record` is what was applied to this very model, if anything was."""
    fields: list[FieldChange] = []
    left: list[FieldChange] = []
    refused: list[FieldChange] = []
    blocked: dict[FieldName, Blocked] = {}
    locked: set[FieldName] = set()
    held: list[FieldChange] = []
    applied = record.applied if record else None
    for name in FIELDS:
        desired = voice.metadata.get(name)
        # What nobody manages is not compared: it belongs to the web app.
        if desired is None or name in voice.lifecycle.ignore:
            continue
        observed = observed_value(name, model, applied)
        if observed == desired:
            continue
        recorded = applied.get(name) if applied else None
        before = record.blocked.get(name) if record else None
        if before is not None and before.desired == desired:
            # It was asked for before and not taken: what differs from that now came from the account.
            recorded = desired
        change = FieldChange(name, desired, recorded, observed, _cause(desired, recorded, observed))
        # It would be refused, so it is listed as blocked, and no plan fights for it.
        if name == "visibility" and (model.lock_visibility or model.taken_down):
            locked.add(name)
        elif before == Blocked(desired, observed):
            blocked[name] = before
        if name in locked or name in blocked:
            held.append(change)
            continue
        if change.cause == "conflict" and name in NOT_READ_BACK:
            # Nobody can decide between the two, and a run that was killed looks alike: Git's is sent again.
            change = replace(change, cause="manifest")
        if change.cause == "manifest":
            fields.append(change)
            continue
        choice = policy.on_drift if change.cause == "drift" else policy.on_conflict
        {"overwrite": fields, "keep": left, "fail": refused}[choice].append(change)
    return Comparison(tuple(fields), tuple(left), tuple(refused), blocked, frozenset(locked), tuple(held))


def _cause(desired: Value, recorded: Value, observed: Value) -> Cause:
    # Without a record nobody can tell drift from a change in Git: Git's word goes, as for a new model.
    if recorded is None or observed == recorded:
        return "manifest"
    return "drift" if recorded == desired else "conflict"


def shown(value: Value) -> str:
    """A value in a sentence."""
    if isinstance(value, tuple):
        return "[" + ", ".join(value) + "]"
    return "nothing" if value is None else f"'{value}'"


def marks_change(wanted: Marker, model: Model, record: Record | None, *, moved: bool = False) -> FieldChange | None:
    """The repair that a model's marks need; None where they are right."""
    # Tags have no order: the provider may give them back in any.
    if model.marks == tuple(sorted(wanted.marks)):
        return None
    recorded = tuple(sorted(wanted.marks)) if record is not None and not moved else None
    return FieldChange("marks", tuple(sorted(wanted.marks)), recorded, model.marks, "moved" if moved else "marks")


def settled(record: Record, voice: Voice, model: Model, comparison: Comparison, retrained: bool = False) -> Record:
    """The record once every change of the comparison is applied to this model.

    Whatever is left alone keeps its last applied value, so that it goes on being seen as drift; what
    is blocked is recorded as the provider has it. `retrained` says that the record is of another
    model, from which nothing is taken over.
    """
    before = Applied() if retrained else record.applied
    # A refused plan records nothing, so it must not seem as if Git's value had been applied.
    kept = {change.field for change in (*comparison.left, *comparison.refused)} | comparison.locked
    values: dict[FieldName, Value] = {}
    for name in FIELDS:
        desired = voice.metadata.get(name)
        if desired is None or name in voice.lifecycle.ignore:
            values[name] = None
        elif name in kept:
            kept_value = before.get(name)
            # Nothing was applied before: what the provider holds on to is all that later looks can be compared with.
            values[name] = model.visibility if kept_value is None and name == "visibility" else kept_value
        elif name in comparison.blocked:
            values[name] = comparison.blocked[name].observed if name != "cover_image" else before.cover_image
        else:
            values[name] = desired
    metadata = Metadata.from_values(values)
    sends_cover = any(change.field == "cover_image" for change in comparison.fields)
    keeps_cover = "cover_image" in kept or "cover_image" in comparison.blocked
    remote_cover = before.remote_cover if keeps_cover or sends_cover else model.cover_image
    return replace(
        record,
        applied=Applied.of(metadata, remote_cover),
        state=model.state,
        protect=voice.lifecycle.protect,
        retain=voice.lifecycle.retain,
        blocked=comparison.blocked,
        inputs=record.inputs if voice.inputs is None else voice.inputs,
        samples=recorded_samples(voice) or record.samples,
    )


def applied_at_creation(voice: Voice, before: Applied, left: Iterable[FieldChange] = ()) -> Applied:
    """What is recorded as applied to a new model; its cover's path is not known yet.

    `before` is the record of the model that gives way: a field that was left alone there keeps its value.
    """
    kept = {change.field for change in left} - {"cover_image"}
    values: dict[FieldName, Value] = {
        name: None
        if voice.metadata.get(name) is None or name in voice.lifecycle.ignore
        else (before.get(name) if name in kept else voice.metadata.get(name))
        for name in FIELDS
    }
    return Applied.of(Metadata.from_values(values))


def recorded_samples(voice: Voice) -> tuple[RecordedSample, ...]:
    """The digests of a voice's samples, sorted, as the lockfile keeps them."""
    pairs = (
        RecordedSample(
            s.digest, None if s.transcript is None else canonical.text_digest(s.transcript), s.path, s.seconds
        )
        for s in voice.samples
    )
    return tuple(sorted(pairs, key=lambda s: (s.audio, s.transcript or "")))


def sample_changes(voice: Voice, before: Iterable[RecordedSample]) -> tuple[SampleChange, ...]:
    """What becomes of each recording: those that stay as they are are left out.

    A recording of another digest in the same file is a new take of it. Of the others one that comes takes the place of
    one that goes, in their order.
    """
    old = {sample.audio: sample for sample in before}
    now = {
        s.digest: SampleSide(s.digest, s.path, s.seconds, s.transcript)
        for s in voice.samples
        if not _same_sample(s, old.get(s.digest))
    }
    kept = {sample.digest for sample in voice.samples} - now.keys()
    gone = {s.audio: SampleSide(s.audio, s.file, s.seconds) for s in old.values() if s.audio not in kept}
    pairs = [(gone.pop(digest), now.pop(digest)) for digest in list(now) if digest in gone]
    files = {side.file: digest for digest, side in gone.items() if side.file}
    for digest, side in list(now.items()):
        if side.file in files:
            pairs.append((gone.pop(files.pop(side.file)), now.pop(digest)))
    changes = [SampleChange(was, new) for was, new in pairs]
    return (*changes, *(SampleChange(was, new) for was, new in zip_longest(gone.values(), now.values())))


def _same_sample(sample: Sample, recorded: RecordedSample | None) -> bool:
    words = None if sample.transcript is None else canonical.text_digest(sample.transcript)
    return recorded is not None and recorded.transcript == words


def inputs_reason(voice: Voice, record: Record | None) -> str:
    """Why the inputs differ, as exactly as the recorded digests tell."""
    # A rebuilt lockfile may lack the digests: then all that is known is that they differ.
    if record is None or not record.samples:
        return "the model was made from other inputs"
    # By the digest of the sound: a file that only got another name is the same recording.
    new = {s.audio: s.transcript for s in recorded_samples(voice)}
    old = {s.audio: s.transcript for s in record.samples}
    words = sum(1 for audio in new.keys() & old.keys() if new[audio] != old[audio])
    added, gone = len(new.keys() - old.keys()), len(old.keys() - new.keys())
    # One more and one less is most likely a new take of the same sample.
    changed = min(added, gone)
    counts = (
        (changed, "sample", "changed"),
        (added - changed, "sample", "added"),
        (gone - changed, "sample", "removed"),
        (words, "transcript", "changed"),
    )
    parts = [f"{counted(n, noun)} {verb}" for n, noun, verb in counts if n]
    return ", ".join(parts) or f"enhance_audio_quality is now {str(voice.enhance).lower()}"


def widens(narrow: str, wide: str | None) -> bool:
    """Whether going from one visibility to another shows a model to more people."""
    order: tuple[str, ...] = VISIBILITIES
    return wide is not None and order.index(wide) > order.index(narrow)


def plain_tags(tags: tuple[str, ...] | None, model: Model | None) -> tuple[str, ...]:
    """The user's tags that a model is to carry: the desired ones, or its own where unmanaged."""
    if tags is not None:
        return tags
    return canonical.tags(marker.plain(model.tags)) if model else ()


def inputs_summary(voice: Voice) -> str:
    """What a new model is made from, in a few words."""
    count = len(voice.samples)
    seconds = sum(sample.seconds or 0.0 for sample in voice.samples)
    parts = [counted(count, "file")]
    parts += [f"{seconds:.0f} s"] if seconds else []
    transcribed = bool(voice.samples) and voice.samples[0].transcript is not None
    return ", ".join([*parts, "with transcripts" if transcribed else "no transcripts"])


def digests(voice: Voice | None, record: Record | None, model: Model | None) -> Digests:
    """What each side looks like now; volatile values (counters, times, urls) are left out."""
    desired = voice and canonical.digest(
        [
            _metadata(voice.metadata),
            voice.inputs,
            voice.model,
            voice.external,
            sorted(voice.lifecycle.ignore),
            voice.lifecycle.protect,
            str(voice.consent.withdrawn_on) if voice.consent else None,
        ]
    )
    recorded = record and canonical.digest(
        [record.id, record.inputs, record.generation, record.applied.remote_cover, _metadata(record.applied)]
    )
    observed = model and canonical.digest(
        [model.id, model.title, model.description, model.visibility, sorted(model.tags), model.cover_image]
    )
    return Digests(desired or None, recorded or None, observed or None)


def _metadata(values: object) -> list[object]:
    return [getattr(values, name) for name in FIELDS]


def values_ahead(voice: Voice, record: Record, *, cover: bool = False) -> bool:
    """Whether the manifest wants other values than were applied.

    A `cover` is known by its file's digest, which takes opening it.
    """
    for name in FIELDS:
        desired = voice.metadata.get(name)
        if desired is None or name in voice.lifecycle.ignore or voice.external:
            continue
        blocked = record.blocked.get(name)
        # What the provider did not take is recorded as it is there: Git is not ahead by that.
        applied = blocked.desired if blocked else record.applied.get(name)
        if (name != "cover_image" or cover) and desired != applied:
            return True
    return False
