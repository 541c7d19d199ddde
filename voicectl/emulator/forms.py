"""Requests as in the provider's published description, read the way its framework most likely reads them.

An answer lists all complaints about a request, not only the first. Words count as booleans and digits as numbers in
every encoding, because forms and queries have nothing else. Unknown fields are ignored.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, ValidationError

from voicectl.emulator.bodies import ReceivedFile, received
from voicectl.emulator.responses import Invalid
from voicectl.emulator.settings import Visibility

MAX_VOICES = 20
_FORMATS = Literal["wav", "pcm", "mp3", "opus"]
_Form = TypeVar("_Form", bound=BaseModel)
OneOrMany = list[str] | str


def _as_upload(value: object) -> object:
    """A file in any form: as a file, as bytes, or as the text of a field in a form or in JSON."""
    if isinstance(value, str):
        value = value.encode()
    return received(value) if isinstance(value, bytes) else value


File = Annotated[InstanceOf[ReceivedFile], BeforeValidator(_as_upload)]


class CreationForm(BaseModel):
    """POST /model. What a missing `visibility` means has changed, and is a setting."""

    visibility: Visibility = "private"
    type: Literal["tts"]
    title: str
    description: str | None = None
    cover_image: File | None = None
    train_mode: Literal["fast"]
    voices: Annotated[list[File], Field(min_length=1, max_length=MAX_VOICES)] | File
    texts: Annotated[list[str], Field(max_length=MAX_VOICES)] | str | None = None
    tags: OneOrMany | None = None
    enhance_audio_quality: bool = True
    generate_sample: bool = False


class ChangeForm(BaseModel):
    """PATCH /model/{id}. `tags` alone can't be null."""

    title: str | None = None
    description: str | None = None
    cover_image: File | None = None
    visibility: Visibility | None = None
    tags: OneOrMany = []


class ListingQuery(BaseModel):
    """The query of GET /model."""

    page_size: int = Field(10, ge=1, le=100)
    page_number: int = Field(1, ge=1)
    title: str | None = None
    tag: OneOrMany | None = None
    own: bool = Field(False, alias="self")
    author_id: str | None = None
    language: OneOrMany | None = None
    title_language: OneOrMany | None = None
    licensed: bool | None = None
    sort_by: Literal["score", "task_count", "created_at"] = "score"


class WalletQuery(BaseModel):
    """The query of GET /wallet/{user_id}/api-credit."""

    check_free_credit: bool = False
    team_id: str | None = None


class Prosody(BaseModel):
    """How a text is spoken."""

    speed: float = Field(1.0, allow_inf_nan=False)
    volume: float = 0.0
    normalize_loudness: bool = True


class Reference(BaseModel):
    """A voice given with the request: a recording and its transcript."""

    audio: InstanceOf[bytes] | str
    text: str


class SpeechRequest(BaseModel):
    """POST /v1/tts."""

    model_config = ConfigDict(allow_inf_nan=False)

    text: str
    temperature: float = Field(0.7, ge=0, le=1)
    top_p: float = Field(0.7, ge=0, le=1)
    references: list[Reference] | list[list[Reference]] | None = None
    reference_id: str | list[str] | None = None
    prosody: Prosody | None = None
    chunk_length: int = Field(300, ge=100, le=300)
    normalize: bool = True
    format: _FORMATS = "mp3"
    sample_rate: int | None = None
    mp3_bitrate: Literal[64, 128, 192] = 128
    # In kbit/s too: the official SDKs send 32 with every request.
    opus_bitrate: Literal[-1000, 24, 32, 48, 64, 24000, 32000, 48000, 64000] = -1000
    latency: Literal["low", "normal", "balanced"] = "normal"
    max_new_tokens: int = 1024
    repetition_penalty: float = 1.2
    min_chunk_length: int = Field(50, ge=0, le=100)
    condition_on_previous_chunks: bool = True
    early_stop_threshold: float = Field(1.0, ge=0, le=1)
    features: list[str] = []


def read(form: type[_Form], value: Any, place: str) -> _Form:
    """The request's values, checked. `place` is "query" or "body". Raises Invalid with all complaints."""
    try:
        return form.model_validate(value)
    except ValidationError as error:
        complaints = error.errors(include_url=False, include_input=False)
        raise Invalid([{**complaint, "in": place} for complaint in complaints]) from None


def many(value: OneOrMany | None) -> tuple[str, ...]:
    """A value that may be one text, several or none."""
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)
