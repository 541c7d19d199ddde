"""What is wrong with a catalog's recordings, by the rules. Pure: from measurements to findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

from voicectl.audio import by_headers
from voicectl.audio.by_headers import beyond, by_voice, finding, named
from voicectl.audio.likeness import Likeness, alike
from voicectl.model.lint import Rules
from voicectl.model.recording import Finding, Measured, Recording, Unheard

_CLICK = 0.1
"""Seconds: what sounds for less is a click, and the rest is silence."""


def findings(recordings: Sequence[Recording], rules: Rules, *, together: bool = True) -> list[Finding]:
    """All findings, by voice, in the order of the manifest and of the rules.

    Without `together` only those about single recordings: a shard does not know the others.
    """
    found = [one for recording in recordings for one in _alone(recording, rules)]
    if together:
        for voice in by_voice(recordings).values():
            found += _of_voice(voice, rules)
        found += _copies(recordings, rules)
    return by_headers.ordered(found)


def _alone(recording: Recording, rules: Rules) -> Iterator[Finding]:
    measured = recording.measured
    if measured is None:
        assert isinstance(recording.heard, Unheard)
        yield finding("not_heard", rules, recording, recording.heard.message, advice=recording.heard.hint)
        return
    if measured.damaged:
        yield finding("damaged", rules, recording, f"{measured.damaged} of its packets can't be decoded")
    loudness = measured.loudness
    soundless = measured.head >= measured.seconds - _CLICK
    if loudness is None or soundless or loudness < rules.at("silent"):
        words = "is silent" if loudness is None or soundless else f"is all but silent ({loudness:g} LUFS)"
        # Nothing else can be said of silence.
        yield finding("silent", rules, recording, words, loudness)
        return
    for name, value, above, words in _levels(measured, loudness):
        yield from beyond(name, value, above, words, rules, recording)
    yield from by_headers.alone(recording, rules)


def _levels(measured: Measured, loudness: float) -> Iterator[tuple[str, float, bool, str]]:
    """Rule, value, whether more is worse, and the words."""
    yield "quiet", loudness, False, "is quiet"
    yield "peak", measured.true_peak, True, "peaks above full scale"
    yield "clipping", measured.flat_peaks, True, "clips: its peaks are flat"
    yield "noise", measured.noise, True, "has background noise"
    yield "snr", measured.snr, False, "has noise behind the speech"
    yield "head", measured.head, True, "begins with silence"
    yield "tail", measured.tail, True, "ends with silence"
    yield "pause", measured.pause, True, "has a long pause"
    yield "dc_offset", abs(measured.dc_offset), True, "has a DC offset"
    yield "speech", measured.speech, False, "is mostly something else than speech"


def _of_voice(recordings: Sequence[Recording], rules: Rules) -> Iterator[Finding]:
    """What only all samples of a voice can tell."""
    yield from by_headers.of_voice(recordings, rules)
    first = recordings[0]
    heard = [(one, one.measured) for one in recordings if one.measured is not None]
    levels = [measured.loudness for _, measured in heard if measured.loudness is not None]
    spread = round(max(levels, default=0.0) - min(levels, default=0.0), 1)
    if spread > rules.at("loudness_spread"):
        words = f"has samples that differ by {spread:g} LU in loudness (more than {rules.at('loudness_spread'):g})"
        yield finding("loudness_spread", rules, first, words, spread, whole=True)
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
            yield finding("pace", rules, one, words, round(ratio, 2))


def _copies(recordings: Sequence[Recording], rules: Rules) -> Iterator[Finding]:
    """Recordings that are there twice, by their bytes or by their sound."""
    users: dict[str, list[Recording]] = defaultdict(list)
    for one in recordings:
        users[one.digest].append(one)
    yield from by_headers.same_bytes(recordings, rules)
    envelopes = {one.digest: one.measured.envelope for one in recordings if one.measured is not None}
    nearest: dict[str, Likeness] = {}
    for pair in alike(envelopes, rules.at("near_copy")):
        known = nearest.get(pair.second)
        if known is None or (pair.same, pair.correlation) > (known.same, known.correlation):
            nearest[pair.second] = pair
    for pair in nearest.values():
        earlier, later = users[pair.first][0], users[pair.second][0]
        if pair.same and earlier.voice != later.voice:
            words = f"is the same recording as {named(earlier)}, in another file"
            yield finding("same_recording", rules, later, words, pair.correlation)
        else:
            words = f"is nearly the same recording as {named(earlier)}"
            yield finding("near_copy", rules, later, words, pair.correlation)
