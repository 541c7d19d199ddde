"""Request bodies in the four encodings the provider takes, as one kind of value.

Multipart bodies are read as a stream, so a request of a gigabyte needs no more memory than a small one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from voicectl.emulator.answers import Invalid, UnknownType, Unparseable, dumps
from voicectl.emulator.uploads import Receiver

FILE_FIELDS = frozenset({"voices", "cover_image"})
_MAX_TEXT_FIELD = 1 << 20
_MSGPACK = ("application/msgpack", "application/x-msgpack")


async def read_body(request: Request) -> Any:
    """The value of a body in any of the four encodings. Raises Unparseable, or UnknownType for others.

    A form gives a mapping, in which a field that was sent once is its value and one that was repeated a list: the
    provider can't tell one value from a list of one either.
    """
    kind = _content_type(request)
    if kind == "multipart/form-data":
        return _merged(await _read_multipart(request))
    if kind == "application/x-www-form-urlencoded":
        return _merged(_form(await request.body()))
    return await read_packed(request)


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


def _merged(values: dict[str, list[Any]]) -> dict[str, Any]:
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _unpack(raw: bytes) -> object:
    import msgpack  # type: ignore[import-untyped, unused-ignore]

    try:
        return msgpack.unpackb(raw, raw=False, strict_map_key=False)
    except (msgpack.UnpackException, ValueError, TypeError, RecursionError):
        raise Unparseable("There was an error parsing the body as msgpack") from None


def _form(raw: bytes) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {}
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, errors="replace")
    except ValueError:
        raise Unparseable("There was an error parsing the body") from None
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


async def _read_multipart(request: Request) -> dict[str, list[Any]]:
    _, options = parse_options_header(request.headers["content-type"])
    boundary = options.get(b"boundary")
    if not boundary:
        raise Unparseable("Missing boundary in multipart.")
    return await _Multipart(boundary).read(request.stream())


class _Multipart:
    """Collects the parts of one body. What a part is, a file or a text, follows from its name, because some
    clients send files without file names."""

    def __init__(self, boundary: bytes) -> None:
        self._values: dict[str, list[Any]] = {}
        self._boundary = boundary
        self._complete = False
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._disposition = b""
        self._name = ""
        self._file: Receiver | None = None
        self._text = bytearray()

    async def read(self, stream: AsyncIterator[bytes]) -> dict[str, list[Any]]:
        """The values of all parts. Raises Unparseable if the body is malformed or ends early."""
        try:
            parser = MultipartParser(
                self._boundary,
                {
                    "on_header_field": lambda data, a, b: self._header[0].extend(data[a:b]),
                    "on_header_value": lambda data, a, b: self._header[1].extend(data[a:b]),
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._begin_part,
                    "on_part_data": self._take,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
            )
            async for piece in stream:
                parser.write(piece)
        except FormParserError:
            raise Unparseable("There was an error parsing the body") from None
        if not self._complete:
            raise Unparseable("There was an error parsing the body: it ends before its last boundary")
        return self._values

    def _end_header(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = bytes(self._header[1])
        self._header = (bytearray(), bytearray())

    def _begin_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._disposition = b""
        if b"name" not in options:
            raise Unparseable('The Content-Disposition header field "name" must be provided.')
        self._name = options[b"name"].decode("utf-8", "replace")
        filename = options.get(b"filename", b"").decode("utf-8", "replace")
        self._file = Receiver(filename) if filename or self._name in FILE_FIELDS else None
        self._text = bytearray()

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
            return
        self._text.extend(data[start:end])
        if len(self._text) > _MAX_TEXT_FIELD:
            raise Unparseable(f"Part exceeded maximum size of {_MAX_TEXT_FIELD // 1024}KB.")

    def _end_part(self) -> None:
        value = self._file.finish() if self._file is not None else self._text.decode("utf-8", "replace")
        self._values.setdefault(self._name, []).append(value)

    def _end(self) -> None:
        self._complete = True
