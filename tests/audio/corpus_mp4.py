"""MPEG-4 files that are odd in one way each."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from tests.audio import making
from tests.audio.encoding import encoded
from tests.audio.probing import Verdict

Given = tuple[str, str, bytes, Verdict]
_HOLD_BOXES = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta")


def variants() -> Iterator[Given]:
    """Kind, base, bytes and the right verdict of each."""
    for base, rate, channels, bits in (
        ("8 kHz", 8000, 1, 24_000),
        ("16 kHz", 16_000, 1, 48_000),
        ("22 kHz", 22_050, 1, 64_000),
        ("44.1 kHz, stereo", 44_100, 2, 128_000),
        ("48 kHz, stereo", 48_000, 2, 192_000),
    ):
        made = {name: _made(rate, channels, bits, flags) for name, flags in _FLAGS.items()}
        for name, content in made.items():
            yield name, base, content, "plays"
        yield from _of(base, made["moov behind"], made["moov before"])
        fragments = made["fragmented"]
        yield "fragmented, cut off", base, fragments[: len(fragments) * 2 // 3], "refused"
        for kind, codec, frames in (("a moving picture beside", "mpeg4", 20), ("a still beside", "mjpeg", 1)):
            beside = encoded("mp4", "aac", rate=rate, channels=channels, bit_rate=bits, picture=codec, frames=frames)
            if beside is not None:
                yield kind, base, beside, "plays"
    for codec in ("alac", "libopus", "libmp3lame", "ac3", "flac"):
        other = encoded("mp4", codec, rate=48_000, bit_rate=128_000 if codec != "alac" else 0, more={"strict": "-2"})
        if other is not None:
            yield f"{codec} in it", "48 kHz", other, "named"
    for form in ("mp4", "mov"):
        silent = encoded(form, "aac", rate=48_000, picture="mpeg4", sound=False)
        sound = encoded(form, "aac", rate=48_000, bit_rate=64_000)
        assert silent is not None
        assert sound is not None
        yield f"pictures alone ({form})", "", silent, "refused"
        yield f"as {form}", "48 kHz", sound, "plays"
    plain = encoded("mov", "pcm_s16le", rate=48_000)
    if plain is not None:
        yield "uncompressed sound in a mov", "48 kHz", plain, "named"


_FLAGS = {
    "moov behind": "",
    "moov before": "faststart",
    "fragmented": "frag_keyframe+empty_moov+default_base_moof",
    "fragmented, a second each": "frag_every_frame+empty_moov",
}


def _made(rate: int, channels: int, bits: int, flags: str) -> bytes:
    more = {"movflags": flags} if flags else {}
    content = encoded("ipod", "aac", rate=rate, channels=channels, bit_rate=bits, more=more)
    assert content is not None
    return content


def _of(base: str, behind: bytes, before: bytes) -> Iterator[Given]:
    at = behind.index(b"free\0") - 4
    media = behind.index(b"mdat") - 4
    length = struct.unpack_from(">I", behind, media)[0]
    assert behind[at : at + 8] == struct.pack(">I4s", 8, b"free")
    wide = behind[:at] + struct.pack(">I4sQ", 1, b"mdat", length + 8) + behind[media + 8 :]
    last = before.index(b"mdat") - 4
    plays = {
        "trailing garbage": behind + bytes(range(16)),
        "trailing zeros": behind + bytes(1000),
        "a box behind": behind + making.box(b"free", bytes(100)),
        "an mdat of 64 bits": wide,
        "an mdat to the end": before[:last] + bytes(4) + before[last + 4 :],
        "co64": changed(behind, b"stco", _wider),
        "no duration in mvhd": changed(behind, b"mvhd", lambda box: box[:24] + bytes(4) + box[28:]),
        "no duration in mdhd": changed(behind, b"mdhd", lambda box: box[:24] + bytes(4) + box[28:]),
        "a wrong duration in mdhd": changed(behind, b"mdhd", lambda box: box[:24] + b"\0\x7f\0\0" + box[28:]),
        "no edit list": changed(behind, b"edts", lambda box: b"\0\0\0\x08free"),
        "an edit list that cuts a second": changed(behind, b"elst", lambda box: _cut(box, 1000)),
        "no ftyp": making.box(b"free", behind[8 : behind.index(b"free") - 4]) + behind[behind.index(b"free") - 4 :],
    }
    for kind, content in plays.items():
        yield kind, base, content, "plays"
    yield "cut off, moov behind", base, behind[: len(behind) // 2], "refused"
    yield "cut off, moov before", base, before[: last + (len(before) - last) // 2], "refused"
    open_end = plays["an mdat to the end"]
    yield "cut off, an mdat to the end", base, open_end[: last + (len(before) - last) // 2], "refused"
    yield "no samples", base, changed(behind, b"stsz", lambda box: box[:12] + bytes(8)), "odd"


def _wider(box: bytes) -> bytes:
    count = struct.unpack_from(">I", box, 12)[0]
    places = struct.unpack_from(f">{count}I", box, 16)
    return making.box(b"co64", box[8:16], struct.pack(f">{count}Q", *places))


def _cut(box: bytes, by: int) -> bytes:
    length = struct.unpack_from(">I", box, 16)[0]
    return box[:16] + struct.pack(">I", length - by) + box[20:]


def changed(content: bytes, name: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The file with each box of a name changed, and the sizes of those around it put right."""
    result, at = b"", 0
    while at + 8 <= len(content):
        length, box = struct.unpack_from(">I4s", content, at)
        length = length or len(content) - at
        whole = content[at : at + length]
        if box == name:
            whole = change(whole)
        elif box in _HOLD_BOXES:
            whole = making.box(box, changed(whole[8:], name, change))
        result += whole
        at += length
    return result
