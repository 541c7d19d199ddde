"""Who is who: which of the models in the account serve which names.

Pure. Takes the manifests, the lockfile and what was observed; gives one `Holding` a name, in which
every model that is ours has exactly one place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from voicectl.model import marker
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, Record, Retired
from voicectl.model.observed import Model, Observation
from voicectl.model.voice import Voice
from voicectl.plan.facts import Facts


@dataclass(frozen=True, slots=True)
class Holding:
    """Everything that is known under one name.

    `record` is what the lockfile had under the name, or under `previous_name` before a move.
    `current` serves the name now; `missing` says that the recorded model is gone (404).
    `successor` is another model that already has the desired inputs. `retired` are the recorded
    retired generations, each with its model (None: gone). `strays` are models of this name that the
    lockfile does not know and that are neither current nor successor; `duplicates` are the younger
    of several models with one marker. `foreign` is a model that was recorded or named here, but
    carries another catalog's marks or belongs to another account: it is never touched.
    `contradiction` says how the marks of the recorded model contradict the lockfile; the name is left alone then.
    """

    name: str
    voice: Voice | None = None
    record: Record | None = None
    previous_name: str | None = None
    swaps: bool = False
    """Its move is part of a ring: the names change all together."""
    current: Model | None = None
    missing: bool = False
    successor: Model | None = None
    retired: tuple[tuple[Retired, Model | None], ...] = ()
    strays: tuple[Model, ...] = ()
    duplicates: tuple[Model, ...] = ()
    foreign: Model | None = None
    unreadable: str = ""
    """Why the recorded or named model can't be read: then nobody knows whether it is gone."""
    strayed: frozenset[str] = frozenset()
    """Ids among the retired whose marks say another name: they are that name's."""
    hidden: frozenset[str] = frozenset()
    """Ids among the retired that can't be read."""
    uncleared: bool = False
    """It was forgotten, and the provider did not take the marks off."""
    contradiction: str = ""
    displaced: bool = False
    """Another model serves the name than the recorded one, which the account does not show as retired."""

    @property
    def adopted(self) -> bool:
        """Whether the current model has to be recorded under this name for the first time."""
        return self.current is not None and (self.record is None or self.record.id != self.current.id)


def identify(catalog: Catalog, lock: Lock, observation: Observation) -> list[Holding]:
    """One holding for each name of the manifests, the lockfile and the account's markers, by name."""
    facts = Facts(catalog, lock, observation)
    # Names that only marks know are decided about, too: without a lockfile, the account is all there is.
    names = set(catalog.voices) | set(facts.renamed.values()) | set(facts.by_name)
    names |= {facts.renamed.get(name, name) for name in (*lock.voices, *lock.removed)}
    return [_hold(name, facts) for name in sorted(names)]


def _hold(name: str, facts: Facts) -> Holding:
    voice = facts.catalog.voices.get(name)
    recorded_name = facts.previous.get(name, name)
    record = facts.lock.voices.get(recorded_name)
    # A name whose record moves away takes its generations along: those under the new name are another voice's.
    own = () if name in facts.renamed else facts.lock.retired(name)
    known = {r.id: r for r in (*facts.lock.retired(recorded_name), *own)}
    strayed = {i for i in known if facts.strayed(i, name, recorded_name)}
    # A stranger's model may copy our marks: they count only on models of the key's own workspace.
    models = [m for m in facts.by_name.get(name, []) if facts.ours(m)]
    keep, duplicates = _without_duplicates(models, record, known, facts.namespace)
    current = _current(voice, record, known, keep, facts)
    successor = _successor(voice, record, current, keep, known, facts.namespace)
    placed = {m.id for m in (current, successor) if m} | set(known)
    previous_name = _previous_name(name, recorded_name, current, facts)
    return Holding(
        name=name,
        voice=voice,
        record=record,
        previous_name=previous_name,
        swaps=previous_name in facts.moves.rings,
        current=current,
        # Only a 404 means gone. What can't be read (403) may be there, and making it again would make a second one.
        missing=record is not None and record.id in facts.observation.gone,
        successor=successor,
        retired=tuple(
            (r, facts.model(r.id) if r.id not in strayed else None)
            for r in known.values()
            if not current or r.id != current.id
        ),
        strays=tuple(sorted((m for m in keep if m.id not in placed), key=lambda m: m.age)),
        # One that is recorded as retired has given way already, and waits out its own retention.
        duplicates=tuple(m for m in duplicates if m.id not in known),
        foreign=_foreign(voice, record, known, facts),
        unreadable="" if current else _unreadable(voice, record, facts),
        strayed=frozenset(strayed),
        hidden=frozenset(known.keys() & facts.observation.unreadable.keys()),
        uncleared=name in facts.lock.removed and not facts.lock.removed[name].retired,
        contradiction=_contradiction(name, recorded_name, record, facts),
        # Two clones made a model each. Users of this one hold the id that gives way, so that counts as a replacement.
        displaced=record is not None
        and record.origin != "external"
        and current is not None
        and record.id != current.id
        and _serves(record.id, facts),
    )


def _unreadable(voice: Voice | None, record: Record | None, facts: Facts) -> str:
    """What the provider says instead of showing the model of a name; empty where it shows it, or has none."""
    named = record.id if record is not None else None
    # An adopted model may have been replaced since, so a record goes before `model:`.
    if voice is not None and (voice.external or record is None):
        named = voice.model or named
    return facts.observation.unreadable.get(named or "", "")


def _contradiction(name: str, recorded_name: str, record: Record | None, facts: Facts) -> str:
    """How the marks of the recorded model contradict the lockfile, where it can't be told which is right.

    Where the account shows another model in its place, or the manifests want what the marks say, they are followed.
    """
    # An external model carries its owner's marks, and a misplaced one follows its own to another name.
    if record is None or record.origin == "external" or facts.recorded.get(record.id) != name:
        return ""
    model = facts.model(record.id)
    mark = model.marker(facts.namespace) if model else None
    # That it is somebody else's is refused as such, which says more.
    if model is None or not facts.ours(model):
        return ""
    # A limit may have cut the tags, or somebody edited them. Rewriting them could name the wrong voice.
    if model.unreadable(facts.namespace):
        return f"the marks of {model.id} can't be read, or name several voices"
    if mark is None:
        return ""
    placed = mark.name == recorded_name or name in facts.moves.names(mark, model.id) or facts.fits(model.id, name)
    if not placed:
        return f"{model.id} is recorded here, but its marks say that it serves {mark.name}"
    # Only where the manifests side with the lockfile is there nothing to tell which is right: if they want what the
    # marks say, that is followed, and if they want something else, the model is replaced anyhow.
    claimed = marker.key_of(record.inputs)
    agreed = mark.key in (claimed, marker.ADOPTED) or record.inputs is None
    voice = facts.catalog.voices.get(name)
    if not agreed and voice is not None and voice.inputs == record.inputs:
        return f"{model.id} is marked as made from other samples ({mark.key}) than the lockfile says ({claimed})"
    return ""


def _previous_name(name: str, recorded_name: str, current: Model | None, facts: Facts) -> str | None:
    if recorded_name != name:
        return recorded_name
    voice = facts.catalog.voices.get(name)
    if voice is not None and voice.external:
        return None  # its marks are somebody's, and are never rewritten
    if current is not None and name in facts.previous_marks:
        return facts.previous_marks[name]
    mark = current.marker(facts.namespace) if current else None
    # Without a lock, the marks alone tell that the model was moved.
    return mark.name if mark and mark.name != name and facts.moves.target.get(mark.name) == name else None


def _foreign(voice: Voice | None, record: Record | None, known: Mapping[str, Retired], facts: Facts) -> Model | None:
    # External models carry their owner's marks, and are never written to.
    if (record is not None and record.origin == "external") or (voice is not None and voice.external):
        return None
    named = [record.id] if record else [voice.model] if voice and voice.model else []
    pending = [record.pending.id] if record and record.pending else []
    models = (facts.model(model_id) for model_id in (*named, *pending, *known))
    return next((m for m in models if m and not facts.ours(m)), None)


def _without_duplicates(
    models: Iterable[Model], record: Record | None, known: Mapping[str, Retired], namespace: str
) -> tuple[list[Model], list[Model]]:
    """Of several models of a name with one marker the oldest stays, whatever the lockfile says, in every clone alike.

    A retired model and one that serves have different markers: neither is the other's duplicate.
    A failed model, or one that was taken down, never stands in the way of one that works, nor does one whose
    deletion has begun. Adopted models carry no digest in their marker and were not made here, so they are never
    anybody's duplicate.
    """
    groups: dict[str, list[Model]] = defaultdict(list)
    for model in models:
        mark = model.marker(namespace)
        # Retired ones go when their retention is over: recovery never deletes a generation.
        alone = mark is None or mark.key == marker.ADOPTED or mark.retired
        # By the digest alone: after a move, all models of the name get the same name into their markers.
        groups[model.id if mark is None or alone else mark.key].append(model)
    keep: list[Model] = []
    duplicates: list[Model] = []
    for group in groups.values():
        contenders = [m for m in group if m.id not in known or not known[m.id].deleting]
        contenders.sort(key=lambda m: (m.state == "failed" or m.taken_down, m.age))
        duplicates += contenders[1:]
        keep += [m for m in group if m not in contenders[1:]]
    return keep, duplicates


def _current(
    voice: Voice | None,
    record: Record | None,
    known: Mapping[str, Retired],
    keep: list[Model],
    facts: Facts,
) -> Model | None:
    """The model that serves the name: the recorded one, unless the account's roles say otherwise.

    What the lockfile says is a claim: a recorded model that does not carry the marks of a serving one gives way to
    one that does, recorded as retired or not.
    """
    # Its marks, if it has any, are somebody's: the manifest alone says which model it is.
    if voice is not None and voice.external:
        return facts.model(voice.model)
    if record is not None and record.origin == "external":
        # Managed from now on: the model that was used before was never ours.
        record = None
        if voice is None:
            return None
    # A generation that is being deleted, or retired, comes back only as a restoration that a plan shows; a pending
    # one serves only once its replacement is complete.
    pending = record.pending.id if record and record.pending else None
    claimed = {i for i, gone in known.items() if gone.deleting or not _serves(i, facts)}
    others = [m for m in keep if m.id not in claimed and m.id != pending and not (record and m.id == record.id)]
    recorded = next((m for m in keep if record and m.id == record.id), None)
    if recorded is not None:
        serving = [m for m in others if not _retired(m, facts.namespace) and m.state != "failed"]
        # Where nothing better is there, a model that has lost its marks goes on serving its users.
        if recorded.serves(facts.namespace) or not serving:
            return recorded
        others = serving
    if voice is None and record is None:
        return None
    found = _best(others, voice, facts.namespace)
    # Our marks go before `model:`: what was adopted once is found by them, also without a lockfile.
    if found is None and record is None and voice is not None and voice.model:
        gone = known.get(voice.model)
        return facts.adoptable(voice.model, voice.name) if gone is None or not gone.deleting else None
    return found


def _serves(model_id: str, facts: Facts) -> bool:
    model = facts.model(model_id)
    return model is not None and model.serves(facts.namespace)


def _best(models: list[Model], voice: Voice | None, namespace: str) -> Model | None:
    """The one with the desired digest, else one without the retired role, else the newest."""
    wanted = marker.key_of(voice.inputs) if voice and voice.inputs else None

    def rank(model: Model) -> tuple[bool, bool, bool, tuple[str, str]]:
        mark = model.marker(namespace)
        desired = mark is not None and mark.key == wanted
        # The digest goes before the role: what was made from the wanted samples need not be made again.
        return model.state != "failed", desired, not _retired(model, namespace), model.age

    return max(models, key=rank, default=None)


def _retired(model: Model, namespace: str) -> bool:
    mark = model.marker(namespace)
    return mark is not None and mark.retired


def inputs_of(model: Model, record: Record | None, desired: str | None, namespace: str) -> str | None:
    """The inputs digest of a model, as far as it can be known.

    The record's where the model is the recorded one and its marker does not contradict it; else the desired one
    if the marker agrees with it; else the marker's key, which equals no digest. None where the inputs are unmanaged.
    """
    mark = model.marker(namespace)
    if record is not None and record.id == model.id:
        # `state rebuild` can't know what a model was made from: then the marker says as much as there is.
        rebuilt = record.inputs is None and mark is not None and mark.key != marker.ADOPTED
        contradicted = mark is not None and mark.key not in (marker.ADOPTED, marker.key_of(record.inputs))
        if not rebuilt and (record.inputs is None or not contradicted):
            return record.inputs
    # Inputs that nobody knows never differ: else every adopted model would be replaced for nothing.
    if mark is None or mark.key == marker.ADOPTED:
        return None
    return desired if desired and marker.key_of(desired) == mark.key else mark.key


def _successor(
    voice: Voice | None,
    record: Record | None,
    current: Model | None,
    keep: list[Model],
    known: Mapping[str, Retired],
    namespace: str,
) -> Model | None:
    """A model that already has the desired inputs, where the current one has not (or there is none)."""
    if voice is None or voice.inputs is None or voice.external:
        return None
    if current is not None and current.state != "failed":
        inputs = inputs_of(current, record, voice.inputs, namespace)
        # What serves is right, or nobody can tell that it is not.
        if inputs is None or inputs == voice.inputs:
            return None
    wanted = marker.key_of(voice.inputs)

    def fits(model: Model) -> bool:
        # What does not work would only have to be replaced once more.
        if model is current or model.state == "failed" or model.taken_down:
            return False
        if model.id in known and known[model.id].deleting:
            return False
        mark = model.marker(namespace)
        return mark is not None and mark.key == wanted

    # One that an interrupted replacement made goes before a retired one: its replacement was asked for later.
    return min(filter(fits, keep), key=lambda m: (m.id in known, m.age), default=None)
