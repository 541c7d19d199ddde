"""How a recording sounds, in numbers. One pass over the sound, in memory that does not grow with its length.

Loudness and true peak follow EBU R 128 (ITU-R BS.1770). Levels are in dB below full scale (dBFS), over frames of 20 ms.
"""

from __future__ import annotations

import base64
import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import mul
from typing import BinaryIO

from voicectl.model.recording import Measured

VERSION = 2
"""Rises when equal bytes measure otherwise, so that results that were kept count no more."""
FRAME_SECONDS = 0.02
_RATE = 16_000
_FRAME = int(_RATE * FRAME_SECONDS)
_FLOOR = -99.0
"""dBFS of digital silence."""
_AGGRESSIVENESS = 2
"""Of WebRTC's detector of speech, from 0 to 3. At 3 it misses soft speech, at 0 it takes hum for speech."""
_BELOW_SPEECH = 40.0
_ABOVE_NOISE = 6.0
"""A frame is sound if it is at most so far below the speech, and at least so far above the noise, in dB."""
_SECOND = 50
"""Frames."""
_SYLLABLES = 6.0
"""dB by which the levels of a second of speech differ at least."""
_LEAST_RUN = 3
"""Frames: a click is no beginning."""
_QUIETEST = 0.1
"""The share of the frames in which nobody speaks, in any speech with pauses between its words."""
ENVELOPE_FRAMES = 2
"""Frames a step of the envelope: 40 ms."""


def measure(file: BinaryIO, size: int) -> Measured:
    """Measure a recording of `size` bytes. Raises decode.Unplayable, and ImportError without `voicectl[audio]`."""
    from voicectl.audio import decode

    frames = _Frames()
    levels = decode.analyse(file, frames.listen)
    sound, values = levels.sound, levels.values
    flow = frames.finish()
    loudness = values.get("r128.I", _FLOOR)
    return Measured(
        container=sound.container,
        codec=sound.codec,
        rate=sound.rate,
        channels=sound.channels,
        bit_rate=round(size * 8 / 1000 / sound.seconds, 1),
        seconds=round(sound.seconds, 3),
        declared=None if sound.declared is None else round(sound.declared, 3),
        damaged=sound.damaged,
        moving=sound.moving,
        # -70 LUFS is the gate of EBU R 128: nothing was loud enough to count.
        loudness=round(loudness, 1) if loudness > -70.0 else None,
        true_peak=_decibels(values.get("r128.true_peak", 0.0) ** 2),
        flat_peaks=round(values.get("astats.Overall.Flat_factor", 0.0), 2),
        peak=max(_FLOOR, round(values.get("astats.Overall.Peak_level", _FLOOR), 2)),
        dc_offset=round(values.get("astats.Overall.DC_offset", 0.0), 4),
        noise=flow.noise,
        speech_level=flow.speech_level,
        snr=round(flow.speech_level - flow.noise, 1),
        speech=flow.speech,
        head=flow.head,
        tail=flow.tail,
        pause=flow.pause,
        envelope=flow.envelope,
    )


@dataclass(frozen=True, slots=True)
class _Flow:
    """What the frames tell."""

    noise: float
    speech_level: float
    speech: float
    head: float
    tail: float
    pause: float
    envelope: str


class _Frames:
    """The power of each frame, and whether somebody speaks in it."""

    def __init__(self) -> None:
        import webrtcvad

        self._detector = webrtcvad.Vad(_AGGRESSIVENESS)
        self._rest = bytearray()
        self._powers = array("d")
        self._spoken = bytearray()

    def listen(self, data: bytes) -> None:
        """Take 16-bit mono samples, 16,000 a second."""
        self._rest += data
        whole = len(self._rest) - len(self._rest) % (2 * _FRAME)
        for start in range(0, whole, 2 * _FRAME):
            frame = bytes(self._rest[start : start + 2 * _FRAME])
            samples = array("h", frame)
            # Without the frame's own mean: a constant offset is no sound, and has a measure of its own.
            mean = sum(samples) / _FRAME
            self._powers.append((sum(map(mul, samples, samples)) / _FRAME - mean * mean) / 32768.0**2)
            self._spoken.append(self._detector.is_speech(frame, _RATE))
        del self._rest[:whole]

    def finish(self) -> _Flow:
        """What all frames tell together."""
        powers, spoken = self._powers, self._spoken
        if not powers:
            return _Flow(_FLOOR, _FLOOR, 0.0, 0.0, 0.0, 0.0, "")
        quietest = sorted(powers)[: max(1, int(len(powers) * _QUIETEST))]
        noise = _decibels(_mean(quietest))
        speaking = [power for power, said in zip(powers, spoken, strict=True) if said]
        speech_level = _decibels(_mean(speaking or powers))
        least = max(speech_level - _BELOW_SPEECH, min(noise + _ABOVE_NOISE, speech_level - _ABOVE_NOISE))
        runs = list(_silences([_decibels(power) >= least for power in powers]))
        head, *inner, tail = runs if len(runs) > 1 else (len(powers), 0)
        return _Flow(
            noise=noise,
            speech_level=speech_level,
            speech=round(_share_of_speech(powers, spoken), 3),
            head=round(head * FRAME_SECONDS, 2),
            tail=round(tail * FRAME_SECONDS, 2),
            pause=round(max(inner, default=0) * FRAME_SECONDS, 2),
            envelope=_envelope(powers),
        )


def _share_of_speech(powers: Sequence[float], spoken: Sequence[int]) -> float:
    """The share of frames with speech. The detector takes steady tones for speech, but syllables rise and fall."""
    found = 0
    for at in range(0, len(powers), _SECOND):
        levels = sorted(_decibels(power) for power in powers[at : at + _SECOND])
        if levels[len(levels) * 9 // 10] - levels[len(levels) // 10] >= _SYLLABLES:
            found += sum(spoken[at : at + _SECOND])
    return found / len(spoken)


def _silences(active: Sequence[bool]) -> Iterable[int]:
    """The frames of silence at the head, between sounds, and at the tail; only one number where there is no sound."""
    silent = run = 0
    for loud in active:
        if loud:
            run += 1
            if run == _LEAST_RUN:
                yield silent
                silent = 0
        else:
            # A run that was too short belongs to the silence around it.
            silent += 1 + (run if run < _LEAST_RUN else 0)
            run = 0
    yield silent + (run if run < _LEAST_RUN else 0)


def _envelope(powers: Sequence[float]) -> str:
    steps = (powers[at : at + ENVELOPE_FRAMES] for at in range(0, len(powers), ENVELOPE_FRAMES))
    return base64.b64encode(bytes(max(0, min(255, round(255 + 2 * _decibels(_mean(step))))) for step in steps)).decode()


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _decibels(power: float) -> float:
    return round(max(_FLOOR, 10 * math.log10(power)), 1) if power > 0 else _FLOOR
