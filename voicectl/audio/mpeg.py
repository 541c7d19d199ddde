"""The headers of MPEG audio frames of layer III (ISO 11172-3 and 13818-3; 2.5 is Fraunhofer's own addition)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

_KILOBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its length in bytes, its samples a channel, and what it says of the sound."""

    length: int
    samples: int
    rate: int
    channels: int
    bit_rate: int
    """Bits a second."""
    full: bool
    """MPEG-1; MPEG-2 and 2.5 have half the rates and half the samples."""
    checked: bool
    """A checksum of two bytes follows the header."""

    @property
    def side(self) -> int:
        """Where the frame's own data begin, behind its header and side information (without a checksum)."""
        if self.full:
            return 4 + (17 if self.channels == 1 else 32)
        return 4 + (9 if self.channels == 1 else 17)

    def continues(self, other: Frame) -> bool:
        """Whether another frame can belong to the same stream."""
        return (self.rate, self.full) == (other.rate, other.full)


def frame_at(data: bytes, at: int = 0) -> Frame | None:
    """The frame whose header stands in `data` at a position; None where there is none."""
    return _frame(data[at : at + 4])


@lru_cache(maxsize=256)
def _frame(head: bytes) -> Frame | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, bits, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or bits in (0, 15) or rate == 3 or head[3] & 3 == 2:  # 2 is a reserved emphasis
        return None
    full = version == 3
    bit_rate, hertz = _KILOBITS[full][bits] * 1000, _RATES[version][rate]
    return Frame(
        length=(144 if full else 72) * bit_rate // hertz + (head[2] >> 1 & 1),
        samples=1152 if full else 576,
        rate=hertz,
        channels=1 if head[3] >> 6 == 3 else 2,
        bit_rate=bit_rate,
        full=full,
        checked=not head[1] & 1,
    )


def is_free(data: bytes) -> bool:
    """Whether a frame of layer III stands here whose bit rate is free, which hardly any decoder plays."""
    return (
        len(data) >= 4 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2
        and data[1] >> 3 & 3 != 1 and data[2] >> 4 == 0 and data[2] >> 2 & 3 != 3
    )  # fmt: skip
