"""How recordings sound, and what is wrong with them: what `voicectl lint` finds. These classes are its JSON format."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from voicectl.model.canonical import CLOSED
from voicectl.model.catalog import namespace
from voicectl.model.lint import Level
from voicectl.model.voice import Sample, Voice

_MOST = 1e12
"""No measurement is as large."""
_LONGEST_ENVELOPE = 500_000
"""Characters; an hour has 120,000."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one recording.

    `seconds` and all durations in seconds, `bit_rate` in kbit/s, `loudness` in LUFS (None for what is too short or too
    quiet to have one), `true_peak` in dBTP, `noise` and `speech_level` in dBFS, `snr` in dB. `flat_peaks` is how flat
    the wave is at its peaks: 0 for one that never clips. `speech` is the share of frames with speech, 0 to 1.
    `envelope` holds the level of each 40 ms, as base64 of one byte each (255 is full scale, a step is half a dB).
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    container: str
    codec: str
    rate: int
    channels: int
    bit_rate: float
    seconds: float
    declared: float | None
    damaged: int
    moving: bool
    loudness: float | None
    true_peak: float
    flat_peaks: float
    peak: float
    dc_offset: float
    noise: float
    speech_level: float
    snr: float
    speech: float
    head: float
    tail: float
    pause: float
    envelope: str

    def __post_init__(self) -> None:
        """Raises ValueError for what no recording measures: reports and caches may be anybody's."""
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, int | float) and not -_MOST < value < _MOST:  # NaN is not, either
                raise ValueError(f"{name} is no measurement")
        if min(self.rate, self.channels, self.damaged, self.seconds, self.head, self.tail, self.pause) < 0:
            raise ValueError("counts and lengths are not negative")
        if len(self.envelope) > _LONGEST_ENVELOPE:
            raise ValueError("the envelope is longer than any recording")
        base64.b64decode(self.envelope, validate=True)


def levels_of(envelope: str) -> bytes:
    """The levels of an envelope; none for a text that is no base64, as anybody may have written a report or a cache."""
    try:
        return base64.b64decode(envelope)
    except ValueError:
        return b""


@dataclass(frozen=True, slots=True)
class Headers:
    """What headers alone say of a recording, in the units of Measured; None for what they leave open."""

    codec: str
    rate: int | None
    channels: int | None
    bit_rate: float | None
    seconds: float | None
    moving: bool


@dataclass(frozen=True, slots=True)
class Unheard:
    """No result: there is no sound to hear, or the process died of it, or took too long.

    The text completes the sentence "this file …"; `hint` says what to do.
    """

    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """A sample of a voice, and what was heard of it, or only read.

    `file` and `line` are the manifest's place, `path` is the sample's own. `spoken` is its transcript; `enhance` says
    whether the provider will clean it up.
    """

    voice: str
    path: str
    digest: str
    file: str
    line: int
    spoken: str | None
    enhance: bool
    heard: Measured | Headers | Unheard

    @classmethod
    def of(cls, voice: Voice, sample: Sample, heard: Measured | Headers | Unheard) -> Recording:
        """A voice's sample, and what was heard of it."""
        place = sample.source or voice.source
        return cls(
            voice.name, sample.path, sample.digest, place.file, place.line, sample.transcript, voice.enhance, heard
        )

    @property
    def known(self) -> Measured | Headers | None:
        """What its headers say, or a decoder, where anybody has looked at it."""
        return None if isinstance(self.heard, Unheard) else self.heard

    @property
    def measured(self) -> Measured | None:
        """The measurements, where it could be heard."""
        return self.heard if isinstance(self.heard, Measured) else None


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that one recording, or one voice, does not keep.

    `path` is None for a finding about a voice as a whole. `value` is what was measured and `at` the threshold, both in
    `unit`. `file` and `line` are where the manifest names it.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    rule: str
    level: Level
    voice: str
    path: str | None
    file: str
    line: int
    message: str
    advice: str
    value: float | None = None
    at: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class LintedSample:
    """A sample in a report. Where it could not be heard, `measured` is None and `unheard` says why."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    voice: str
    path: str
    audio: str
    file: str
    line: int
    measured: Measured | None = None
    unheard: str = ""
    unheard_hint: str = ""


@dataclass(frozen=True, slots=True)
class LintSummary:
    """Counts; `seconds` of sound in all."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    voices: int = 0
    samples: int = 0
    seconds: float = 0.0
    errors: int = 0
    warnings: int = 0


@dataclass(frozen=True, slots=True)
class LintReport:
    """What was measured, and what was found. `shard` is `I/N` for a part of the samples."""

    __pydantic_config__: ClassVar[dict[str, Any]] = CLOSED
    catalog: str
    environment: str | None
    shard: str | None = None
    samples: tuple[LintedSample, ...] = ()
    findings: tuple[Finding, ...] = ()
    summary: LintSummary = field(default_factory=LintSummary)
    measure_version: int = 1
    format_version: Literal["1.0"] = "1.0"

    @property
    def namespace(self) -> str:
        """`acme`, or `acme.staging` with an environment."""
        return namespace(self.catalog, self.environment)

    @classmethod
    def of(
        cls,
        catalog: str,
        environment: str | None,
        recordings: Iterable[Recording],
        found: Iterable[Finding],
        *,
        shard: str | None,
        version: int,
    ) -> LintReport:
        """The report of these recordings and findings."""
        samples = tuple(
            LintedSample(
                one.voice, one.path, one.digest, one.file, one.line, one.measured,
                *((one.heard.message, one.heard.hint) if isinstance(one.heard, Unheard) else ()),
            )
            for one in recordings
        )  # fmt: skip
        kept = tuple(found)
        summary = LintSummary(
            voices=len({sample.voice for sample in samples}),
            samples=len(samples),
            seconds=round(sum(sample.measured.seconds for sample in samples if sample.measured), 1),
            errors=sum(one.level == "error" for one in kept),
            warnings=sum(one.level == "warning" for one in kept),
        )
        return cls(catalog, environment, shard, samples, kept, summary, version)
