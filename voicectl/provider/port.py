"""The provider: what an account can do, and how it can fail. The port that every adapter implements.

ProviderError             the provider, or the way to it, failed
├── Unauthorized          401: stops the run
├── NoCredit              402: stops the run
├── Forbidden             403: stops the run
├── Rejected              a definite no to one request (other 4xx): nothing was done
│   ├── NotReadable       a no to one id (403 and others): a fact about that model, and no other
│   └── Throttled         429: come back later
├── NotSent               the request never reached the provider: nothing was done
├── OutcomeUnknown        it may have been done: reset, timeout, 5xx, an answer that can't be read
├── InputChanged          a file is not what was planned: nothing was made of it
└── Misconfigured         no key, or an endpoint where the key may not go
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from voicectl.errors import VoicectlError
from voicectl.model.observed import Model, Patch
from voicectl.model.voice import Metadata


class ProviderError(VoicectlError):
    """The provider answered with an error, or not at all.

    `status` is the HTTP status and `retry_after` the seconds to wait, if the provider sent them.
    """

    code = "provider"
    stops_run = False

    def __init__(
        self, message: str, hint: str = "", status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.retry_after = retry_after


class Unauthorized(ProviderError):
    """The key is not accepted."""

    code = "unauthorized"
    stops_run = True


class NoCredit(ProviderError):
    """The account has no credit."""

    code = "no_credit"
    stops_run = True


class Forbidden(ProviderError):
    """The key may not do this."""

    code = "forbidden"
    stops_run = True


class Rejected(ProviderError):
    """The provider refused this request and did nothing."""

    code = "rejected"


class NotReadable(Rejected):
    """The provider does not show, or give, one model to this key."""

    code = "not_readable"


class Throttled(Rejected):
    """Too many requests at once; nothing was done."""

    code = "throttled"


class NotSent(ProviderError):
    """The request did not reach the provider."""

    code = "unreachable"


class OutcomeUnknown(ProviderError):
    """The request may have been carried out."""

    code = "outcome_unknown"


class InputChanged(ProviderError):
    """A file is not what it was when the plan was made. The request was broken off; nothing was made."""

    code = "input_changed"


class Misconfigured(ProviderError):
    """The environment does not allow any request to the provider."""

    code = "misconfigured"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send. The adapter hashes the bytes again on the way; they must have this digest."""

    path: Path
    name: str
    """The name for the provider, which reveals nothing about the user's machine."""
    media_type: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class NewModel:
    """A model to create: private, with its marks from the first instant."""

    metadata: Metadata
    tags: tuple[str, ...]
    samples: tuple[Upload, ...]
    transcripts: tuple[str, ...]
    """As many as samples, or none."""
    enhance: bool
    cover: Upload | None = None


AudioFormat = Literal["mp3", "wav", "opus", "pcm"]


@dataclass(frozen=True, slots=True)
class Speech:
    """Words to speak: with a model by its id, or with samples alone, before any model exists."""

    text: str
    format: AudioFormat
    speech_model: str | None = None
    """The speech model, by the provider's name for it (`POST /v1/tts`); None lets the provider choose."""
    model_id: str | None = None
    references: tuple[tuple[Upload, str], ...] = ()
    """Audio files, each with the words spoken in it. The adapter holds them in memory."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The models of a listing. `complete` is False if the provider held some back."""

    models: tuple[Model, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """One sent request as logs show it: without its query, its headers and its body.

    `status` is None without an answer. `request_id` is the provider's own id for it, if there is one: untrusted text.
    `troubled` means that it failed, or that it repeats one that failed.
    """

    method: str
    path: str
    status: int | None
    seconds: float
    request_id: str
    troubled: bool


@dataclass(frozen=True, slots=True)
class Wallet:
    """The account's wallet; what the provider leaves out is empty.

    `credit` and `paid` (the sum of all payments) are decimals as the provider writes them.
    """

    credit: str = ""
    user_id: str = ""
    paid: str = ""
    at_once: int | None = None
    """How many requests at once the account takes, according to the provider's documentation."""


Progress = Callable[[int], None]
"""Gets the number of bytes sent since the last call; a negative number if they must be sent again."""


class Provider(Protocol):
    """One account at one provider. Every method raises children of ProviderError.

    An adapter repeats GET, PATCH and DELETE until they succeed or their deadline is over. It sends `create` exactly
    once.
    """

    @property
    def concurrency(self) -> int:
        """The most requests it will ever have in flight."""

    @property
    def time(self) -> datetime | None:
        """The provider's clock at its latest answer; None before the first answer that has it."""

    async def list_models(self, tag: str | None = None, limit: int | None = None) -> Listing:
        """The account's own models, all or those with this tag; at most about `limit` of them."""

    async def get(self, model_id: str) -> Model | None:
        """One model; None if there is none (404). Raises NotReadable if this key may not see it."""

    async def create(self, new: NewModel, progress: Progress) -> Model:
        """Make a model. Raises Rejected, NotSent, OutcomeUnknown or InputChanged."""

    async def update(self, model_id: str, patch: Patch, cover: Upload | None = None) -> bool:
        """Set these values. False if the model is gone (404). `cover` is the file of `patch.cover`."""

    async def delete(self, model_id: str) -> None:
        """Delete a model; one that is gone already counts as deleted."""

    async def speak(self, speech: Speech, write: Callable[[bytes], object]) -> None:
        """Speak, passing on the audio piece by piece as it comes. Sent exactly once, since it costs credit.

        Refuses an answer whose content type is a text. The caller judges whether the bytes are sound.
        """

    async def wallet(self) -> Wallet:
        """The key's owner and remaining credit: a cheap way to check a key."""

    async def close(self) -> None:
        """Let go of the connections."""
