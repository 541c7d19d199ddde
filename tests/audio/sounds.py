"""Speech from the examples, and what may be wrong with a recording of it, made without any other program."""

from __future__ import annotations

import array
import io
import math
import random
import wave
from pathlib import Path
from typing import TypeAlias

SAMPLES = Path(__file__).resolve().parents[2] / "examples/acme/samples"
SPEECH = SAMPLES / "narrator-1.wav"
RATE = 16_000

Sound: TypeAlias = "array.array[int]"


def speech(path: Path = SPEECH) -> Sound:
    """The samples of a 16-bit mono WAV file."""
    with wave.open(str(path)) as file:
        return array.array("h", file.readframes(file.getnframes()))


def wav(sound: Sound, rate: int = RATE, channels: int = 1) -> bytes:
    """A WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.tobytes())
    return buffer.getvalue()


def louder(sound: Sound, decibels: float) -> Sound:
    """Louder or quieter, clipped at full scale."""
    factor = 10 ** (decibels / 20)
    return array.array("h", (max(-32768, min(32767, round(each * factor))) for each in sound))


def noisy(sound: Sound, decibels: float) -> Sound:
    """With white noise of this level (dBFS) behind it."""
    level = 32768 * 10 ** (decibels / 20)
    dice = random.Random(1)
    return array.array("h", (max(-32768, min(32767, round(each + dice.gauss(0, level)))) for each in sound))


def silence(seconds: float) -> Sound:
    return array.array("h", bytes(2 * int(seconds * RATE)))


def tone(seconds: float, hertz: float = 440.0, decibels: float = -20.0) -> Sound:
    level = 32767 * 10 ** (decibels / 20)
    return array.array(
        "h", (round(level * math.sin(2 * math.pi * hertz * at / RATE)) for at in range(int(seconds * RATE)))
    )


def shifted(sound: Sound, share: float) -> Sound:
    """With a constant offset of this share of full scale."""
    return array.array("h", (max(-32768, min(32767, each + round(share * 32767))) for each in sound))


def part(sound: Sound, begin: float, end: float) -> Sound:
    return sound[int(begin * RATE) : int(end * RATE)]


def halved(sound: Sound) -> Sound:
    """At half the sample rate, as a telephone would have it."""
    return array.array("h", ((sound[at] + sound[at + 1]) // 2 for at in range(0, len(sound) - 1, 2)))
