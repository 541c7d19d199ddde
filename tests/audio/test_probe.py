"""The probe as a whole: any bytes lead to an answer, soon."""

from __future__ import annotations

import io
import os
import random
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio import making
from tests.audio.probing import probed, told
from voicectl.audio.kinds import AUDIO, FileKind
from voicectl.audio.probe import probe

WHOLE = {
    "wav": making.wav(2),
    "mp3": making.id3(bytes(40)) + making.xing(55, 16_272, delay=576) + making.frames(2),
    "m4a": making.m4a(2),
    "opus": making.opus(2),
}


def test_the_examples_are_plain() -> None:
    files = sorted(Path(__file__).parents[2].glob("examples/*/samples/*.*"))
    kinds = {path: probed(path.read_bytes()) for path in files if path.suffix != ".txt"}
    assert len(kinds) > 8
    for path, found in kinds.items():
        assert (found.format, found.unusual, found.problem) == (path.suffix[1:], "", "")
        assert found.seconds is not None
        assert found.seconds > 10


def test_nothing_at_all_is_named() -> None:
    assert probed(b"") == FileKind("empty", None, "is empty", "put the real file in its place")


def test_a_zip_by_another_name_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.wav", "w") as archive:
        archive.writestr("take.wav", making.wav(1))
    assert told((tmp_path / "a.wav").read_bytes()) == "a zip archive"


@pytest.mark.parametrize("start", ["", "wav", "mp3", "m4a", "opus"])
def test_four_gigabytes_cost_no_time_and_no_memory(tmp_path: Path, start: str) -> None:
    path = tmp_path / "sparse.wav"
    path.write_bytes(WHOLE.get(start, b""))
    os.truncate(path, 4 * 1024**3)
    with open(path, "rb") as file:
        probe(file, 4 * 1024**3)
        tracemalloc.start()
        began = time.process_time()
        found = probe(file, 4 * 1024**3)
        seconds = time.process_time() - began
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert found.problem or found.unusual or found.format not in AUDIO or start == "m4a"
    assert seconds < 1
    assert peak < 4 * 1024**2


class Counted(io.BytesIO):
    """Bytes that count how many were read, and how often."""

    taken = reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.taken += len(found)
        self.reads += 1
        return found


@pytest.mark.parametrize(
    "content",
    [
        b"".join(making.chunk(b"JUNK", b"")[:8] for _ in range(200_000)),
        making.box(b"free") * 200_000,
        making.FTYP + making.box(b"moov", making.box(b"trak") * 200_000),
        making.FTYP + making.movie(making.track(1)) + making.box(b"moof", making.box(b"traf")) * 100_000,
        making.page([making.opus_head()], 0, 0, 2) * 50_000,
        making.opus(0.1)[:-100] + making.page([], -1, 9) * 50_000,
        b"OggS\0" * 500_000,
        making.id3(b"") * 300_000,
        making.mp3(1) + making.ID3V1 * 20_000,
        b"\xff\xfb" * 2_000_000,
        b"\xff\xfb\x58\xc0" * 1_000_000,
        b"ID3\x04" + bytes(20_000_000),
    ],
    ids=[
        "chunks",
        "boxes",
        "tracks",
        "fragments",
        "streams",
        "pages",
        "marks",
        "tags",
        "ends",
        "syncs",
        "frames",
        "zeros",
    ],
)
def test_headers_without_end_are_left_soon(content: bytes) -> None:
    starts = (b"", making.riff()) if content.startswith(b"JUNK") else (b"",)
    for start in starts:
        file = Counted(start + content)
        began = time.process_time()
        probe(file, len(start) + len(content))
        assert time.process_time() - began < 1
        assert file.taken < 5 * 1024**2
        assert file.reads <= 20_000


@settings(max_examples=400, deadline=500)
@given(st.sampled_from([*AUDIO]), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=30),
       st.integers(0, 40_000))  # fmt: skip
def test_no_bytes_make_an_exception(kind: str, edits: list[tuple[int, int]], keep: int) -> None:
    content = bytearray(WHOLE[kind])
    for at, byte in edits:
        content[at % min(len(content), 700)] = byte
    assert isinstance(probed(bytes(content[:keep])), FileKind)


@settings(max_examples=200, deadline=500)
@given(st.sampled_from([b"RIFF\0\0\0\0WAVE", b"ID3\x04", b"\xff\xfb", b"OggS\0\2" + bytes(21) + b"\1\x13OpusHead",
                        b"\0\0\0\x10ftypM4A \0\0\0\0", b"APETAGEX", b"\0", b""]), st.binary(max_size=400))  # fmt: skip
def test_no_random_tail_makes_an_exception(start: bytes, tail: bytes) -> None:
    assert isinstance(probed(start + tail), FileKind)


def test_wrong_numbers_in_any_place_make_no_exception() -> None:
    dice = random.Random(5)
    for kind, whole in WHOLE.items():
        for at in range(0, min(len(whole) - 8, 600)):
            for number in (b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", dice.randbytes(8)):
                found = probed(whole[:at] + number + whole[at + len(number) :])
                assert isinstance(found, FileKind), (kind, at)
