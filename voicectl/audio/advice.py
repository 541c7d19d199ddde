"""What is wrong with a catalog's recordings, by the rules. Pure: from measurements to findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median

from voicectl.audio.likeness import Likeness, alike
from voicectl.model.lint import RULES, Rules
from voicectl.model.recording import Finding, Measured, Recording, Unheard

_CLICK = 0.1
"""Seconds: what sounds for less is a click, and the rest is silence."""
_LOSSY = ("mp3", "aac")
_ENHANCED = {"noise", "snr", "quiet"}
_ENHANCES = "`enhance_audio_quality` is on, so the provider reduces noise and evens out the volume anyway"


def findings(recordings: Sequence[Recording], rules: Rules, *, together: bool = True) -> list[Finding]:
    """All findings, by voice, in the order of the manifest and of the rules.

    Without `together` only those about single recordings: a shard does not know the others.
    """
    found = [one for recording in recordings for one in _alone(recording, rules)]
    if together:
        for voice in _by_voice(recordings).values():
            found += _of_voice(voice, rules)
        found += _copies(recordings, rules)
    order = {name: number for number, name in enumerate(RULES)}
    kept = [one for one in found if one.level != "off"]
    return sorted(kept, key=lambda one: (one.voice, one.line, one.path or "", order[one.rule], one.message))


def _alone(recording: Recording, rules: Rules) -> Iterator[Finding]:
    measured = recording.measured
    if measured is None:
        assert isinstance(recording.heard, Unheard)
        yield _finding("not_heard", rules, recording, recording.heard.message, advice=recording.heard.hint)
        return
    if measured.damaged:
        yield _finding("damaged", rules, recording, f"{measured.damaged} of its packets can't be decoded")
    loudness = measured.loudness
    soundless = measured.head >= measured.seconds - _CLICK
    if loudness is None or soundless or loudness < rules.at("silent"):
        words = "is silent" if loudness is None or soundless else f"is all but silent ({loudness:g} LUFS)"
        # Nothing else can be said of silence.
        yield _finding("silent", rules, recording, words, loudness)
        return
    for name, value, above, words in _levels(measured, loudness):
        limit = rules.at(name)
        if value > limit if above else value < limit:
            sign = "more" if above else "less"
            shown = f"{words} ({value:g}{_unit(name)}; {sign} than {limit:g})"
            yield _finding(name, rules, recording, shown, value)
    if measured.moving:
        yield _finding("moving_picture", rules, recording, "has a moving picture beside its sound")


def _levels(measured: Measured, loudness: float) -> Iterator[tuple[str, float, bool, str]]:
    """Rule, value, whether more is worse, and the words."""
    yield "quiet", loudness, False, "is quiet"
    yield "peak", measured.true_peak, True, "peaks above full scale"
    yield "clipping", measured.flat_peaks, True, "clips: its peaks are flat"
    yield "noise", measured.noise, True, "has background noise"
    yield "snr", measured.snr, False, "has noise behind the speech"
    yield "sample_rate", measured.rate, False, "has a low sample rate"
    yield "channels", measured.channels, True, "has several channels"
    if measured.codec in _LOSSY:
        yield "bit_rate", measured.bit_rate, False, "has a low bit rate"
    yield "head", measured.head, True, "begins with silence"
    yield "tail", measured.tail, True, "ends with silence"
    yield "pause", measured.pause, True, "has a long pause"
    yield "dc_offset", abs(measured.dc_offset), True, "has a DC offset"
    yield "speech", measured.speech, False, "is mostly something else than speech"


def _of_voice(recordings: Sequence[Recording], rules: Rules) -> Iterator[Finding]:
    """What only all samples of a voice can tell."""
    first = recordings[0]
    heard = [(one, one.measured) for one in recordings if one.measured is not None]
    total = sum(measured.seconds for _, measured in heard)
    for name in ("total", "audition"):
        if total > rules.at(name):
            words = f"has {total:.0f} s of recordings in all (more than {rules.at(name):g})"
            yield _finding(name, rules, first, words, round(total, 1), whole=True)
    if len(recordings) < rules.at("clips"):
        words = f"has {len(recordings)} of at least {rules.at('clips'):g} samples"
        yield _finding("clips", rules, first, words, len(recordings), whole=True)
    levels = [measured.loudness for _, measured in heard if measured.loudness is not None]
    spread = round(max(levels, default=0.0) - min(levels, default=0.0), 1)
    if spread > rules.at("loudness_spread"):
        words = f"has samples that differ by {spread:g} LU in loudness (more than {rules.at('loudness_spread'):g})"
        yield _finding("loudness_spread", rules, first, words, spread, whole=True)
    yield from _paces(heard, rules)


def _paces(heard: Sequence[tuple[Recording, Measured]], rules: Rules) -> Iterator[Finding]:
    """Transcripts that are too long or too short for their recordings, by the voice's other samples."""
    paces = {
        one.digest: (one, len(one.spoken) / max(0.1, measured.seconds - measured.head - measured.tail))
        for one, measured in heard
        if one.spoken
    }
    # Of two that differ nobody knows which is wrong: the later one is named.
    usual = median(pace for _, pace in paces.values()) if len(paces) > 2 else next(iter(paces.values()), (None, 0.0))[1]
    for one, pace in paces.values():
        ratio = max(pace / usual, usual / pace) if pace and usual else 1.0
        if ratio > rules.at("pace"):
            words = f"has {pace:.1f} characters a second in its transcript, the voice's other samples have {usual:.1f}"
            yield _finding("pace", rules, one, words, round(ratio, 2))


def _copies(recordings: Sequence[Recording], rules: Rules) -> Iterator[Finding]:
    """Recordings that are there twice, by their bytes or by their sound."""
    users: dict[str, list[Recording]] = defaultdict(list)
    for one in recordings:
        users[one.digest].append(one)
    for copies in users.values():
        for one in copies[1:]:
            yield _finding("same_recording", rules, one, f"is the same file as {_named(copies[0])}")
    envelopes = {one.digest: one.measured.envelope for one in recordings if one.measured is not None}
    nearest: dict[str, Likeness] = {}
    for pair in alike(envelopes, rules.at("near_copy")):
        known = nearest.get(pair.second)
        if known is None or (pair.same, pair.correlation) > (known.same, known.correlation):
            nearest[pair.second] = pair
    for pair in nearest.values():
        earlier, later = users[pair.first][0], users[pair.second][0]
        if pair.same and earlier.voice != later.voice:
            words = f"is the same recording as {_named(earlier)}, in another file"
            yield _finding("same_recording", rules, later, words, pair.correlation)
        else:
            words = f"is nearly the same recording as {_named(earlier)}"
            yield _finding("near_copy", rules, later, words, pair.correlation)


def _finding(
    rule: str,
    rules: Rules,
    recording: Recording,
    message: str,
    value: float | None = None,
    *,
    whole: bool = False,
    advice: str = "",
) -> Finding:
    advice = advice or RULES[rule].advice
    if recording.enhance and rule in _ENHANCED:
        advice = f"{advice}; {_ENHANCES}"
    return Finding(
        rule=rule,
        level=rules.level(rule),
        voice=recording.voice,
        path=None if whole else recording.path,
        file=recording.file,
        line=recording.line,
        message=message,
        advice=advice,
        value=value,
        at=None if RULES[rule].at is None else rules.at(rule),
        unit=RULES[rule].unit,
    )


def _by_voice(recordings: Iterable[Recording]) -> Mapping[str, list[Recording]]:
    voices: dict[str, list[Recording]] = defaultdict(list)
    for one in recordings:
        voices[one.voice].append(one)
    return voices


def _named(recording: Recording) -> str:
    return f"{recording.path} of {recording.voice}"


def _unit(rule: str) -> str:
    unit = RULES[rule].unit
    return f" {unit}" if unit else ""
