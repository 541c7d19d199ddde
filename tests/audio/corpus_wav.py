"""WAV files that are odd in one way each."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.audio import making, sounds
from tests.audio.encoding import encoded
from tests.audio.making import chunk, fmt, riff
from tests.audio.probing import Verdict
from tests.audio.variant import SECONDS, Variant

LIST = b"INFOISFT\x09\0\0\0strtrunk\0"


def variants() -> Iterator[Variant]:
    """All of them."""
    yield from _wavs()
    yield from _coded_wavs()


def _wavs() -> Iterator[Variant]:
    forms = {
        "8 bit, 8 kHz": (fmt(1, 1, 8000, 8), 8000),
        "16 bit, 16 kHz": (fmt(1, 1, 16_000, 16), 32_000),
        "16 bit, 44.1 kHz, stereo": (fmt(1, 2, 44_100, 16), 176_400),
        "24 bit, 48 kHz, stereo": (fmt(1, 2, 48_000, 24), 288_000),
        "32 bit, 48 kHz": (fmt(1, 1, 48_000, 32), 192_000),
        "float, 22 kHz": (fmt(3, 1, 22_050, 32, extra=b"\0\0"), 88_200),
        "double, 8 kHz": (fmt(3, 1, 8000, 64, extra=b"\0\0"), 64_000),
        "extensible, 16 bit, 48 kHz, stereo": (making.extensible(1, 2, 48_000, 16), 192_000),
        "extensible, float, 16 kHz": (making.extensible(3, 1, 16_000, 32), 64_000),
    }
    for base, (form, speed) in forms.items():
        data = sounds.wav(sounds.part(sounds.speech(), 0, 5))[44:]
        data = (data * 5)[: int(SECONDS * speed) // 16 * 16]
        seconds = len(data) / speed
        for kind, content, verdict, deaf in _of_wav(form, data, seconds):
            yield Variant(f"wav: {kind}", base, "wav", content, verdict, seconds, deaf)


def _of_wav(form: bytes, data: bytes, seconds: float) -> Iterator[tuple[str, bytes, Verdict, bool]]:
    def wav(*before: bytes, size: int | None = None, behind: bytes = b"", name: bytes = b"RIFF") -> bytes:
        return riff(form, *before, chunk(b"data", data, size), behind, name=name)

    slow = bytearray(wav())
    slow[28:32] = bytes(4)
    wrong = bytearray(wav())
    wrong[28:32] = struct.pack("<I", 77)
    plays: dict[str, bytes] = {
        "plain": wav(),
        "a LIST before": wav(chunk(b"LIST", LIST)),
        "a fact, a JUNK, a bext before": wav(
            chunk(b"fact", bytes(4)), chunk(b"JUNK", bytes(99)), chunk(b"bext", bytes(602))
        ),
        "data size 0": wav(size=0),
        "data size 0xFFFFFFFF": wav(size=-1),
        "data size 0x7FFFFFC4": wav(size=0x7FFFFFC4),
        "data size counts the header": wav(size=len(data) + 44),
        "data size counts 8 more": wav(size=len(data) + 8),
        "RIFF size 0": b"RIFF" + bytes(4) + wav()[8:],
        "RIFF size 0xFFFFFFFF": b"RIFF" + b"\xff" * 4 + wav()[8:],
        "byte rate 0": bytes(slow),
        "byte rate wrong": bytes(wrong),
        "a LIST behind": wav(behind=chunk(b"LIST", LIST)),
        "an id3 chunk behind": wav(behind=chunk(b"id3 ", bytes(4097))),
        "ID3v1 behind": wav() + making.ID3V1,
        "a byte too many": wav() + b"\0",
    }
    for kind, content in plays.items():
        yield kind, content, "plays", False
    yield "an odd LIST without its pad byte", wav(chunk(b"LIST", LIST, pad=False)), "plays", True
    yield "two data chunks", wav(behind=chunk(b"data", data)), "odd", False
    yield "ID3v2 before", making.id3(bytes(50)) + wav(), "odd", False
    yield "cut off", wav()[: len(wav()) // 2], "refused", False
    yield "its header alone", wav()[: -len(data)], "refused", False
    yield "RF64", wav(size=-1, name=b"RF64"), "named", True
    yield "zeros before", bytes(99) + wav(), "named", True


def _coded_wavs() -> Iterator[Variant]:
    verdicts: dict[str, Verdict] = {
        "pcm_alaw": "odd", "pcm_mulaw": "odd", "adpcm_ms": "odd", "adpcm_ima_wav": "odd",
        "libmp3lame": "named", "ac3": "named", "flac": "named",
    }  # fmt: skip
    for codec, verdict in verdicts.items():
        content = encoded("wav", codec, rate=44_100)
        if content is not None:
            yield Variant(f"wav: {codec}", "44.1 kHz", "wav", content, verdict, SECONDS)
