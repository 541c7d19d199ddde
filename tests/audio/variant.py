"""One file of the corpus."""

from __future__ import annotations

from dataclasses import dataclass

from tests.audio.probing import Verdict

SECONDS = 2.2
"""How long the sound is that most of them are made from."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A file: what is odd about it, what it was made from, its format, and which verdict of the probe is right.

    `seconds` is how long its sound lasted before anything was cut off. `deaf` says that FFmpeg can't open it.
    """

    kind: str
    base: str
    form: str
    content: bytes
    verdict: Verdict
    seconds: float
    deaf: bool = False
