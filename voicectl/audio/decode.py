"""The decoder: FFmpeg's libraries through PyAV, which come with `voicectl[audio]`. No other module imports PyAV.

Recordings may be hostile. What is decoded is bounded in streams, packets and seconds; only containers of sound are
opened, and never a playlist or another protocol, through which a file could have others read. A crash of the decoder
takes its process along, so callers run these functions in a worker (`audio/worker.py`).
"""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import av
import av.error
from av.audio.resampler import AudioResampler
from av.filter import Graph
from av.stream import Disposition

av.logging.set_level(av.logging.PANIC)

MAX_SECONDS = 3600.0
_MOST_DECLARED = 1e9
"""Seconds: a container that claims more says nothing."""
MAX_STREAMS = 32
MAX_PACKETS = 2_000_000
CONTAINERS = "wav,w64,mp3,mov,mp4,m4a,3gp,3g2,mj2,ogg,flac,aiff,amr,amrnb,amrwb,caf,matroska,webm,aac,asf"
"""FFmpeg's names of the containers that are opened: the provider's, and those that `voicectl add` converts."""
SPEECH_RATE = 16_000
"""Samples per second of what `analyse` hands out: what a detector of speech takes."""
_FORMS: Mapping[str, tuple[str, str, int]] = {
    "wav": ("wav", "pcm_s16le", 44_100),
    "mp3": ("mp3", "libmp3lame", 44_100),
    "m4a": ("ipod", "aac", 44_100),
    "opus": ("ogg", "libopus", 48_000),
}
"""What is written: the container, the codec and the sample rate."""
_BIT_RATE = 128_000


class Unplayable(Exception):
    """The decoder makes no sound of this file. The text completes the sentence "this file …"."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What the decoder found in a file.

    `seconds` is the length of the sound that it decoded, `declared` what the container says, where it says anything;
    `damaged` counts the packets that it could not decode. `moving` says that the file has a moving picture, too.
    """

    container: str
    codec: str
    rate: int
    channels: int
    seconds: float
    declared: float | None
    damaged: int
    moving: bool = False


@dataclass(frozen=True, slots=True)
class Levels:
    """FFmpeg's measurements of a whole recording, by its own names: `r128.I`, `astats.Overall.Flat_factor` …"""

    sound: Sound
    values: Mapping[str, float]


def hear(file: BinaryIO) -> Sound:
    """Decode all of a file's sound, and keep none of it. Raises Unplayable."""
    with _opened(file) as (container, stream):
        return _decoded(container, stream, lambda frame: None)


def analyse(file: BinaryIO, listen: Callable[[bytes], None]) -> Levels:
    """Measure a file's loudness and levels, and hand its sound to `listen`. Raises Unplayable.

    `listen` gets 16-bit mono samples in the machine's byte order, SPEECH_RATE a second.
    """
    with _opened(file) as (container, stream):
        meter = _Meter(stream)
        resampler = AudioResampler(format="s16", layout="mono", rate=SPEECH_RATE)

        def heard(frame: Any) -> None:
            meter.push(frame)
            for piece in resampler.resample(frame):
                listen(_bytes(piece))

        sound = _decoded(container, stream, heard)
        for piece in resampler.resample(None):
            listen(_bytes(piece))
        return Levels(sound, meter.finish())


def convert(
    file: BinaryIO, out: BinaryIO, form: str, *, gain: float = 0.0, begin: float = 0.0, end: float | None = None
) -> Sound:
    """Write a file's sound to `out` in another form (wav, mp3, m4a or opus), mono, louder by `gain` decibels.

    `begin` and `end` cut it, in seconds. Tags and pictures are left behind. Raises Unplayable, and OSError.
    """
    container_name, codec, rate = _FORMS[form]
    written = _Writing(out)
    with (
        written.failing(),
        _opened(file) as (container, stream),
        av.open(written, "w", format=container_name) as target,
    ):
        writer: Any = target.add_stream(codec, rate=rate, layout="mono")
        if form != "wav":
            writer.bit_rate = _BIT_RATE
        chain = _Chain(
            stream.time_base,
            ("atrim", f"start={begin}" + ("" if end is None else f":end={end}")),
            ("asetpts", "PTS-STARTPTS"),
            # The mean of two channels, so that a mono mix never clips where neither channel does.
            ("aresample", f"{rate}"),
            ("aformat", f"sample_fmts={writer.format.name}:sample_rates={rate}:channel_layouts=mono"),
            ("volume", f"{gain}dB"),
            ("asetnsamples", f"n={writer.frame_size or 4096}:p=0"),
        )

        def write(frame: Any) -> None:
            for piece in chain.push(frame):
                target.mux(writer.encode(piece))

        sound = _decoded(container, stream, write)
        write(None)
        target.mux(writer.encode(None))
        return sound


class _Writing:
    """A file that is written, for PyAV, which does not always say why a write of its failed."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._error: OSError | None = None
        self.tell = out.tell
        self.read = out.read

    def write(self, data: bytes) -> int:
        """Write, and remember what went wrong."""
        with self._remembering():
            return self._out.write(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place, which writes what is waiting."""
        with self._remembering():
            return self._out.seek(offset, whence)

    @contextlib.contextmanager
    def _remembering(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._error = self._error or error
            raise

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Whatever is raised within becomes the error of the first write that failed, if one did."""
        try:
            yield
        except Exception as error:
            if self._error is not None:
                raise self._error from error
            raise


@contextlib.contextmanager
def _opened(file: BinaryIO) -> Iterator[tuple[Any, Any]]:
    """The container, and its first stream of sound. Everything that the decoder raises becomes Unplayable."""
    file.seek(0)
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": ""}
    try:
        with av.open(file, options=options, metadata_errors="replace") as container:
            if len(container.streams) > MAX_STREAMS:
                raise Unplayable(f"has {len(container.streams)} streams; at most {MAX_STREAMS} are looked at")
            if not container.streams.audio:
                raise Unplayable("has no sound track")
            stream: Any = container.streams.audio[0]
            stream.thread_type = "NONE"
            yield container, stream
    except (av.error.FFmpegError, ValueError) as error:
        # A disk's troubles come as Python's own OSError. FFmpeg says "Input/output error" of a file that is cut off.
        raise Unplayable(f"can't be played ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    words = getattr(error, "strerror", None) or str(error)
    return str(words)[:120]


def _decoded(container: Any, stream: Any, heard: Callable[[Any], None]) -> Sound:
    """Decode a stream to its end, with each frame handed on. Raises Unplayable where there is no sound, or too much."""
    damaged = packets = rate = 0
    seconds = 0.0
    trouble = ""
    for packet in container.demux(stream):
        packets += 1
        if packets > MAX_PACKETS:
            raise Unplayable(f"has more than {MAX_PACKETS:,} packets")
        try:
            frames = packet.decode()
        except av.error.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            # Of damaged packets most decoders say that their data is invalid, and some give other reasons.
            trouble = trouble if isinstance(error, av.error.InvalidDataError) else _reason(error)
            damaged += 1
            continue
        for frame in frames:
            rate = rate or frame.sample_rate
            seconds += frame.samples / frame.sample_rate
            heard(frame)
        if seconds > MAX_SECONDS:
            raise Unplayable(f"is longer than {MAX_SECONDS / 60:.0f} minutes")
    if not seconds:
        raise Unplayable(f"can't be played ({trouble})" if trouble else "has no sound in it")
    declared = float(stream.duration * stream.time_base) if stream.duration else None
    if declared is not None and not 0 < declared < _MOST_DECLARED:
        declared = None
    context = stream.codec_context
    name = context.codec.canonical_name
    moving = any(_moves(picture) for picture in container.streams.video)
    return Sound(container.format.name, name, rate, context.channels, seconds, declared, damaged, moving)


def _moves(stream: Any) -> bool:
    """Whether a stream of pictures is more than a cover."""
    return not stream.disposition & Disposition.attached_pic and stream.frames != 1


class _Chain:
    """Filters one behind the other, made for the first frame's form. Later frames of another form are brought to it:
    chained files change their sample rate, and some decoders their format."""

    def __init__(self, time_base: Any, *filters: tuple[str, str]) -> None:
        self._time_base = time_base
        self._filters = filters
        self._graph: Any = None
        self._form: tuple[str, str, int] | None = None
        self._resampler: Any = None

    def _begin(self, frame: Any) -> None:
        self._form = format_, layout, rate = _form(frame)
        self._resampler = AudioResampler(format=format_, layout=layout, rate=rate)
        self._graph = Graph()
        last: Any = self._graph.add_abuffer(sample_rate=rate, format=format_, layout=layout, time_base=self._time_base)
        for name, arguments in (*self._filters, ("abuffersink", "")):
            step = self._graph.add(name, arguments) if arguments else self._graph.add(name)
            last.link_to(step)
            last = step
        self._graph.configure()

    def push(self, frame: Any) -> Iterator[Any]:
        """What comes out after this frame went in; None is the end."""
        if self._graph is None:
            if frame is None:
                return
            self._begin(frame)
        frames = [frame] if frame is None or _form(frame) == self._form else self._resampler.resample(frame)
        # A filter that cuts the end off takes nothing more after it.
        with contextlib.suppress(av.error.EOFError):
            for each in frames:
                self._graph.push(each)
                with contextlib.suppress(av.error.BlockingIOError):
                    while True:
                        yield self._graph.pull()


def _form(frame: Any) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


class _Meter:
    """Loudness by EBU R 128 and the levels of a whole recording, which FFmpeg's filters write on the last frames."""

    def __init__(self, stream: Any) -> None:
        self._chain = _Chain(
            stream.time_base,
            ("ebur128", "peak=true:metadata=1:framelog=quiet"),
            ("astats", "metadata=1:measure_perchannel=none"),
        )
        self._last: deque[Any] = deque(maxlen=4)

    def push(self, frame: Any) -> None:
        self._last.extend(self._chain.push(frame))

    def finish(self) -> dict[str, float]:
        self.push(None)
        values: dict[str, float] = {}
        for frame in self._last:
            for key, value in frame.metadata.items():
                with contextlib.suppress(ValueError):
                    number = float(value)
                    # Samples that are no numbers make levels that are none, too.
                    if math.isfinite(number):
                        values[key.removeprefix("lavfi.")] = number
        return values


def _bytes(frame: Any) -> bytes:
    """The samples of a mono frame, without the padding behind them."""
    return bytes(frame.planes[0])[: frame.samples * 2]
