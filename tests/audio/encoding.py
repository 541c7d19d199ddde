"""Short files of any codec, made by FFmpeg through PyAV."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import av
import av.error
from av.audio.resampler import AudioResampler

from tests.audio import sounds


@cache
def _sound(seconds: float) -> bytes:
    return sounds.part(sounds.speech(), 0, seconds).tobytes()


def encoded(
    form: str, codec: str, *, rate: int, channels: int = 1, bit_rate: int = 0, seconds: float = 2.2,
    more: Mapping[str, str] | None = None, picture: str = "", frames: int = 30, sound: bool = True,
) -> bytes | None:  # fmt: skip
    """A file of speech, with a track of pictures beside it if `picture` names its codec; None without the encoder."""
    options = dict(more or {})
    try:
        # FFmpeg opens a file anew, by its name, to move its header to the front.
        with NamedTemporaryFile() as out, av.open(out.name, "w", format=form, container_options=options) as target:
            stream: Any = None
            if sound:
                stream = target.add_stream(codec, rate=rate, layout="mono" if channels == 1 else "stereo")
                stream.codec_context.options = {key: value for key, value in options.items() if key in _OF_CODECS}
                if bit_rate:
                    stream.bit_rate = bit_rate
                elif codec == "libmp3lame":
                    stream.codec_context.flags |= 2  # AV_CODEC_FLAG_QSCALE
                    stream.codec_context.global_quality = 118 * 5
            if picture:
                _add_pictures(target, picture, frames)
            if stream is not None:
                _encode(target, stream, seconds)
            target.close()
            return Path(out.name).read_bytes()
    except (av.error.FFmpegError, ValueError, LookupError):
        return None


_OF_CODECS = ("frame_duration", "application", "vbr", "compression_level")


def _encode(target: Any, stream: Any, seconds: float) -> None:
    data = _sound(seconds)
    frame = av.AudioFrame(format="s16", layout="mono", samples=len(data) // 2)
    frame.sample_rate = sounds.RATE
    frame.pts, frame.time_base = 0, Fraction(1, sounds.RATE)
    frame.planes[0].update(data.ljust(frame.planes[0].buffer_size, b"\0"))
    context = stream.codec_context
    context.open(strict=False)
    resampler = AudioResampler(
        format=context.format.name, layout=context.layout, rate=stream.rate, frame_size=context.frame_size or 4096
    )
    for given in (frame, None):
        for piece in resampler.resample(given):
            target.mux(stream.encode(piece))
    target.mux(stream.encode(None))


def _add_pictures(target: Any, codec: str, frames: int) -> None:
    stream = target.add_stream(codec, rate=10)
    stream.width, stream.height = 32, 32
    stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    for number in range(frames):
        frame = av.VideoFrame(32, 32, stream.pix_fmt)
        for plane in frame.planes:
            plane.update(bytes([number * 7 % 256]) * plane.buffer_size)
        frame.pts = number
        target.mux(stream.encode(frame))
    target.mux(stream.encode(None))
