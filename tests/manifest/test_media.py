"""What a file is, judged by content."""

from __future__ import annotations

import io
import random
import struct
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicectl.manifest.media import AUDIO, FileKind, judge


def judged(content: bytes) -> FileKind:
    return judge(io.BytesIO(content), len(content))


def patched_wav(sound: SimpleNamespace, data_size: int) -> bytes:
    content = bytearray(sound.wav(12))
    content[40:44] = struct.pack("<I", data_size)
    return bytes(content)


def test_durations_come_from_headers(sound: SimpleNamespace) -> None:
    files = {
        "wav": [
            sound.wav(12),
            sound.wav_extensible(12),
            patched_wav(sound, 0xFFFFFFFF),
            patched_wav(sound, 0),
        ],
        "mp3": [sound.mp3(12), sound.mp3(12, tag=True), sound.mp3_with_xing(333)],
        "m4a": [sound.m4a(12)],
        "opus": [sound.opus(12)],
    }
    for kind, contents in files.items():
        for content in contents:
            finding = judged(content)
            assert (finding.format, finding.problem) == (kind, "")
            assert finding.seconds == pytest.approx(12, abs=0.1)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"fLaC" + bytes(40), "FLAC"),
        (b"\xff\xf1\x50\x80" + bytes(40), "AAC"),
        (b"\xff\xfd\x50\x80" + bytes(40), "MPEG audio of layer I or II"),
        (b"OggS" + bytes(24) + b"\x01vorbis", "Ogg Vorbis"),
        (b"FORM\0\0\0\0AIFF", "AIFF"),
        (b"just words\n", "a text file"),
        (b"\0\1\2\3", "of an unknown format"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x1cftypavif", "an AVIF or HEIC image"),
    ],
)
def test_other_formats_are_named(content: bytes, kind: str) -> None:
    assert judged(content).format == kind


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda sound: b"", "is empty"),
        (lambda sound: b"/annex/objects/SHA256E-s1--0.wav\n", "git-annex pointer"),
        (lambda sound: sound.wav(12)[:10_000], "is cut off: 9,956 of 24,000 bytes of sound are there"),
        (lambda sound: sound.wav(0), "has no sound in it"),
        (lambda sound: sound.wav(12)[:30], "has no sound in it"),
        (lambda sound: b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + b"words " * 500, "has no MP3 frames in it"),
        (lambda sound: b"ID3\x04\0\0\0\0\0\x0a" + random.Random(1).randbytes(20_000), "has no MP3 frames in it"),
        (lambda sound: sound.m4a(12)[:-10], "is cut off, or damaged"),
        (lambda sound: sound.box(b"ftyp", b"M4A \0\0\0\0"), "has no moov box"),
        (lambda sound: sound.opus(12)[:60], "has no sound in it"),
    ],
)  # fmt: skip
def test_damage_is_a_problem(sound: SimpleNamespace, make: object, problem: str) -> None:
    assert callable(make)
    finding = judged(make(sound))
    assert problem in finding.problem
    assert finding.hint


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([*AUDIO]), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=30),
       st.integers(0, 4000))  # fmt: skip
def test_no_bytes_make_an_exception(sound: SimpleNamespace, kind: str, edits: list[tuple[int, int]], keep: int) -> None:
    content = bytearray(getattr(sound, kind)(2))
    for at, byte in edits:
        content[at % min(len(content), 400)] = byte
    assert isinstance(judged(bytes(content[:keep])), FileKind)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([b"RIFF\0\0\0\0WAVE", b"ID3\x04", b"\xff\xfb", b"OggS\0\2" + bytes(21) + b"\1\x13OpusHead",
                        b"\0\0\0\x10ftypM4A \0\0\0\0", b""]), st.binary(max_size=400))  # fmt: skip
def test_no_random_tail_makes_an_exception(start: bytes, tail: bytes) -> None:
    assert isinstance(judged(start + tail), FileKind)
