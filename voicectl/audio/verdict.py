"""The decoder's verdict on files whose headers are unusual: in a process of its own, which may die of what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from voicectl.audio.hearing import has_decoder
from voicectl.audio.kinds import FileKind
from voicectl.audio.worker import Processes
from voicectl.files import digest_of, open_regular
from voicectl.model.recording import Unheard

if TYPE_CHECKING:
    from voicectl.audio.decode import Sound

_AGAIN = "export it again"
_HOLD: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "wav": ("wav", ("pcm_", "adpcm_")),
    "mp3": ("mp3", ("mp3",)),
    "m4a": ("mov", ("aac",)),
    "opus": ("ogg", ("opus",)),
}
"""FFmpeg's names of each format's container and codecs, or their beginnings."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A file whose headers don't tell: its path, the digest of what was looked at, and what that was."""

    path: str
    digest: str
    kind: FileKind


def decide(doubts: Mapping[str, Doubt]) -> dict[str, FileKind]:
    """What the decoder says of each file, by the same keys.

    A kind that nobody could tell keeps its `unusual`: without the decoder all do, and no process is started.
    """
    if not doubts or not has_decoder():
        return {key: doubt.kind for key, doubt in doubts.items()}
    decided = {}
    for key, found in Processes(hear_file).each(doubts):
        if isinstance(found, Unheard):
            found = FileKind(doubts[key].kind.format, None, found.message, found.hint or _AGAIN)
        decided[key] = found
    return decided


def hear_file(doubt: Doubt) -> FileKind:
    """Decode one file; in the worker."""
    try:
        from voicectl.audio.decode import Unplayable, hear
    except ImportError:
        return doubt.kind
    try:
        with open(open_regular(doubt.path), "rb") as file:
            if digest_of(file) != doubt.digest:
                return doubt.kind
            return as_heard(doubt.kind, hear(file))
    except Unplayable as error:
        return FileKind(doubt.kind.format, None, str(error), _AGAIN)
    except OSError:
        return doubt.kind


def as_heard(kind: FileKind, sound: Sound) -> FileKind:
    """What a file is whose sound was decoded."""
    container, codecs = _HOLD[kind.format]
    if not sound.codec.startswith(codecs) or not sound.container.startswith(container):
        holder = sound.container.partition(",")[0]
        name = sound.codec.upper()
        return FileKind(name if holder == sound.codec else f"{name} in a {holder} container")
    return replace(
        kind,
        seconds=round(sound.seconds, 3),
        unusual="",
        rate=sound.rate,
        channels=sound.channels,
        moving=sound.moving,
    )
