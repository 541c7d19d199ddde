"""Canonical forms: what two values must share to count as equal."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable
from typing import Any

INPUTS_VERSION = 1
CLOSED: dict[str, Any] = {"extra": "forbid"}
"""Pydantic's configuration of every document of ours: a key that it does not know is an error."""


def text(value: str | None) -> str:
    """NFC, LF line ends, no byte-order mark, stripped; a missing text is the empty string."""
    if not value:
        return ""
    if value.isascii() and "\r" not in value:
        return value.strip()
    plain = value.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", plain).strip()


def tags(values: Iterable[str]) -> tuple[str, ...]:
    """A set of tags as a sorted tuple of canonical texts."""
    return tuple(sorted({text(value) for value in values}))


def digest(value: object) -> str:
    """`sha256:<hex>` of the canonical JSON of a value made of JSON types."""
    data = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return bytes_digest(data.encode("utf-8", "surrogatepass"))


def bytes_digest(data: bytes) -> str:
    """`sha256:<hex>` of bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def text_digest(value: str) -> str:
    """`sha256:<hex>` of a text in canonical form, UTF-8."""
    return bytes_digest(text(value).encode())


def inputs_digest(samples: Iterable[tuple[str, str | None]], *, enhance: bool) -> str:
    """The inputs digest of `(audio sha256, transcript or None)` pairs; their order does not matter.

    Audio digests are `sha256:<hex>`; transcripts enter in canonical form.
    A new kind of input must enter only if it differs from its default: a newer voicectl alone must not replace any
    model.
    """
    pairs = sorted(
        ([audio, None if words is None else text(words)] for audio, words in samples),
        key=lambda pair: (pair[0] or "", pair[1] or ""),
    )
    return digest({"v": INPUTS_VERSION, "enhance": enhance, "samples": pairs})
