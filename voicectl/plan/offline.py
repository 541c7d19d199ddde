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
        models[record.id] = _current(namespace, name, record, lock)
        if record.pending is not None:
            tags = Marker.of(namespace, name, record.pending.inputs).marks
            models[record.pending.id] = Model(record.pending.id, title=name, tags=tags)
        models |= {gone.id: _retired(namespace, name, gone) for gone in record.retired}
    for name, removed in lock.removed.items():
        models |= {gone.id: _retired(namespace, name, gone) for gone in removed.retired}
    named = {v.model: v for v in catalog.voices.values() if v.model and v.model not in models}
    models |= {model_id: Model(model_id, title=voice.title) for model_id, voice in named.items()}
    return Observation(models=models, account=lock.provider.account)


def _current(namespace: str, name: str, record: Record, lock: Lock) -> Model:
    marks = () if record.origin == "external" else Marker.of(namespace, name, _marked(record)).marks
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


def _retired(namespace: str, name: str, gone: Retired) -> Model:
    tags = Marker.of(namespace, name, gone.inputs, retired=True).marks
    return Model(gone.id, title=name, tags=tags)
