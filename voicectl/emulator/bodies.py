"""Request bodies in the four encodings the provider takes, as one kind of value.

Starlette parses forms and keeps large files on disk, so a request of a gigabyte needs no more memory than a small one.
The emulator keeps only the size, the digest and an estimated duration of each file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from python_multipart.exceptions import FormParserError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import Request

from voicectl.emulator.responses import Invalid, UnknownType, Unparseable, dumps

_MSGPACK = ("application/msgpack", "application/x-msgpack")
_UNKNOWN_BYTES_PER_SECOND = 16_000
_PIECE = 1024 * 1024
_WAV_HEADER = 32
"""The first bytes of a WAV file, which contain its bytes a second."""


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """What the emulator keeps of a file: its name ('' without one), size, SHA-256 and estimated duration."""

    filename: str
    size: int
    digest: str
    duration_ms: float


def received(content: bytes, filename: str = "") -> ReceivedFile:
    """The record of a file that is completely in memory."""
    return _measured(filename, content[:_WAV_HEADER], len(content), hashlib.sha256(content).hexdigest())


def _received_form_file(form_file: UploadFile) -> ReceivedFile:
    file, digest, size = form_file.file, hashlib.sha256(), 0
    head = file.read(_WAV_HEADER)
    file.seek(0)
    while piece := file.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    return _measured(form_file.filename or "", head, size, digest.hexdigest())


def _measured(filename: str, head: bytes, size: int, digest: str) -> ReceivedFile:
    rate = _UNKNOWN_BYTES_PER_SECOND
    if head[:4] == b"RIFF" and len(head) == _WAV_HEADER:
        rate = int.from_bytes(head[28:32], "little") or rate
    return ReceivedFile(filename, size, digest, round(size / rate * 1000, 1))


async def read_body(request: Request) -> Any:
    """The value of a body in any of the four encodings. Raises Unparseable, or UnknownType for others.

    A form becomes a mapping. A field that was sent once is a value, a repeated one a list: the provider can't tell one
    value from a list of one either.
    """
    if _content_type(request) not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        return await read_packed(request)
    values: dict[str, list[Any]] = {}
    for name, value in await _form(request):
        values.setdefault(name, []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


async def read_packed(request: Request) -> Any:
    """The value of a JSON or msgpack body. Raises Unparseable, or UnknownType for other encodings."""
    kind = _content_type(request)
    if kind not in ("application/json", *_MSGPACK):
        raise UnknownType
    raw = await request.body()
    if kind in _MSGPACK:
        return _unpack(raw)
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise Unparseable("There was an error parsing the body as JSON") from None
    try:
        dumps(value).encode()
    except UnicodeEncodeError:
        raise Invalid.at("body", "", "Input has lone surrogates, which no text can have") from None
    return value


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _unpack(raw: bytes) -> object:
    import msgpack  # type: ignore[import-untyped, unused-ignore]

    try:
        return msgpack.unpackb(raw, raw=False, strict_map_key=False)
    except (msgpack.UnpackException, ValueError, TypeError, RecursionError):
        raise Unparseable("There was an error parsing the body as msgpack") from None


class _WholeMultipart(MultiPartParser):
    """Starlette's parser, which also notes whether the body is complete: Starlette accepts one that breaks off."""

    whole = False

    def on_end(self) -> None:
        """The last boundary has come."""
        self.whole = True


async def _form(request: Request) -> list[tuple[str, Any]]:
    """The fields of a form in order. Raises Unparseable."""
    try:
        if _content_type(request) != "multipart/form-data":
            return (await FormParser(request.headers, request.stream()).parse()).multi_items()
        parser = _WholeMultipart(request.headers, request.stream())
        form = await parser.parse()
    except (MultiPartException, FormParserError) as error:
        raise Unparseable(str(error)) from None
    try:
        if not parser.whole:
            raise Unparseable("There was an error parsing the body: it ends before its last boundary")
        return [
            (name, await run_in_threadpool(_received_form_file, value) if isinstance(value, UploadFile) else value)
            for name, value in form.multi_items()
        ]
    finally:
        await form.close()
