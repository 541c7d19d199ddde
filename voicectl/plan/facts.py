"""Lookups over the three sides, made once: which names a model may serve, and which recorded ids moved. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from voicectl.model import marker
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, Record
from voicectl.model.marker import Marker
from voicectl.model.observed import Model, Observation
from voicectl.model.voice import Voice


class Facts:
    """The manifests, the lockfile and what was observed, for one plan."""

    def __init__(self, catalog: Catalog, lock: Lock, observation: Observation) -> None:
        self.catalog = catalog
        self.lock = lock
        self.observation = observation
        self.namespace = catalog.namespace
        self.moves = Moves(catalog, lock, observation)
        self.renamed = self._renamed()
        """Recorded name -> present name, for the records that moved."""
        self.previous = {new: old for old, new in self.renamed.items()}
        self.previous_marks = self._previous_marks()
        """Present name -> the name that the marks of its recorded model still say."""
        self._serving = self._servers()
        self.recorded = self._recorded()
        """Every recorded id -> its present name."""
        self.by_name = self._by_name()

    def ours(self, model: Model) -> bool:
        """Whether nobody else can have a claim on this model."""
        # The recorded account goes first: a listing may show saved voices of others as well.
        account = self.lock.provider.account or self.observation.account
        same_account = not account or not model.author or model.author == account
        return same_account and not marker.owners(model.tags) - {self.namespace}

    def model(self, model_id: str | None) -> Model | None:
        """An observed model by id."""
        return self.observation.models.get(model_id) if model_id else None

    def names(self, model_id: str) -> tuple[str, ...]:
        """The names that a model may serve by its marker, the likeliest first; empty where nothing tells."""
        model = self.model(model_id)
        mark = model.marker(self.namespace) if model else None
        return self.moves.names(mark, model_id) if mark else ()

    def adoptable(self, model_id: str, name: str) -> Model | None:
        """The model that a manifest names for this name, unless somebody else or another name has it."""
        model = self.model(model_id)
        if model is None or not self.ours(model) or self.recorded.get(model.id, name) != name:
            return None
        return model if name in (self.names(model_id) or (name,)) else None

    def _renamed(self) -> dict[str, str]:
        """Moves that the lockfile has not followed: by `moved`, taken back by Git, or because the marks moved."""
        lock, voices = self.lock, self.catalog.voices
        renamed = {
            old: new
            for old, new in self.moves.target.items()
            if (old in lock.voices or old in lock.removed) and (new not in lock.voices or old in self.moves.rings)
        }
        taken = set(renamed.values())
        for name, record in lock.voices.items():
            if name in voices or name in renamed:
                continue
            # Git may have taken the move back, so the names that the voice had are tried first, the latest of them
            # before the others.
            earlier = list(reversed(record.previous_names))
            for new in (*earlier, *self.names(record.id)):
                if new in voices and new not in lock.voices and new not in taken:
                    renamed[name] = new
                    taken.add(new)
                    break
        return renamed

    def _recorded(self) -> dict[str, str]:
        recorded: dict[str, str] = {}
        for name, record in self.lock.voices.items():
            # An external id may be that of a model which another name of this catalog manages.
            present = self.renamed.get(name, name)
            ids = [r.id for r in record.retired] + ([record.pending.id] if record.pending else [])
            ids = [model_id for model_id in ids if not self.strayed(model_id, present, name)]
            ids += [] if record.origin == "external" or self._misplaced(record.id, present) else [record.id]
            recorded |= dict.fromkeys(ids, present)
        for name, removed in self.lock.removed.items():
            present = self.renamed.get(name, name)
            for gone in removed.retired:
                if not self.strayed(gone.id, present, name):
                    recorded.setdefault(gone.id, present)
        return recorded

    def strayed(self, model_id: str, name: str, recorded_name: str) -> bool:
        """Whether a generation that is recorded under a name carries the marks of another name.

        Who edits a lockfile must not have the model of one voice deleted as a generation of another.
        """
        names = self.names(model_id)
        if not names or name in names or self.previous_marks.get(name) in names:
            return False
        model = self.model(model_id)
        mark = model.marker(self.namespace) if model else None
        return mark is not None and mark.name != recorded_name

    def _elsewhere(self, model_id: str, name: str) -> bool:
        """Whether a recorded model says itself that it serves another voice of the manifests."""
        names = self.names(model_id)
        elsewhere = name not in names and any(served in self.catalog.voices for served in names)
        return elsewhere and not self.fits(model_id, name)

    def fits(self, model_id: str, name: str) -> bool:
        """Whether a model was made for what a voice wants, and for nothing that its marks could mean instead.

        Then the lockfile and the manifests agree, and only the name in the marks is another one: Git took a move back,
        together with the lockfile.
        """
        model, voice = self.model(model_id), self.catalog.voices.get(name)
        mark = model.marker(self.namespace) if model else None
        if mark is None or voice is None or voice.inputs is None or marker.key_of(voice.inputs) != mark.key:
            return False
        other = self.catalog.voices.get(mark.name)
        return other is None or other.inputs is None or marker.key_of(other.inputs) != mark.key

    def _previous_marks(self) -> dict[str, str]:
        """Present name -> the name in the marks of its recorded model, where Git took a move back with the lockfile."""
        found = {}
        for name, record in self.lock.voices.items():
            present = self.renamed.get(name, name)
            model = self.model(record.id)
            mark = model.marker(self.namespace) if model and record.origin != "external" else None
            unknown = mark is not None and mark.name not in {*self.lock.voices, *self.lock.removed}
            if mark is not None and unknown and present not in self.names(record.id) and self.fits(record.id, present):
                found[present] = mark.name
        return found

    def _misplaced(self, model_id: str, name: str) -> bool:
        """Whether the lockfile holds a current model under a wrong name, and the account shows which is right.

        A voice does not lose its model that way: its marks must be on another one, or it has left the manifests.
        """
        if not self._elsewhere(model_id, name):
            return False
        return name not in self.catalog.voices or bool(self._serving.get(name, set()) - {model_id})

    def _servers(self) -> Mapping[str, set[str]]:
        """The ids whose marks say that they serve a name now."""
        found: dict[str, set[str]] = defaultdict(set)
        for model in self.observation.models.values():
            if model.serves(self.namespace) and self.ours(model):
                found[self.names(model.id)[0]].add(model.id)
        return found

    def _by_name(self) -> Mapping[str, list[Model]]:
        """Models with our marks, by the name that they serve; the lockfile's word goes first."""
        found: dict[str, list[Model]] = defaultdict(list)
        for model in self.observation.models.values():
            if model.id in self.recorded:
                found[self.recorded[model.id]].append(model)
            elif (names := self.names(model.id)) and self.ours(model):
                found[names[0]].append(model)
        return found


class Moves:
    """The moves of a catalog that are still to be followed.

    `target` is old name -> new name. `rings` are the names in it that change places: each of them is a voice before
    and after. Nothing but what the voices are made from tells whether a ring was carried out already.
    """

    def __init__(self, catalog: Catalog, lock: Lock, observation: Observation) -> None:
        self._voices = catalog.voices
        # A move whose target has left the manifests leads nowhere: its voice leaves under the name it has.
        declared = {move.old: move.new for move in catalog.moved if move.new in catalog.voices}
        self._rings = {old: new for old, new in declared.items() if old in catalog.voices}
        pending = {old for ring in _rings(self._rings) if self._pending(ring, lock, observation) for old in ring}
        # What is left of a removed name does not move onto a voice that has a model of its own.
        inert = {old for old, new in declared.items() if old not in lock.voices and new in lock.voices}
        self.target: Mapping[str, str] = {
            old: new
            for old, new in declared.items()
            if (old in pending if old in self._rings else old not in inert or old not in lock.removed)
        }
        self.rings = frozenset(pending)

    def names(self, mark: Marker, model_id: str) -> tuple[str, ...]:
        """The present names that a marker can mean, the likeliest first.

        In a ring an old name is a new one, too. Then what the model was made from decides, if it can.
        """
        name = mark.name
        if name not in self._rings:
            return (self.target.get(name, name),)
        places = (name, self._rings[name])
        fitting = tuple(place for place in places if _made_for(self._voices[place], mark, model_id))
        return fitting if len(fitting) == 1 else places[::-1] if name in self.rings else places

    def _pending(self, ring: Mapping[str, str], lock: Lock, observation: Observation) -> bool:
        """Whether more models fit the voices to which their names move than those under which they are known."""
        records = {name: lock.voices[name] for name in ring if name in lock.voices}
        if records:
            moved = sum(_recorded_for(self._voices[ring[name]], record) for name, record in records.items())
            return moved > sum(_recorded_for(self._voices[name], record) for name, record in records.items())
        marks = [(m.marker(lock.namespace), m.id) for m in observation.models.values()]
        known = [(mark, model_id) for mark, model_id in marks if mark is not None and mark.name in ring]
        moved = sum(_made_for(self._voices[ring[mark.name]], mark, model_id) for mark, model_id in known)
        return moved > sum(_made_for(self._voices[mark.name], mark, model_id) for mark, model_id in known)


def _rings(moves: Mapping[str, str]) -> list[dict[str, str]]:
    """Each ring by itself."""
    found, seen = [], set[str]()
    for start in moves:
        ring: dict[str, str] = {}
        name = start
        while name not in seen and name in moves:
            seen.add(name)
            ring[name], name = moves[name], moves[name]
        if ring:
            found.append(ring)
    return found


def _recorded_for(voice: Voice, record: Record) -> bool:
    same = voice.inputs is not None and voice.inputs == record.inputs
    return same or (voice.model is not None and voice.model == record.id)


def _made_for(voice: Voice, mark: Marker, model_id: str) -> bool:
    same = voice.inputs is not None and marker.key_of(voice.inputs) == mark.key
    return same or (voice.model is not None and voice.model == model_id)
