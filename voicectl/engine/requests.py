"""What a request that makes a model consists of. Pure but for the paths, which are opened when they are sent."""

from __future__ import annotations

from pathlib import Path

from voicectl.model.marker import Marker
from voicectl.model.voice import Metadata, Voice
from voicectl.provider.port import NewModel, Upload

_MEDIA_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "m4a": "audio/mp4", "opus": "audio/ogg"}


def made_tags(metadata: Metadata, wanted: Marker) -> tuple[str, ...]:
    """All tags of a new model, the marks first."""
    return (*wanted.marks, *(metadata.tags or ()))


def new_model(root: Path, voice: Voice, metadata: Metadata, wanted: Marker) -> NewModel:
    """The request that makes a voice's model."""
    transcripts = tuple(s.transcript for s in voice.samples if s.transcript is not None)
    return NewModel(
        metadata=metadata,
        tags=made_tags(metadata, wanted),
        samples=tuple(
            Upload(root / s.path, f"sample-{n}.{s.format}", _MEDIA_TYPES[s.format], s.digest, s.size)
            for n, s in enumerate(voice.samples, 1)
        ),
        transcripts=transcripts,
        enhance=voice.enhance,
        cover=cover_upload(root, voice),
    )


def cover_upload(root: Path, voice: Voice) -> Upload | None:
    """The cover image's file, where there is one."""
    cover = voice.cover
    if cover is None:
        return None
    name = "cover." + cover.media_type.partition("/")[2]
    return Upload(root / cover.path, name, cover.media_type, cover.digest, cover.size)
