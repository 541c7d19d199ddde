"""MP3 and Ogg files that are odd in one way each, and files of other formats."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.audio import making
from tests.audio.encoding import encoded
from tests.audio.variant import SECONDS, Variant

HOUR = 3600 * 48_000
"""An hour as a granule position."""


def variants() -> Iterator[Variant]:
    """All of them."""
    yield from _mp3s()
    yield from _opuses()
    yield from _others()


def _mp3s() -> Iterator[Variant]:
    for base, rate, channels, bits, options in (
        ("CBR, 8 kHz", 8000, 1, 32_000, {}),
        ("CBR, 16 kHz", 16_000, 1, 64_000, {}),
        ("CBR, 22 kHz, stereo", 22_050, 2, 64_000, {}),
        ("CBR, 44.1 kHz, stereo", 44_100, 2, 128_000, {}),
        ("CBR, 48 kHz", 48_000, 1, 320_000, {}),
        ("VBR, 24 kHz", 24_000, 1, 0, {"compression_level": "2"}),
        ("VBR, 44.1 kHz, stereo", 44_100, 2, 0, {"compression_level": "2"}),
    ):
        for title in ("with a header", "without a header"):
            xing = {"write_xing": "0" if title.startswith("without") else "1", "id3v2_version": "0"}
            content = encoded("mp3", "libmp3lame", rate=rate, channels=channels, bit_rate=bits, more=options | xing)
            if content is not None:
                yield from _of_mp3(f"{base}, {title}", content, bool(xing["write_xing"] == "1"))


def _of_mp3(base: str, sound: bytes, header: bool) -> Iterator[Variant]:
    picture = making.id3(b"APIC" + bytes(range(200)) * 30)
    plays = {
        "plain": sound,
        "ID3v2 before": picture + sound,
        "two ID3v2 tags before": making.id3(b"TIT2") + picture + sound,
        "an ID3v2 tag with a footer": making.id3(bytes(300), footer=True) + sound,
        "an APE tag before": making.ape(bytes(range(128)) * 2) + sound,
        "zeros before": bytes(3000) + sound,
        "ID3v2 and zeros before": picture + bytes(2000) + sound,
        "ID3v1 behind": sound + making.ID3V1,
        "APE, Lyrics3 and ID3v1 behind": sound + making.ape(b"a" * 999) + making.lyrics(b"la" * 99) + making.ID3V1,
        "zeros behind": sound + bytes(5000),
        "its last frame cut off": sound[:-30],
    }
    for kind, content in plays.items():
        yield Variant(f"mp3: {kind}", base, "mp3", content, "plays", SECONDS)
    yield Variant("mp3: junk before", base, "mp3", b"\x07junk" * 40 + sound, "odd", SECONDS)
    half = sound[: len(sound) // 2]
    yield Variant("mp3: cut off", base, "mp3", half, "refused" if header else "plays", SECONDS)
    yield Variant("mp3: two behind each other", base, "mp3", sound + sound, "odd" if header else "plays", 2 * SECONDS)
    if header:
        more = bytearray(sound)
        at = max(sound.find(b"Xing", 0, 99), sound.find(b"Info", 0, 99))
        more[at + 8 : at + 12] = struct.pack(">I", 900)
        yield Variant("mp3: a header that promises too many frames", base, "mp3", bytes(more), "refused", 20)
        none = bytearray(sound)
        none[at + 7] &= 0xFE
        none[at + 8 : at + 160] = none[at + 12 : at + 160] + bytes(4)
        yield Variant("mp3: a header without a count of frames", base, "mp3", bytes(none), "plays", SECONDS)


def _opuses() -> Iterator[Variant]:
    for base, channels, bits, options, muxer in (
        ("24 kbit/s", 1, 24_000, {}, {}),
        ("stereo, 96 kbit/s", 2, 96_000, {}, {}),
        ("60 ms", 1, 16_000, {"frame_duration": "60"}, {}),
        ("2.5 ms", 1, 64_000, {"frame_duration": "2.5", "application": "lowdelay"}, {}),
        ("short pages", 1, 32_000, {}, {"page_duration": "20000"}),
        ("pages of 200 ms", 1, 32_000, {"vbr": "off"}, {"page_duration": "200000"}),
    ):
        content = encoded("ogg", "libopus", rate=48_000, channels=channels, bit_rate=bits, more=options | muxer)
        if content is not None:
            yield from _of_opus(base, content)


def _pages(content: bytes) -> list[bytes]:
    starts = [at for at in range(len(content)) if content.startswith(b"OggS\0", at)]
    return [content[begin:end] for begin, end in zip(starts, [*starts[1:], len(content)], strict=True)]


def _signed(page: bytes) -> bytes:
    """The page with a right checksum."""
    return page[:22] + struct.pack("<I", making.checksum(page[:22] + bytes(4) + page[26:])) + page[26:]


def _moved(page: bytes, by: int) -> bytes:
    granule = struct.unpack_from("<q", page, 6)[0]
    return _signed(page[:6] + struct.pack("<q", granule + by) + page[14:]) if granule >= 0 else page


def _of_opus(base: str, sound: bytes) -> Iterator[Variant]:
    pages = _pages(sound)
    heads, rest = pages[:2], pages[2:]
    other = making.page([b"\x80kate\0\0\0" + bytes(56)], 0, 0, 2, serial=99)
    skeleton = making.page([b"fishead\0" + struct.pack("<HH", 3, 0) + bytes(52)], 0, 0, 2, serial=98)
    open_end = _signed(rest[-1][:5] + b"\0" + rest[-1][6:])
    twin = b"".join(_signed(page[:14] + struct.pack("<I", 12345) + page[18:]) for page in pages)
    number = struct.unpack_from("<I", rest[-1], 18)[0] + 1
    serial = struct.unpack_from("<I", rest[-1], 14)[0]
    plays = {
        "plain": sound,
        "begins at an hour": b"".join([*heads, *(_moved(page, HOUR) for page in rest)]),
        "an empty last page at -1": b"".join(pages[:-1]) + open_end + making.page([], -1, number, 4, serial),
        "no end of the stream": b"".join(pages[:-1]) + open_end,
        "a skeleton first": skeleton + sound,
        "another stream beside": pages[0] + other + b"".join(pages[1:]),
        "ID3v1 behind": sound + making.ID3V1,
        "zeros behind": sound + bytes(500),
    }
    for kind, content in plays.items():
        yield Variant(f"opus: {kind}", base, "opus", content, "plays", SECONDS)
    if len(rest) > 1:
        yield Variant("opus: without its last page", base, "opus", b"".join(pages[:-1]), "plays", SECONDS)
    yield Variant("opus: chained", base, "opus", sound + twin, "odd", 2 * SECONDS)
    yield Variant("opus: its heads alone", base, "opus", b"".join(heads), "refused", SECONDS)
    if len(rest) < 5:
        cut = sound[: -len(rest[-1]) // 2]
        yield Variant("opus: cut off", base, "opus", cut, "refused", SECONDS)


def _others() -> Iterator[Variant]:
    for codec, rate in (("libvorbis", 44_100), ("flac", 16_000), ("libspeex", 16_000)):
        content = encoded("ogg", codec, rate=rate)
        if content is not None:
            yield Variant(f"opus: {codec} in its place", str(rate), "opus", content, "named", SECONDS)
    for form, codec in (("flac", "flac"), ("adts", "aac"), ("aiff", "pcm_s16be"), ("caf", "pcm_s16le"),
                        ("matroska", "libopus"), ("w64", "pcm_s16le"), ("mp2", "mp2")):  # fmt: skip
        content = encoded(form, codec, rate=48_000)
        if content is not None:
            yield Variant(f"another: {form}", codec, "wav", content, "named", SECONDS)
            if form in ("flac", "adts"):
                tagged = making.id3(b"TIT2") + content
                yield Variant(f"another: ID3v2 and {form}", codec, "mp3", tagged, "named", SECONDS)
