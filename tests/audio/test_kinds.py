"""What a file is by its first bytes."""

from __future__ import annotations

import pytest

from voicectl.audio.kinds import kind_of, medium, no_sound, what_to_do


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"fLaC" + bytes(40), "FLAC"),
        (b"\xff\xf1\x50\x80" + bytes(40), "AAC"),
        (b"\xff\xfd\x50\x80" + bytes(40), "MPEG audio of layer I or II"),
        (b"\xff\xfb\x90\x00", "mp3"),
        (b"OggS" + bytes(24) + b"\x01vorbis", "Ogg Vorbis"),
        (b"OggS" + bytes(24) + b"fishead\0" + bytes(80) + b"OpusHead", "opus"),
        (b"OggS" + bytes(90), "an unknown Ogg file"),
        (b"FORM\0\0\0\0AIFF", "AIFF"),
        (b"RF64\xff\xff\xff\xffWAVE", "RF64 (a WAV for more than 4 GiB)"),
        (b"BW64\xff\xff\xff\xffWAVE", "BW64 (a WAV for more than 4 GiB)"),
        (b"RIFX\0\0\0\0WAVE", "RIFX (a big-endian WAV)"),
        (b"RIFF\0\0\0\0AVI ", "an AVI video"),
        (b"caff\0\1", "CAF"),
        (b"#!AMR\n", "AMR"),
        (b"\x1aE\xdf\xa3", "Matroska or WebM"),
        (b"PK\x03\x04", "a zip archive"),
        (b"%PDF-1.7", "a PDF"),
        (b"just words\n", "a text file"),
        (b"Carefree words\n", "a text file"),
        ("\ufeffja, wörter".encode(), "a text file"),
        ("wide words".encode("utf-16"), "a text file"),
        (b"\0\1\2\3", "of an unknown format"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x1cftypavif", "an AVIF or HEIC image"),
        (b"\0\0\0\x1cftypM4A ", "m4a"),
        (b"\0\0\0\x08wide\0\0\0\x08mdat", "m4a"),
    ],
)  # fmt: skip
def test_first_bytes_name_a_file(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind


def test_sound_and_pictures_are_told_from_manifests() -> None:
    assert medium(b"RIFF\0\0\0\0WAVE") == "audio (wav)"
    assert medium(b"GIF89a") == "a picture (image/gif)"
    assert medium(b"voices: {}") == ""


def test_what_to_do_and_what_no_decoder_needs_to_hear() -> None:
    assert what_to_do(kind_of(b"RIFX\0\0\0\0WAVE")) == "save it as plain WAV"
    assert what_to_do("FLAC") == "convert it to wav, mp3, m4a or opus"
    assert all(no_sound(kind) for kind in ("a text file", "a zip archive", "a PDF", "image/png"))
    assert not any(no_sound(kind) for kind in ("wav", "FLAC", "AIFF", "of an unknown format", "Matroska or WebM"))
