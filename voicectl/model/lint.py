"""The rules of `voicectl lint`: their names, default levels and thresholds, and where these come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "off"]
LEVELS: tuple[Level, ...] = ("error", "warning", "off")

_FISH = "Fish Audio, voice cloning guide"
_NODE = "Fish Audio's node for ComfyUI"
_ACX = "ACX audio submission requirements"
_R128 = "EBU R 128"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    `at` is the threshold in `unit`, None for a rule that has none. `says` completes the sentence "a finding if …";
    `advice` says what to do, `source` where the threshold comes from. `headers` says that `validate` can judge it.
    """

    name: str
    level: Level
    at: float | None
    unit: str
    says: str
    advice: str
    source: str
    headers: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """What a project says of one rule under `policy.lint`; None leaves the default."""

    level: Level | None = None
    at: float | None = None


RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("not_heard", "error", None, "", "the sound can't be had or decoded", "", "voicectl"),
        Rule(
            "damaged",
            "error",
            None,
            "",
            "parts of the sound can't be decoded",
            "export it again from the master",
            "voicectl",
        ),
        Rule(
            "silent",
            "error",
            -50.0,
            "LUFS",
            "the whole recording is quieter",
            "is it the right take? Record or export it again",
            f"{_R128}: 27 LU below the programme level",
        ),
        Rule(
            "quiet",
            "warning",
            -30.0,
            "LUFS",
            "the whole recording is quieter",
            "export it louder, or let `voicectl add` do so",
            f"7 LU below the programme level of {_R128}",
        ),
        Rule(
            "peak",
            "warning",
            1.0,
            "dBTP",
            "the true peak is higher",
            "export it with a peak of -1 dBTP or less",
            "ITU-R BS.1770; 1 dB of margin, for lossy formats overshoot",
        ),
        Rule(
            "clipping",
            "warning",
            1.0,
            "",
            "the wave is flatter at its peaks (FFmpeg's flat factor; 0 for a wave that never clips)",
            "record it again with less gain; turning it down afterwards does not mend it",
            "voicectl: 0 over clean speech, 4 and more for speech that clips by 6 dB",
        ),
        Rule(
            "noise",
            "warning",
            -50.0,
            "dBFS",
            "the quietest tenth is louder",
            "record in a quieter room, nearer to the microphone",
            f"10 dB above the noise floor of the {_ACX}",
        ),
        Rule(
            "snr",
            "warning",
            25.0,
            "dB",
            "the speech stands out less from the noise",
            "record in a quieter room, nearer to the microphone",
            "20 dB and less is audible in a clone; 5 dB of margin",
        ),
        Rule(
            "sample_rate",
            "warning",
            16_000.0,
            "Hz",
            "the sample rate is lower, as in a telephone's recording",
            "use the master; a higher rate made from this file brings nothing back",
            "Google Cloud, best practices for speech: 16,000 Hz or more",
            headers=True,
        ),
        Rule(
            "channels",
            "warning",
            2.0,
            "",
            "it has more channels",
            "export it as mono",
            f"{_FISH}: mono, one speaker",
            headers=True,
        ),
        Rule(
            "bit_rate",
            "warning",
            32.0,
            "kbit/s",
            "an MP3 or M4A file has fewer bits a second",
            "export it again from the master",
            "voicectl: below that, MP3 cuts speech at 5 kHz",
            headers=True,
        ),
        Rule(
            "moving_picture",
            "warning",
            None,
            "",
            "the file has a moving picture, too",
            "export the sound alone, or let `voicectl add` do so",
            "voicectl",
            headers=True,
        ),
        Rule(
            "head",
            "warning",
            1.0,
            "s",
            "it begins with more silence",
            "cut it, or let `voicectl add --trim` do so",
            f"{_ACX}: half a second to one second",
        ),
        Rule(
            "tail",
            "warning",
            2.0,
            "s",
            "it ends with more silence",
            "cut it, or let `voicectl add --trim` do so",
            f"{_ACX}: one to five seconds",
        ),
        Rule(
            "pause",
            "warning",
            2.0,
            "s",
            "it has a longer pause inside",
            "cut the pause: a clone repeats the pace of its samples",
            "Telnyx and Cartesia, voice cloning: avoid long pauses",
        ),
        Rule(
            "dc_offset",
            "warning",
            0.02,
            "",
            "the mean is further from zero",
            "filter it out (a high-pass at 20 Hz), or check the recording device",
            "voicectl: 2 % of full scale",
        ),
        Rule(
            "speech",
            "warning",
            0.5,
            "",
            "a smaller share of it is speech",
            "cut out music, noise and silence",
            f"{_FISH}: one speaker, nothing else (share by WebRTC's detector)",
        ),
        Rule(
            "pace",
            "warning",
            1.6,
            "",
            "it has so many times more or fewer characters a second than the voice's other samples",
            "does the transcript belong to this recording?",
            "voicectl: readers vary by less than a third",
        ),
        Rule(
            "loudness_spread",
            "warning",
            6.0,
            "LU",
            "the voice's samples differ by more in loudness",
            "export them equally loud",
            "Azure, custom voice: consistent volume",
        ),
        Rule(
            "total",
            "warning",
            270.0,
            "s",
            "the voice's samples are longer together",
            "leave the best takes",
            f"{_NODE}: less than 270 s in all",
            headers=True,
        ),
        Rule(
            "clips",
            "off",
            2.0,
            "",
            "the voice has fewer samples",
            "add a take: two or three of 15 to 20 s are better than one",
            _FISH,
            headers=True,
        ),
        Rule(
            "audition",
            "off",
            180.0,
            "s",
            "the voice's samples are too long together to audition",
            "`voicectl audition` sends them all; the provider has been seen to take about 180 s",
            "measured by others, unofficial",
            headers=True,
        ),
        Rule(
            "same_recording",
            "error",
            None,
            "",
            "two voices have the same recording, also in another format",
            "is it in the wrong voice?",
            "voicectl",
            headers=True,
        ),
        Rule(
            "near_copy",
            "warning",
            0.95,
            "",
            "two samples are more alike (correlation of their levels), as cuts or copies of one take are",
            "keep one of them: the same take twice teaches nothing more",
            "voicectl: other takes of the same words stay below 0.9",
        ),
    )
}
"""Every rule by its name, in the order of `voicectl help samples`."""


class Rules:
    """The rules as a project sets them."""

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        self._settings = settings

    def level(self, name: str) -> Level:
        """The level of a rule."""
        return self._of(name).level or RULES[name].level

    def at(self, name: str) -> float:
        """The threshold of a rule that has one."""
        own = self._of(name).at
        default = RULES[name].at
        return own if own is not None else default if default is not None else 0.0

    def _of(self, name: str) -> Setting:
        return self._settings.get(name, Setting())
