"""What a file is by its first bytes, and what was found out about it."""

from __future__ import annotations

from dataclasses import dataclass

AUDIO = ("wav", "mp3", "m4a", "opus")
IMAGES = ("image/png", "image/jpeg", "image/webp", "image/gif")
HEAD = 512
"""Bytes that are enough to name a file."""

TEXT = "a text file"
UNKNOWN = "of an unknown format"
AAC, LAYERS = "AAC", "MPEG audio of layer I or II"
"""Formats whose files begin much like MP3."""
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"fLaC", "FLAC"),
    (b"ID3", "mp3"),
    (b"APETAGEX", "mp3"),
    (b"ADIF", AAC),
    (b"FORM", "AIFF"),
    (b"caff", "CAF"),
    (b"#!AMR", "AMR"),
    (b".snd", "AU"),
    (b"MThd", "MIDI"),
    (b"RF64", "RF64 (a WAV for more than 4 GiB)"),
    (b"BW64", "BW64 (a WAV for more than 4 GiB)"),
    (b"RIFX", "RIFX (a big-endian WAV)"),
    (b"riff\x2e\x91\xcf\x11", "Wave64"),
    (b"wvpk", "WavPack"),
    (b"MAC ", "Monkey's Audio"),
    (b"\x1aE\xdf\xa3", "Matroska or WebM"),
    (b"0&\xb2u\x8ef\xcf\x11", "WMA"),
    (b"\x00\x00\x01\xba", "MPEG video"),
    (b"\x00\x00\x01\xb3", "MPEG video"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
)
_RIFF = {b"WAVE": "wav", b"WEBP": "image/webp", b"AVI ": "an AVI video", b"RMID": "MIDI"}
_OGG = (
    (b"OpusHead", "opus"),
    (b"\x01vorbis", "Ogg Vorbis"),
    (b"\x7fFLAC", "Ogg FLAC"),
    (b"Speex   ", "Speex"),
    (b"\x80theora", "an Ogg video"),
)
_BOXES = (b"ftyp", b"moov", b"mdat", b"moof", b"styp", b"wide", b"skip", b"free")
_STILLS = (b"avif", b"avis", b"heic", b"heix", b"mif1")
_SILENT = (TEXT, "a PDF", "an AVIF or HEIC image", "MIDI")
_PLAIN_WAV = ("RF64", "BW64", "RIFX", "Wave64")


@dataclass(frozen=True, slots=True)
class FileKind:
    """A file's format: one of AUDIO or IMAGES, or a description of anything else.

    `seconds` is how long its sound lasts, if that is known. `problem` completes the sentence "this file …" if the file
    surely can't be used, and `hint` says what to do; both are empty otherwise. `unusual` says what is odd about its
    headers, so that only a decoder can tell whether it plays. `rate` (samples a second) and `channels` are None where
    the headers don't have them; `moving` says that there is a moving picture beside the sound.
    """

    format: str
    seconds: float | None = None
    problem: str = ""
    hint: str = ""
    unusual: str = ""
    rate: int | None = None
    channels: int | None = None
    moving: bool = False


def medium(content: bytes) -> str:
    """The kind of sound or picture in these bytes, such as `audio (wav)`; empty for anything else."""
    kind = kind_of(content[:HEAD])
    return f"audio ({kind})" if kind in AUDIO else f"a picture ({kind})" if kind in IMAGES else ""


def kind_of(head: bytes) -> str:
    """The kind of file that begins with these bytes: one of AUDIO or IMAGES, or a description.

    Behind an ID3 tag may stand anything: `probe` looks.
    """
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "an unknown RIFF file")
    if head[:4] == b"OggS":
        found = [(head.find(start), kind) for start, kind in _OGG if start in head]
        return min(found)[1] if found else "an unknown Ogg file"
    if head[4:8] in _BOXES and head[0] < 0x20:  # a longer box would be half a gigabyte, and this may be a text
        return "an AVIF or HEIC image" if head[4:8] == b"ftyp" and head[8:12] in _STILLS else "m4a"
    if _is_wide_text(head):
        return TEXT
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return {0x02: "mp3", 0x00: AAC}.get(head[1] & 0x06, LAYERS)
    return TEXT if _is_text(head) else UNKNOWN


def no_sound(kind: str) -> bool:
    """Whether no decoder needs to be asked: it is text, a picture, a document or an archive."""
    return kind in IMAGES or kind in _SILENT or kind.endswith(" archive")


def what_to_do(kind: str) -> str:
    """What to do with sound of a kind that is none of AUDIO."""
    if kind.startswith(_PLAIN_WAV):
        return "save it as plain WAV"
    return "convert it to wav, mp3, m4a or opus"


def _is_wide_text(head: bytes) -> bool:
    """Whether it is UTF-16: of Latin text every other byte is 0."""
    if head[:2] not in (b"\xff\xfe", b"\xfe\xff") or len(head) < 4:
        return False
    text = head[2:].replace(b"\0", b"")
    return len(text) <= len(head) // 2 and _is_text(text)


def _is_text(head: bytes) -> bool:
    return all(byte >= 0x20 or byte in b"\t\n\r\f" for byte in head) and b"\x7f" not in head
