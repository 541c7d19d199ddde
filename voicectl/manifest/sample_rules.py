"""The rules of `voicectl lint` that need only headers, over the samples of a catalog: what `validate` tells of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from voicectl.audio.by_headers import findings
from voicectl.audio.kinds import FileKind
from voicectl.errors import Place, Problem
from voicectl.manifest.problems import shown
from voicectl.model.lint import Rules, Setting
from voicectl.model.recording import Finding, Headers, Recording, Unheard
from voicectl.model.voice import Sample, Voice

_CODECS = {"wav": "pcm", "mp3": "mp3", "m4a": "aac", "opus": "opus"}
_UNKNOWN = Unheard("was not looked at")


def header_problems(
    voices: Iterable[Voice], kind_of: Callable[[str], FileKind | None], settings: Mapping[str, Setting]
) -> tuple[Problem, ...]:
    """What the rules say of these voices' samples, each at the sample's line, sorted by place.

    `kind_of` tells what the file at a path of the project is, where somebody has looked at it.
    """
    places: dict[tuple[str, str | None], Place] = {}
    recordings = []
    for voice in voices:
        for sample in voice.samples:
            place = sample.source or voice.source
            places.setdefault((voice.name, None), place)
            places[voice.name, sample.path] = place
            recordings.append(Recording.of(voice, sample, _read(sample, kind_of(sample.path))))
    found = findings(recordings, Rules(settings))
    return tuple(sorted(_problem(one, places[one.voice, one.path]) for one in found))


def _read(sample: Sample, kind: FileKind | None) -> Headers | Unheard:
    if kind is None or sample.pointer:
        return _UNKNOWN
    speed = round(sample.size * 8 / 1000 / kind.seconds, 1) if kind.seconds else None
    return Headers(_CODECS.get(kind.format, ""), kind.rate, kind.channels, speed, kind.seconds, kind.moving)


def _problem(found: Finding, place: Place) -> Problem:
    what = f"voice {found.voice!r}" if found.path is None else f"samples.audio: {shown(found.path)}"
    level = "error" if found.level == "error" else "warning"
    return Problem(place, f"{what} {found.message}", found.advice, level)
