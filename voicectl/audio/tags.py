"""Tags before and behind the sound: ID3v2 (id3.org), ID3v1, APE (wiki.hydrogenaud.io, APEv2), Lyrics3 (id3.org)."""

from __future__ import annotations

import struct

from voicectl.audio.window import Window

_MAX_TAGS = 32
_ZEROS = 16 * 1024
_MAX_ZEROS = 64


def skip_front(window: Window) -> int:
    """Where the sound begins, behind tags and zeros; the file's size where nothing else is there."""
    at = 0
    for _ in range(_MAX_TAGS):
        head = window.read(at, 32)
        if head[:3] == b"ID3" and len(head) >= 10 and head[3] < 0xFF and head[4] < 0xFF:
            behind = at + 10 + _synchsafe(head[6:10]) + (10 if head[5] & 0x10 else 0)
            if behind >= window.size:  # its length is wrong, or nothing but the tag is left
                return min(at + 10, window.size)
            at = behind
        elif head[:8] == b"APETAGEX" and len(head) == 32:
            at += 32 + struct.unpack_from("<I", head, 12)[0]
        elif head[:1] == b"\0":
            skipped = _skip_zeros(window, at)
            if skipped == at:
                break
            at = skipped
        else:
            break
    return min(at, window.size)


def _synchsafe(four: bytes) -> int:
    """A number of 28 bits in four bytes (ID3v2, 6.2)."""
    return sum((byte & 0x7F) << shift for byte, shift in zip(four, (21, 14, 7, 0), strict=True))


def _skip_zeros(window: Window, at: int) -> int:
    for _ in range(_MAX_ZEROS):
        block = window.read(at, _ZEROS)
        rest = block.lstrip(b"\0")
        at += len(block) - len(rest)
        if rest or not block:
            break
    return at


def skip_back(window: Window, begin: int) -> int:
    """Where the sound ends, before tags."""
    end = window.size
    for _ in range(_MAX_TAGS):
        tag = _tag_before(window, end)
        if not tag or end - tag < begin:
            break
        end -= tag
    return end


def _tag_before(window: Window, end: int) -> int:
    """The length of the tag that ends here; 0 without one."""
    if window.read(end - 128, 3) == b"TAG":
        # ID3v1 Enhanced puts 227 bytes more before it.
        return 128 + (227 if window.read(end - 355, 4) == b"TAG+" else 0)
    foot = window.read(end - 32, 32)
    if foot[:8] == b"APETAGEX" and len(foot) == 32:
        size, flags = struct.unpack_from("<I4xI", foot, 12)
        return int(size) + (32 if flags >> 31 else 0)
    if foot[-9:] == b"LYRICS200" and foot[-15:-9].isdigit():
        return int(foot[-15:-9]) + 15
    if foot[-9:] == b"LYRICSEND":
        text = window.read(max(0, end - 5120), min(5120, end))
        at = text.rfind(b"LYRICSBEGIN")
        return len(text) - at if at >= 0 else 0
    if foot[-10:-7] == b"3DI":  # an ID3v2.4 tag at the end
        return 20 + _synchsafe(foot[-4:])
    return 0
