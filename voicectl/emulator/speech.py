"""POST /v1/tts: a hum as long as the text would take to say, streamed."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from voicectl.emulator import audio
from voicectl.emulator.answers import ApiError, Invalid
from voicectl.emulator.bodies import as_text, read_mapping
from voicectl.emulator.gate import exchange_of
from voicectl.emulator.models import visible_model

MODELS = ("s1", "s2-pro", "s2.1-pro", "s2.1-pro-free")
_DEFAULT_MODEL = "s2.1-pro"
_MEDIA_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav", "pcm": "audio/pcm", "opus": "audio/opus"}
_RATES = (8000, 16000, 24000, 32000, 44100, 48000)
_SECONDS_PER_CHARACTER = 0.06
_RANGES = {
    "temperature": (0, 1),
    "top_p": (0, 1),
    "chunk_length": (100, 300),
    "min_chunk_length": (0, 100),
    "early_stop_threshold": (0, 1),
}
_CHOICES: dict[str, tuple[object, ...]] = {
    "format": tuple(_MEDIA_TYPES),
    "mp3_bitrate": (64, 128, 192),
    "opus_bitrate": (-1000, 24, 32, 48, 64, 24000, 32000, 48000, 64000),
    "latency": ("low", "normal", "balanced"),
    "sample_rate": _RATES,
}


@dataclass(frozen=True, slots=True)
class Speech:
    """A checked request for speech. `voices` are the ids of the models to speak with."""

    text: str
    voices: tuple[str, ...]
    format: str
    sample_rate: int
    mp3_bitrate: int
    speed: float

    @property
    def seconds(self) -> float:
        """How long the audio is."""
        return max(0.3, len(self.text) * _SECONDS_PER_CHARACTER / self.speed)


async def text_to_speech(request: Request) -> Response:
    """Answers with audio in the asked format. A header `model` that is missing or unknown means s2.1-pro."""
    exchange = exchange_of(request)
    values = await read_mapping(request)
    if _is_json(request) and values.get("references"):
        raise ApiError(400, "Inline references need a msgpack body", "references_need_msgpack")
    engine = request.headers.get("model", "")
    speech = _speech(values, engine if engine in MODELS else _DEFAULT_MODEL)
    await exchange.before_work()
    if not exchange.has_credit:
        raise ApiError(402, "Insufficient balance")
    store = request.app.state.store
    for voice in speech.voices:
        model = visible_model(request, voice)
        if model.state != "trained":
            raise ApiError(400, f"The model is not ready: {model.state}", "model_not_ready")
        store.used(model.id)
    return StreamingResponse(_stream(_sound(speech)), media_type=_MEDIA_TYPES[speech.format])


def _is_json(request: Request) -> bool:
    return "json" in request.headers.get("content-type", "")


def _speech(values: dict[Any, Any], engine: str) -> Speech:
    text = as_text(values.get("text"), ("body", "text"))
    if not text.strip():
        raise ApiError(400, "The text is empty", "text_empty")
    for name, (low, high) in _RANGES.items():
        _number(values, name, low, high)
    for name, allowed in _CHOICES.items():
        value = values.get(name)
        if value is not None and value not in allowed:
            message = f"Input should be one of {', '.join(map(str, allowed))}"
            raise Invalid(("body", name), message, "literal_error")
    zero_shot = _check_references(values.get("references"))
    voices = _voices(values.get("reference_id"), engine)
    prosody = values.get("prosody") or {}
    if not isinstance(prosody, dict):
        raise Invalid(("body", "prosody"), "Input should be an object", "dict_type")
    wanted = values.get("format") or "mp3"
    return Speech(
        text=text,
        voices=() if zero_shot else voices,
        format=wanted,
        sample_rate=values.get("sample_rate") or 44_100,
        mp3_bitrate=values.get("mp3_bitrate") or 128,
        speed=_number(prosody, "speed", 0.5, 2) or 1.0,
    )


def _voices(value: object, engine: str) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if not isinstance(value, list):
        return (as_text(value, ("body", "reference_id")),)
    if engine == "s1":
        raise ApiError(400, "Several speakers need a model of the S2 family", "multi_speaker_unsupported")
    return tuple(as_text(item, ("body", "reference_id", index)) for index, item in enumerate(value))


def _check_references(value: object) -> bool:
    """Whether there are inline references. Raises Invalid if they are not as the API wants them."""
    if value is None or value == []:
        return False
    place = ("body", "references")
    if not isinstance(value, list):
        raise Invalid(place, "Input should be a valid list", "list_type")
    for index, reference in enumerate(value):
        for item in reference if isinstance(reference, list) else [reference]:
            if not isinstance(item, dict) or not isinstance(item.get("audio"), bytes | str):
                raise Invalid((*place, index, "audio"), "Field required", "missing")
            as_text(item.get("text"), (*place, index, "text"))
    return True


def _number(values: dict[Any, Any], name: str, low: float, high: float) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Invalid(("body", name), f"Input should be a number from {low} to {high}", "out_of_range")
    return float(value)


def _sound(speech: Speech) -> Iterator[bytes]:
    pitch = 110 + zlib.crc32("".join(speech.voices).encode()) % 120
    if speech.format == "mp3":
        return audio.mp3(speech.seconds, speech.mp3_bitrate)
    if speech.format == "opus":
        return audio.opus(speech.seconds)
    shape = audio.wav if speech.format == "wav" else audio.pcm
    return shape(speech.seconds, speech.sample_rate, pitch)


async def _stream(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    # Not handed to Starlette as it is: that would run each step of a plain iterator in a thread.
    for piece in pieces:
        yield piece
