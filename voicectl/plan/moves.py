"""Where names went: `moved`, rings among them, held against the lockfile and the account's markers. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from voicectl.model import marker
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, Record
from voicectl.model.marker import Marker
from voicectl.model.observed import Observation
from voicectl.model.voice import Voice


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
