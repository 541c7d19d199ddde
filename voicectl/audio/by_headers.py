"""What is wrong with recordings by their headers alone, by the rules. Pure: `validate` and `lint` share it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from voicectl.model.lint import RULES, Rules
from voicectl.model.recording import Finding, Headers, Measured, Recording

_LOSSY = ("mp3", "aac")
_ENHANCED = {"noise", "snr", "quiet"}
_ENHANCES = "`enhance_audio_quality` is on, so the provider reduces noise and evens out the volume anyway"


def findings(recordings: Sequence[Recording], rules: Rules) -> list[Finding]:
    """All findings that need only headers, by voice, in the order of the manifest and of the rules."""
    found = [one for recording in recordings for one in alone(recording, rules)]
    for voice in by_voice(recordings).values():
        found += of_voice(voice, rules)
    found += same_bytes(recordings, rules)
    return ordered(found)


def ordered(found: Iterable[Finding]) -> list[Finding]:
    """The findings that are not switched off, by voice, in the order of the manifest and of the rules."""
    order = {name: number for number, name in enumerate(RULES)}
    kept = [one for one in found if one.level != "off"]
    return sorted(kept, key=lambda one: (one.voice, one.line, one.path or "", order[one.rule], one.message))


def alone(recording: Recording, rules: Rules) -> Iterator[Finding]:
    """What a single recording's headers tell."""
    known = recording.known
    if known is None:
        return
    for name, value, above, words in _levels(known):
        yield from beyond(name, value, above, words, rules, recording)
    if known.moving:
        yield finding("moving_picture", rules, recording, "has a moving picture beside its sound")


def _levels(known: Measured | Headers) -> Iterator[tuple[str, float | None, bool, str]]:
    """Rule, value, whether more is worse, and the words."""
    yield "sample_rate", known.rate, False, "has a low sample rate"
    yield "channels", known.channels, True, "has several channels"
    if known.codec in _LOSSY:
        yield "bit_rate", known.bit_rate, False, "has a low bit rate"


def beyond(
    name: str, value: float | None, above: bool, words: str, rules: Rules, recording: Recording
) -> Iterator[Finding]:
    """The finding where a value is beyond a rule's threshold; none for a value that nobody knows."""
    limit = rules.at(name)
    if value is not None and (value > limit if above else value < limit):
        sign = "more" if above else "less"
        unit = f" {RULES[name].unit}" if RULES[name].unit else ""
        yield finding(name, rules, recording, f"{words} ({value:g}{unit}; {sign} than {limit:g})", value)


def of_voice(recordings: Sequence[Recording], rules: Rules) -> Iterator[Finding]:
    """What only all samples of a voice can tell."""
    first = recordings[0]
    total = sum(one.known.seconds or 0.0 for one in recordings if one.known is not None)
    for name in ("total", "audition"):
        if total > rules.at(name):
            words = f"has {total:.0f} s of recordings in all (more than {rules.at(name):g})"
            yield finding(name, rules, first, words, round(total, 1), whole=True)
    if len(recordings) < rules.at("clips"):
        words = f"has {len(recordings)} of at least {rules.at('clips'):g} samples"
        yield finding("clips", rules, first, words, len(recordings), whole=True)


def same_bytes(recordings: Iterable[Recording], rules: Rules) -> Iterator[Finding]:
    """Files that are there twice."""
    first: dict[str, Recording] = {}
    for one in recordings:
        earlier = first.setdefault(one.digest, one)
        if earlier is not one:
            yield finding("same_recording", rules, one, f"is the same file as {named(earlier)}")


def finding(
    rule: str,
    rules: Rules,
    recording: Recording,
    message: str,
    value: float | None = None,
    *,
    whole: bool = False,
    advice: str = "",
) -> Finding:
    """A finding about a recording, or about its voice as a `whole`."""
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


def by_voice(recordings: Iterable[Recording]) -> Mapping[str, list[Recording]]:
    """The recordings of each voice."""
    voices: dict[str, list[Recording]] = defaultdict(list)
    for one in recordings:
        voices[one.voice].append(one)
    return voices


def named(recording: Recording) -> str:
    """A recording in a sentence about another one."""
    return f"{recording.path} of {recording.voice}"
