"""Small projects on disk, and small sound files made by code."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from voicectl.errors import InvalidFiles, Problem
from voicectl.manifest.load import load_all
from voicectl.model.catalog import Catalog

Files = Mapping[str, str | bytes]


def wav(seconds: float = 12.0, rate: int = 1000, seed: int = 1) -> bytes:
    """A mono WAV file; another seed gives other bytes."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(struct.pack("<h", seed) * int(seconds * rate))
    return buffer.getvalue()


def wav_extensible(seconds: int = 12, rate: int = 1000) -> bytes:
    """A WAV file with the extensible format, and a chunk of odd length before the sound."""
    subtype = struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 1, rate, rate * 2, 2, 16, 22, 16, 4) + subtype
    data = b"\x01\x02" * (seconds * rate)
    chunks = [(b"fmt ", fmt), (b"LIST", b"odd"), (b"data", data)]
    body = b"".join(name + struct.pack("<I", len(c)) + c + b"\0" * (len(c) % 2) for name, c in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def mp3(seconds: float = 12.0, *, extra: bytes = b"", tag: bool = False) -> bytes:
    """MPEG-1 layer III, 64 kbit/s, 32 kHz: frames of 288 bytes and 36 ms. `extra` goes into the first."""
    frame = b"\xff\xfb\x58\xc0" + bytes(284)
    first = frame[:4] + bytes(17) + extra + frame[4 + 17 + len(extra) :]
    frames = first + frame * (round(seconds / 0.036) - 1)
    return (b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) if tag else b"") + frames


def mp3_with_xing(frames: int) -> bytes:
    """An MP3 file of two frames whose header claims more, as the header of a longer VBR file would."""
    return mp3(0.072, extra=b"Xing" + struct.pack(">III", 3, frames, frames * 200))


def ogg_page(payload: bytes, granule: int, sequence: int, flags: int = 0) -> bytes:
    """One Ogg page, without a valid checksum."""
    segments = bytes([255] * (len(payload) // 255) + [len(payload) % 255])
    header = b"OggS\0" + bytes([flags]) + struct.pack("<qIII", granule, 7, sequence, 0)
    return header + bytes([len(segments)]) + segments + payload


def opus(seconds: float = 12.0) -> bytes:
    """An Ogg Opus file of three pages."""
    skip = 312
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, skip, 48000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 4) + b"test" + struct.pack("<I", 0)
    last = ogg_page(b"\xf8\xff\xfe" * 20, int(seconds * 48000) + skip, 2, 4)
    return ogg_page(head, 0, 0, 2) + ogg_page(tags, 0, 1) + last


def box(name: bytes, payload: bytes) -> bytes:
    """One MPEG-4 box."""
    return struct.pack(">I", len(payload) + 8) + name + payload


def m4a(seconds: float = 12.0) -> bytes:
    """An MPEG-4 file with the boxes that tell its duration."""
    ticks = int(seconds * 1000)
    mvhd = struct.pack(">IIIII", 0, 0, 0, 1000, ticks) + bytes(80)
    mdhd = struct.pack(">IIIIIHH", 0, 0, 0, 1000, ticks, 0, 0)
    entry = bytes(6) + struct.pack(">H", 1) + bytes(8) + struct.pack(">HHHHI", 1, 16, 0, 0, 32000 << 16)
    config = b"\x04\x0d\x40\x15" + bytes(3) + struct.pack(">II", 64000, 64000)
    esds = bytes(4) + b"\x03" + bytes([len(config) + 3]) + bytes(3) + config
    stsd = struct.pack(">II", 0, 1) + box(b"mp4a", entry + box(b"esds", esds))
    media = box(b"mdhd", mdhd) + box(b"minf", box(b"stbl", box(b"stsd", stsd)))
    moov = box(b"mvhd", mvhd) + box(b"trak", box(b"mdia", media))
    return box(b"ftyp", b"M4A \0\0\0\0M4A ") + box(b"moov", moov) + box(b"mdat", bytes(64))


PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)


@pytest.fixture(scope="session")
def sound() -> SimpleNamespace:
    """The makers of sound files."""
    return SimpleNamespace(
        wav=wav,
        wav_extensible=wav_extensible,
        mp3=mp3,
        mp3_with_xing=mp3_with_xing,
        opus=opus,
        ogg_page=ogg_page,
        m4a=m4a,
        box=box,
        png=PNG,
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Files], Path]:
    """Writes files below a project directory that has two samples, a cover and a project file."""

    def write_all(files: Files) -> Path:
        root = tmp_path / "project"
        given: dict[str, str | bytes] = {
            "voicectl.yaml": "catalog: acme\n",
            "samples/a.wav": wav(seed=1),
            "samples/b.wav": wav(seed=2),
            "covers/a.png": PNG,
            **files,
        }
        for name, content in given.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return root

    return write_all


@pytest.fixture
def load(write: Callable[[Files], Path]) -> Callable[..., Catalog]:
    """Writes files and loads the catalog in them."""

    def load_files(files: Files, environment: str | None = None, *, read_samples: bool = True) -> Catalog:
        return load_all(write(files), environment, read_samples=read_samples)[1]

    return load_files


@pytest.fixture
def problems(load: Callable[..., Catalog]) -> Callable[..., list[Problem]]:
    """Writes files and returns what is wrong with them: errors and warnings."""

    def find(files: Files, environment: str | None = None) -> list[Problem]:
        try:
            return list(load(files, environment).warnings)
        except InvalidFiles as error:
            return list(error.problems)

    return find
