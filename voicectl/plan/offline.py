"""A plan without the account: what was recorded stands in for what would be observed. Pure."""

from __future__ import annotations

from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, Record, Retired
from voicectl.model.marker import Marker
from voicectl.model.observed import Model, Observation


def as_recorded(catalog: Catalog, lock: Lock) -> Observation:
    """The account as it would look if nobody had touched it since the last apply."""
    namespace = catalog.namespace
    models: dict[str, Model] = {}
    for name, record in lock.voices.items():
        models[record.id] = _current(name, record, lock)
        if record.pending is not None:
            tags = Marker.of(namespace, name, record.pending.inputs).marks
            models[record.pending.id] = Model(record.pending.id, title=name, tags=tags)
        models |= {gone.id: _retired(name, gone, lock) for gone in record.retired}
    for name, removed in lock.removed.items():
        models |= {gone.id: _retired(name, gone, lock) for gone in removed.retired}
    named = {v.model: v for v in catalog.voices.values() if v.model and v.model not in models}
    models |= {model_id: Model(model_id, title=voice.title) for model_id, voice in named.items()}
    return Observation(models=models, account=lock.provider.account)


def marks_of_record(lock: Lock, name: str, record: Record) -> tuple[str, ...]:
    """The ownership tags that a recorded model carries if nobody has touched them."""
    return () if record.origin == "external" else Marker.of(lock.namespace, name, _marked(record)).marks


def marks_of_retired(lock: Lock, name: str, gone: Retired, model: Model | None = None) -> tuple[str, ...]:
    """The same of a retired generation; where its inputs are not known, with the digest that `model` is marked with."""
    mark = model.marker(lock.namespace) if model is not None and gone.inputs is None else None
    if mark is not None:
        return Marker(lock.namespace, name, mark.key, retired=True).marks
    return Marker.of(lock.namespace, name, gone.inputs, retired=True).marks


def _current(name: str, record: Record, lock: Lock) -> Model:
    marks = marks_of_record(lock, name, record)
    applied = record.applied
    return Model(
        id=record.id,
        title=applied.title or "",
        description=applied.description or "",
        visibility=applied.visibility or "private",
        tags=(*(applied.tags or ()), *marks),
        cover_image=applied.remote_cover or "",
        state=record.state,
        author=lock.provider.account or "",
    )


def _marked(record: Record) -> str | None:
    return record.inputs if record.origin == "created" else None


def _retired(name: str, gone: Retired, lock: Lock) -> Model:
    return Model(gone.id, title=name, tags=marks_of_retired(lock, name, gone))
