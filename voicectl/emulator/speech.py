"""POST /v1/tts: a hum as long as the text would take to say, streamed."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from voicectl.emulator import forms, tones
from voicectl.emulator.bodies import read_packed
from voicectl.emulator.gate import exchange_of
from voicectl.emulator.models import model_to_speak_with
from voicectl.emulator.responses import ApiError, Invalid

MODELS = ("s1", "s2-pro", "s2.1-pro", "s2.1-pro-free", "drama-3-preview")
_DEFAULT_MODEL = "s2.1-pro"
_FREE_MODEL = "s2.1-pro-free"
_MEDIA_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav", "pcm": "audio/pcm", "opus": "audio/opus"}
_RATES = (8000, 16000, 24000, 32000, 44100, 48000)
_SECONDS_PER_CHARACTER = 0.06


@dataclass(frozen=True, slots=True)
class Utterance:
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
    """Answers with audio in the requested format. A missing or unknown header `model` means s2.1-pro."""
    exchange = exchange_of(request)
    asked = forms.read(forms.SpeechRequest, await read_packed(request), "body")
    if asked.references and "json" in request.headers.get("content-type", ""):
        raise ApiError(400, "Inline references need a msgpack body", "references_need_msgpack")
    engine = request.headers.get("model", "")
    engine = engine if engine in MODELS else _DEFAULT_MODEL
    speech = _speech(asked, engine)
    await exchange.before_work()
    if not exchange.has_credit and engine != _FREE_MODEL:
        raise ApiError(402, "Insufficient balance")
    store = request.app.state.store
    for voice in speech.voices:
        model = model_to_speak_with(request, voice)
        if model.state != "trained":
            raise ApiError(400, f"The model is not ready: {model.state}", "model_not_ready")
        store.used(model.id)
    return StreamingResponse(_stream(_sound(speech)), media_type=_MEDIA_TYPES[speech.format])


def _speech(asked: forms.SpeechRequest, engine: str) -> Utterance:
    """The words and the way to say them. Raises ApiError or Invalid for what the description allows but the service
    can't do."""
    if not asked.text.strip():
        raise ApiError(400, "The text is empty", "text_empty")
    if isinstance(asked.reference_id, list) and engine == "s1":
        raise ApiError(400, "Several speakers need a model of the S2 family", "multi_speaker_unsupported")
    speed = asked.prosody.speed if asked.prosody else 1.0
    if not 0.5 <= speed <= 2:
        raise Invalid.at("body", "prosody", "Input should be a speed from 0.5 to 2")
    if asked.sample_rate is not None and asked.sample_rate not in _RATES:
        raise Invalid.at("body", "sample_rate", f"Input should be one of {', '.join(map(str, _RATES))}")
    return Utterance(
        text=asked.text,
        # With inline references, ids are only names of speakers.
        voices=() if asked.references else tuple(filter(None, forms.many(asked.reference_id))),
        format=asked.format,
        sample_rate=asked.sample_rate or 44_100,
        mp3_bitrate=asked.mp3_bitrate,
        speed=speed,
    )


def _sound(speech: Utterance) -> Iterator[bytes]:
    pitch = 110 + zlib.crc32("".join(speech.voices).encode()) % 120
    if speech.format == "mp3":
        return tones.mp3(speech.seconds, speech.mp3_bitrate)
    if speech.format == "opus":
        return tones.opus(speech.seconds)
    shape = tones.wav if speech.format == "wav" else tones.pcm
    return shape(speech.seconds, speech.sample_rate, pitch)


async def _stream(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    # Starlette would run each step of a plain iterator in a thread.
    for piece in pieces:
        yield piece
