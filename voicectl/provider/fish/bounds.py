"""How much the client takes from a server, and how long it waits for it.

A server, or a proxy before it, may send without end. The client bounds the bytes of an answer, also unpacked, the
seconds of a request and the pages of a listing; it neither reads nor waits for what lies beyond.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from voicectl.concurrency import PATIENCE
from voicectl.model.observed import Model
from voicectl.provider.fish.http import httpx
from voicectl.provider.port import Upload
from voicectl.unpacking import Gathering, NotUnpackable, Unpacking

MAX_ANSWER = 16 * 1024 * 1024
"""The largest success, in bytes: a page of 100 models takes about 200 kB, or 2 MB if all have twenty long
transcripts."""
MAX_REFUSAL = 64 * 1024
"""The bytes of an error that are searched for its message."""
MAX_PAGES = 2_000
"""The longest listing: 200,000 models."""
MAX_LISTING = 256 * 1024 * 1024
"""The most characters in all models of a listing: 1,300 for each of 200,000."""
LISTING_SECONDS = 900.0
"""The longest time for a listing: 1,000 pages take about two minutes, four at once."""
SLOWEST = 32 * 1024
"""The slowest connection worth waiting for, in bytes a second, both ways."""
_SPEECH_BYTES, _BYTES_PER_CHARACTER = 64 * 1024 * 1024, 24 * 1024
"""A character takes less than a tenth of a second, which is 10 kB of uncompressed sound."""
_SPEECH_SECONDS, _SECONDS_PER_CHARACTER = 600.0, 0.2
"""Twice as long as the speech itself."""


class TooMuch(ValueError):
    """A stream exceeds its bound."""


@dataclass(frozen=True, slots=True)
class Body:
    """The content of an answer. `problem` says why it is incomplete, if it was cut or can't be unpacked."""

    content: bytes
    problem: str = ""

    @property
    def text(self) -> str:
        """The content as UTF-8, the encoding of JSON (RFC 8259, 8.1). Raises ValueError if it is not UTF-8, or
        incomplete."""
        if self.problem:
            raise TooMuch(self.problem)
        return self.content.decode("utf-8-sig")


async def received(response: httpx.Response) -> Body:
    """The whole body of a streamed answer. Releases the connection. Raises httpx.HTTPError."""
    limit = MAX_ANSWER if response.is_success else MAX_REFUSAL
    try:
        gathering = Gathering(response.headers.get("content-encoding", ""), limit)
        async for packed in _packed(response):
            if not gathering.add(packed):
                break
    except NotUnpackable as error:
        return Body(b"", str(error))
    finally:
        await response.aclose()
    return Body(gathering.content, f"more than {limit:,} bytes" if gathering.cut else "")


async def pieces(response: httpx.Response, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes. Raises TooMuch, NotUnpackable, httpx.HTTPError."""
    unpacking, total = Unpacking(response.headers.get("content-encoding", "")), 0
    async for packed in _packed(response):
        for piece in unpacking.pieces(packed):
            total += len(piece)
            if total > limit:
                raise TooMuch(f"more than {limit:,} bytes")
            yield piece


def _packed(response: httpx.Response) -> httpx.AsyncByteStream:
    """The body as sent. Unlike `aiter_raw`, it accepts the ready-made bodies of tests."""
    assert isinstance(response.stream, httpx.AsyncByteStream)
    return response.stream


def may_be_sound(response: httpx.Response) -> bool:
    """False if the answer's own content type is a text: a proxy's page, or an error."""
    kind = response.headers.get("content-type", "").lower()
    return not kind.startswith("text/") and not any(word in kind for word in ("json", "html", "xml"))


def weight(models: Iterable[Model]) -> int:
    """The approximate number of characters in these models."""
    return sum(
        200 + len(model.title) + len(model.description) + sum(8 + len(tag) for tag in model.tags) for model in models
    )


def speech_bytes(text: str) -> int:
    """More bytes than it takes to speak a text in any format."""
    return _SPEECH_BYTES + len(text) * _BYTES_PER_CHARACTER


def speech_seconds(text: str) -> float:
    """More seconds than it takes to get a text spoken."""
    return _SPEECH_SECONDS + len(text) * _SECONDS_PER_CHARACTER


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for answers, and for how long to repeat. All times in seconds."""

    connect: float = 10.0
    read: float = 60.0
    whole: float = 60.0
    """For a request with its answer, except POST; longer if it carries files."""
    whole_post: float = 600.0
    read_post: float = 240.0
    """For the first byte of an answer to POST, as in the official SDKs, plus time for each clip and its bytes."""
    a_clip: float = 10.0
    """For each clip of a POST, which the provider may enhance and transcribe before it answers."""
    first_pause: float = 0.5
    longest_pause: float = 20.0
    deadline: float = PATIENCE
    """Counted from the moment when the limiter lets a request go."""

    def request(self, method: str, size: int = 0) -> float:
        """How long one request with so many bytes of files may take, including its answer."""
        return (self.whole_post if method == "POST" else self.whole) + size / SLOWEST

    def answer(self, method: str, uploads: Sequence[Upload]) -> float:
        """How long the other side may be silent."""
        if method != "POST":
            return self.read
        size = sum(upload.size for upload in uploads)
        return max(self.read, self.read_post + self.a_clip * len(uploads) + size / SLOWEST)


USUAL = Patience()
"""The patience outside of tests."""
