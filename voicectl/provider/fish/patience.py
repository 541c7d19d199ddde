"""How long a client waits for answers, and for how long it repeats requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voicectl.concurrency import PATIENCE
from voicectl.provider.fish import bounds
from voicectl.provider.port import Upload


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for answers, and for how long to repeat. All times in seconds."""

    connect: float = 10.0
    read: float = 60.0
    whole: float = 60.0
    """For a request with its answer, but for POST; longer where it carries files."""
    whole_post: float = 600.0
    read_post: float = 240.0
    """For the first byte of an answer to POST, as in the official SDKs; more for each clip and its bytes."""
    a_clip: float = 10.0
    """For each clip of a POST: it may be enhanced and transcribed before the answer comes."""
    first_pause: float = 0.5
    longest_pause: float = 20.0
    deadline: float = PATIENCE
    """Counted from the moment that a request has its place among those in flight."""

    def request(self, method: str, size: int = 0) -> float:
        """How long one request may take with its answer, when it carries so many bytes of files."""
        return (self.whole_post if method == "POST" else self.whole) + size / bounds.SLOWEST

    def answer(self, method: str, uploads: Sequence[Upload]) -> float:
        """How long the other side may be silent."""
        if method != "POST":
            return self.read
        size = sum(upload.size for upload in uploads)
        return max(self.read, self.read_post + self.a_clip * len(uploads) + size / bounds.SLOWEST)


USUAL = Patience()
"""What a user gets."""
