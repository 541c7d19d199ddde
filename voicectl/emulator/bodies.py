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

from voicectl.emulator.answers import Invalid, Unparseable
from voicectl.emulator.uploads import Receiver, Upload, upload_of

FILE_FIELDS = frozenset({"voices", "cover_image"})
_MAX_TEXT_FIELD = 1 << 20
_TRUE = frozenset({"true", "1", "on", "yes", "t", "y"})
_FALSE = frozenset({"false", "0", "off", "no", "f", "n"})


class Body:
    """The fields of a request. A single value and a list of one are the same; null counts as not sent.

    The accessors raise Invalid for a value of the wrong kind.
    """

    def __init__(self, values: dict[str, list[Any]]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        """The field's text, the last one if it was repeated; None if it was not sent."""
        if not self._values.get(name):
            return None
        return as_text(self._values[name][-1], ("body", name))

    def texts(self, name: str) -> list[str] | None:
        """All texts of the field; None if it was not sent, [] for an empty list."""
        if name not in self._values:
            return None
        values = self._values[name]
        return [as_text(value, ("body", name, index)) for index, value in enumerate(values)]

    def flag(self, name: str, default: bool) -> bool:
        """The field as a boolean; the usual words count in forms."""
        values = self._values.get(name)
        return as_flag(values[-1], ("body", name)) if values else default

    def uploads(self, name: str) -> list[Upload]:
        """The files of the field, whether sent as files, texts or bytes."""
        found = []
        for index, value in enumerate(self._values.get(name, ())):
            if isinstance(value, str):
                value = as_text(value, ("body", name, index)).encode()
            if isinstance(value, bytes):
                value = upload_of(value)
            if not isinstance(value, Upload):
                raise Invalid(("body", name, index), "Input should be a file", "bytes_type")
            found.append(value)
        return found


def as_text(value: object, place: tuple[str | int, ...]) -> str:
    """The value if it is a text that can be stored. Raises Invalid."""
    if not isinstance(value, str):
        raise Invalid(place, "Input should be a valid string", "string_type")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Invalid(place, "Input should be a valid string, unable to encode", "string_unicode") from None
    return value


def as_flag(value: object, place: tuple[str | int, ...]) -> bool:
    """The value as a boolean. Raises Invalid."""
    word = str(value).lower() if isinstance(value, str | bool | int) else ""
    if word not in _TRUE | _FALSE:
        raise Invalid(place, "Input should be a valid boolean", "bool_parsing")
    return word in _TRUE


async def read_body(request: Request) -> Body:
    """Reads and decodes a request's body. Raises Unparseable or Invalid."""
    kind = _content_type(request)
    if kind == "multipart/form-data":
        return Body(await _read_multipart(request))
    if kind in ("application/x-www-form-urlencoded", ""):
        return Body(_form(await request.body(), declared=bool(kind)))
    values: dict[str, list[Any]] = {}
    for name, value in (await read_mapping(request)).items():
        if value is not None:
            values[str(name)] = value if isinstance(value, list) else [value]
    return Body(values)


async def read_mapping(request: Request) -> dict[Any, Any]:
    """Reads a JSON or msgpack body that holds a mapping. Raises Unparseable or Invalid."""
    kind = _content_type(request)
    raw = await request.body()
    if kind in ("application/msgpack", "application/x-msgpack"):
        value = _unpack(raw)
    elif kind == "application/json" or kind.endswith("+json"):
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            raise Unparseable("There was an error parsing the body as JSON") from None
    else:
        raise Unparseable(f"There was an error parsing the body: unsupported content type {kind[:80]!r}")
    if not isinstance(value, dict):
        raise Invalid(("body",), "Input should be an object", "dict_type")
    return value


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _unpack(raw: bytes) -> object:
    import msgpack  # type: ignore[import-untyped, unused-ignore]

    try:
        return msgpack.unpackb(raw, raw=False, strict_map_key=False)
    except (msgpack.UnpackException, ValueError, TypeError, RecursionError):
        raise Unparseable("There was an error parsing the body as msgpack") from None


def _form(raw: bytes, declared: bool) -> dict[str, list[Any]]:
    if raw and not declared:
        raise Unparseable("There was an error parsing the body: no content type")
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
