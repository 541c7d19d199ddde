"""The probe over bytes."""

from __future__ import annotations

import io

from voicectl.audio.kinds import FileKind
from voicectl.audio.probe import probe


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
