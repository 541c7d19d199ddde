"""The probe over bytes."""

from __future__ import annotations

import io
from typing import Literal, TypeAlias

from voicectl.audio.kinds import AUDIO, FileKind
from voicectl.audio.probe import probe

Verdict: TypeAlias = Literal["plays", "odd", "refused", "named"]


def verdict_on(found: FileKind) -> Verdict:
    """What the probe made of a file: sound, unusual, surely unusable, or something else."""
    if found.problem:
        return "refused"
    return "named" if found.format not in AUDIO else "odd" if found.unusual else "plays"


def probed(content: bytes) -> FileKind:
    return probe(io.BytesIO(content), len(content))


def told(content: bytes) -> str:
    """The verdict in a word: `12.0` seconds, `unusual: …`, `refused: …`, or the name of something else."""
    found = probed(content)
    if found.problem:
        return f"refused: {found.problem}"
    if found.unusual:
        return f"unusual: {found.unusual}"
    return found.format if found.seconds is None else f"{found.seconds:.1f}"
