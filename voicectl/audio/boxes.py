"""The boxes that MPEG-4 files are made of (ISO 14496-12, 4.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from voicectl.audio.window import Window

MAX_BOXES = 5000


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its name, and where its content begins and ends (which may be behind the end of the file)."""

    name: bytes
    begin: int
    end: int

    @property
    def size(self) -> int:
        """Bytes of its content."""
        return self.end - self.begin


def boxes(window: Window, begin: int, end: int) -> Iterator[Box]:
    """The boxes between two positions, until something stands there that is none."""
    for _ in range(MAX_BOXES):
        head = window.read(begin, 16)[: max(0, end - begin)]
        if len(head) < 8:
            return
        length, name = struct.unpack_from(">I4s", head)
        header = 8
        if length == 1 and len(head) == 16:
            length, header = struct.unpack_from(">Q", head, 8)[0], 16
        elif length == 0:
            length = end - begin
        if length < header or not all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in name):
            return
        yield Box(name, begin + header, begin + length)
        begin += length


def children(window: Window, box: Box) -> Iterator[Box]:
    """The boxes in a box."""
    return boxes(window, box.begin, min(box.end, window.size))


def child(window: Window, box: Box, name: bytes) -> Box | None:
    """The first box of a name in a box."""
    return next((one for one in children(window, box) if one.name == name), None)
