"""Makers of sound files, byte by byte: headers as they should be, and as they are."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache

PCM, FLOAT, ALAW, MULAW, ADPCM, MP3_IN_WAV, EXTENSIBLE = 1, 3, 6, 7, 2, 0x55, 0xFFFE


def chunk(name: bytes, content: bytes, size: int | None = None, *, pad: bool = True) -> bytes:
    """A RIFF chunk, whose header may claim another size."""
    length = len(content) if size is None else size
    return name + struct.pack("<I", length & 0xFFFFFFFF) + content + (b"\0" * (len(content) % 2) if pad else b"")


def fmt(
    tag: int = PCM, channels: int = 1, rate: int = 1000, bits: int = 16, *,
    byte_rate: int | None = None, align: int | None = None, extra: bytes = b"",
) -> bytes:  # fmt: skip
    """A `fmt ` chunk."""
    frame = channels * ((bits + 7) // 8) if align is None else align
    speed = rate * frame if byte_rate is None else byte_rate
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, speed, frame, bits) + extra)


def extensible(subtype: int = PCM, channels: int = 1, rate: int = 1000, bits: int = 16) -> bytes:
    """A `fmt ` chunk in the extensible format."""
    guid = struct.pack("<H", subtype) + bytes.fromhex("000000001000800000aa00389b71")
    return fmt(EXTENSIBLE, channels, rate, bits, extra=struct.pack("<HHI", 22, bits, 4) + guid)


def riff(*chunks: bytes, size: int | None = None, name: bytes = b"RIFF") -> bytes:
    """A RIFF file of WAVE chunks."""
    body = b"WAVE" + b"".join(chunks)
    return name + struct.pack("<I", (len(body) if size is None else size) & 0xFFFFFFFF) + body


def wav(seconds: float = 12.0, rate: int = 1000, seed: int = 1) -> bytes:
    """A mono WAV file; another seed gives other bytes."""
    return riff(fmt(rate=rate), chunk(b"data", struct.pack("<h", seed) * int(seconds * rate)))


def frame(bits: int = 5, extra: bytes = b"", at: int = 4 + 17) -> bytes:
    """A silent frame of MPEG-1 layer III at 32 kHz, mono: 36 ms; 64 kbit/s by default. `extra` is put into it."""
    rate = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)[bits]
    content = bytearray(bytes([0xFF, 0xFB, bits << 4 | 8, 0xC0]) + bytes(144 * rate // 32 - 4))
    content[at : at + len(extra)] = extra
    return bytes(content)


def frames(seconds: float, bits: Sequence[int] = (5,)) -> bytes:
    """Silent frames, whose bit rates take turns."""
    return b"".join(frame(bits[number % len(bits)]) for number in range(round(seconds / 0.036)))


def xing(count: int | None, size: int | None, *, name: bytes = b"Xing", delay: int = 0, padding: int = 0) -> bytes:
    """The frame that holds Xing's header, with LAME's tag where samples are to be left out."""
    flags = (count is not None) | (size is not None) << 1 | 0xC
    numbers = b"".join(struct.pack(">I", number) for number in (count, size) if number is not None)
    lame = b"LAME3.100" + bytes(12) + (delay << 12 | padding).to_bytes(3, "big") if delay or padding else b""
    return frame(9, name + struct.pack(">I", flags) + numbers + bytes(104) + lame)


def vbri(count: int, size: int) -> bytes:
    """The frame that holds Fraunhofer's header."""
    return frame(9, b"VBRI" + struct.pack(">HHHII", 1, 0, 75, size, count), at=36)


def mp3(seconds: float = 12.0, *, tag: bool = False) -> bytes:
    """MPEG-1 layer III, 64 kbit/s, 32 kHz: frames of 288 bytes and 36 ms."""
    return (id3(bytes(10)) if tag else b"") + frames(seconds)


def synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(content: bytes, *, footer: bool = False) -> bytes:
    """An ID3v2.4 tag before the sound."""
    flags = 0x10 if footer else 0
    head = b"\x04\0" + bytes([flags]) + synchsafe(len(content))
    return b"ID3" + head + content + (b"3DI" + head if footer else b"")


def ape(content: bytes, *, header: bool = True) -> bytes:
    """An APEv2 tag."""
    size = len(content) + 32
    head = struct.pack("<III", 2000, size, 1)
    flags = 0x80000000 if header else 0
    front = b"APETAGEX" + head + struct.pack("<I8x", flags | 0x20000000)
    return (front if header else b"") + content + b"APETAGEX" + head + struct.pack("<I8x", flags)


def lyrics(text: bytes) -> bytes:
    """A Lyrics3v2 tag."""
    body = b"LYRICSBEGIN" + text
    return body + b"%06d" % len(body) + b"LYRICS200"


ID3V1 = b"TAG" + bytes(125)


def page(
    packets: Sequence[bytes], granule: int, sequence: int, flags: int = 0, serial: int = 7, *, open_end: bool = False
) -> bytes:
    """An Ogg page with whole packets; with `open_end` the last goes on in the next page."""
    lacing = bytearray()
    for packet in packets:
        lacing += b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
    if open_end:
        assert len(packets[-1]) % 255 == 0
        del lacing[-1]
    head = b"OggS\0" + struct.pack("<BqII", flags, granule, serial, sequence)
    rest = bytes([len(lacing)]) + lacing + b"".join(packets)
    return head + struct.pack("<I", checksum(head + bytes(4) + rest)) + rest


@cache
def _table() -> list[int]:
    table = []
    for value in range(256):
        value <<= 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7) if value & 0x80000000 else value << 1
        table.append(value & 0xFFFFFFFF)
    return table


def checksum(content: bytes) -> int:
    """The checksum of a page (RFC 3533, 6)."""
    table, value = _table(), 0
    for byte in content:
        value = (value << 8 & 0xFFFFFFFF) ^ table[value >> 24 ^ byte]
    return value


SILENT = b"\xf8\xff\xfe"
"""An Opus packet of 20 ms of silence."""


def opus_head(skip: int = 312, channels: int = 1) -> bytes:
    return b"OpusHead" + struct.pack("<BBHIhB", 1, channels, skip, 48000, 0, 0)


def opus_tags() -> bytes:
    return b"OpusTags" + struct.pack("<I", 4) + b"test" + struct.pack("<I", 0)


def opus(
    seconds: float = 12.0, *, skip: int = 312, start: int = 0, serial: int = 7, end: bool = True, first: bytes = b""
) -> bytes:
    """An Ogg Opus file of silence, a page for each second, that begins at a granule position. `first` is a page."""
    result = page([opus_head(skip)], 0, 0, 2, serial) + first + page([opus_tags()], 0, 1, 0, serial)
    last = int(seconds * 48000) + skip
    count = -(-last // 960)
    for sequence, begin in enumerate(range(0, count, 50), 2):
        packets = [SILENT] * min(50, count - begin)
        whole = begin + len(packets) == count
        granule = start + (last if whole else (begin + 50) * 960)
        result += page(packets, granule, sequence, 4 if whole and end else 0, serial)
    return result


def box(name: bytes, *contents: bytes, size: int | None = None) -> bytes:
    """An MPEG-4 box, whose header may claim another size."""
    content = b"".join(contents)
    return struct.pack(">I", len(content) + 8 if size is None else size) + name + content


def long_box(name: bytes, content: bytes) -> bytes:
    """The same with a size of 64 bits."""
    return struct.pack(">I4sQ", 1, name, len(content) + 16) + content


def esds(kind: int = 0x40, configuration: bytes = b"\x15\x88") -> bytes:
    """What says that sound is AAC: by default AAC-LC, 8 kHz, mono."""
    inner = bytes([kind, 0x15]) + bytes(3) + struct.pack(">II", 64000, 64000)
    inner += b"\x05" + bytes([len(configuration)]) + configuration
    return box(b"esds", bytes(4) + b"\x03" + bytes([len(inner) + 5]) + bytes(3) + b"\x04" + bytes([len(inner)]) + inner)


def entry(codec: bytes = b"mp4a", *inner: bytes, rate: int = 8000) -> bytes:
    """The description of a sound track."""
    head = bytes(6) + struct.pack(">H8xHHHHI", 1, 1, 16, 0, 0, rate << 16)
    return box(codec, head, *(inner or (esds(),)))


SELF = box(b"url ", struct.pack(">I", 1))
"""A reference to the file itself."""


def track(
    seconds: float, *, number: int = 1, handler: bytes = b"soun", description: bytes = b"", edits: bytes = b"",
    at: int = 1000, scale: int = 8000, declared: int | None = None, wide: bool = False, more: bytes = b"",
) -> bytes:  # fmt: skip
    """A track of samples of 1,000 ticks and 10 bytes, one chunk, which stands `at` this place of the file."""
    count = int(seconds * scale) // 1000
    ticks = count * 1000 if declared is None else declared
    places = box(b"co64", struct.pack(">IIQ", 0, 1, at)) if wide else box(b"stco", struct.pack(">III", 0, 1, at))
    tables = box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), description or entry()),
        box(b"stts", struct.pack(">IIII", 0, 1, count, 1000) if count else bytes(8)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, count, 1) if count else bytes(8)),
        box(b"stsz", struct.pack(">III", 0, 10, count)),
        places,
    )
    return box(
        b"trak",
        box(b"tkhd", struct.pack(">IIIII", 0, 0, 0, number, 0) + bytes(64)),
        edits,
        more,
        box(
            b"mdia",
            box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, scale, ticks, 0, 0)),
            box(b"hdlr", bytes(8), handler, bytes(13)),
            box(b"minf", box(b"dinf", box(b"dref", struct.pack(">II", 0, 1), SELF)), tables),
        ),
    )


def movie(*tracks: bytes, ticks: int = 0) -> bytes:
    """The header of a file, in milliseconds."""
    return box(b"moov", box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, ticks) + bytes(80)), *tracks)


FTYP = box(b"ftyp", b"M4A \0\0\0\0M4A ")


def m4a(seconds: float = 12.0, *tracks: bytes) -> bytes:
    """An MPEG-4 file with the boxes that tell its duration; its sound is no real one."""
    header = movie(*(tracks or (track(seconds),)))
    begin = len(FTYP) + len(header) + 8
    header = header.replace(struct.pack(">III", 0, 1, 1000), struct.pack(">III", 0, 1, begin))
    return FTYP + header + box(b"mdat", bytes(int(seconds * 8) * 10 + 10))
