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
"""Bytes of a success: a page of 100 models takes some 200 kB, and 2 MB where all have twenty long transcripts."""
MAX_REFUSAL = 64 * 1024
"""Bytes of an error in which its words are looked for."""
MAX_PAGES = 2_000
"""Of a listing: 200,000 models."""
MAX_LISTING = 256 * 1024 * 1024
"""Characters of all models of a listing together: 1,300 for each of 200,000."""
LISTING_SECONDS = 900.0
"""Of a whole listing: 1,000 pages take about two minutes, four at once."""
SLOWEST = 32 * 1024
"""Bytes a second of a line that is still worth waiting for, both ways."""
_SPEECH_BYTES, _BYTES_PER_CHARACTER = 64 * 1024 * 1024, 24 * 1024
"""A character takes less than a tenth of a second, which is 10 kB of uncompressed sound."""
_SPEECH_SECONDS, _SECONDS_PER_CHARACTER = 600.0, 0.2
"""Twice as long as it takes to hear it."""


class TooMuch(ValueError):
    """A stream beyond its bound."""


@dataclass(frozen=True, slots=True)
class Body:
    """What an answer holds; `problem` says why that is not all, where it was cut or can't be unpacked."""

    content: bytes
    problem: str = ""

    @property
    def text(self) -> str:
        """As UTF-8, which JSON is (RFC 8259, 8.1). ValueError where it is not, or is not all."""
        if self.problem:
            raise TooMuch(self.problem)
        return self.content.decode("utf-8-sig")


async def received(response: httpx.Response) -> Body:
    """The body of an answer that is being streamed; the connection is let go of. Raises httpx.HTTPError."""
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
    """The body as it is sent: `aiter_raw` without its refusal of bodies that are here already, as tests have them."""
    assert isinstance(response.stream, httpx.AsyncByteStream)
    return response.stream


def may_be_sound(response: httpx.Response) -> bool:
    """Whether an answer does not say itself that it is a text: a page of a proxy, or an error."""
    kind = response.headers.get("content-type", "").lower()
    return not kind.startswith("text/") and not any(word in kind for word in ("json", "html", "xml"))


def weight(models: Iterable[Model]) -> int:
    """About how many characters these models hold."""
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
    """For a request with its answer, but for POST; longer where it carries files."""
    whole_post: float = 600.0
    read_post: float = 240.0
    """For the first byte of an answer to POST, as in the official SDKs; more for each clip and its bytes."""
    a_clip: float = 10.0
    """For each clip of a POST: it may be enhanced and transcribed before the answer comes."""
    first_pause: float = 0.5
    longest_pause: float = 20.0
    deadline: float = PATIENCE
    """Counted from the moment that a request has its place among those in flight."""

    def request(self, method: str, size: int = 0) -> float:
        """How long one request may take with its answer, when it carries so many bytes of files."""
        return (self.whole_post if method == "POST" else self.whole) + size / SLOWEST

    def answer(self, method: str, uploads: Sequence[Upload]) -> float:
        """How long the other side may be silent."""
        if method != "POST":
            return self.read
        size = sum(upload.size for upload in uploads)
        return max(self.read, self.read_post + self.a_clip * len(uploads) + size / SLOWEST)


USUAL = Patience()
"""What a user gets."""
