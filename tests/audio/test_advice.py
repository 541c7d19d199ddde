"""What is found in measurements: each rule at its threshold, and what only several samples can tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from voicectl.audio.advice import findings
from voicectl.model.lint import RULES, Rules, Setting
from voicectl.model.recording import Finding, Measured, Recording, Unheard

GOOD = Measured(
    container="wav", codec="pcm_s16le", rate=44_100, channels=1, bit_rate=705.6, seconds=15.0, declared=15.0,
    damaged=0, moving=False, loudness=-20.0, true_peak=-3.0, flat_peaks=0.0, peak=-3.2, dc_offset=0.0, noise=-70.0,
    speech_level=-20.0, snr=50.0, speech=0.85, head=0.2, tail=0.4, pause=0.5, envelope="",
)  # fmt: skip


def recording(path: str = "a.wav", voice: str = "narrator", **measured: Any) -> Recording:
    return Recording(voice, path, f"sha256:{path}", "voices/a.yaml", 5, None, False, replace(GOOD, **measured))


def found(*recordings: Recording, rules: Rules | None = None) -> list[Finding]:
    return findings(recordings, rules or Rules({}))


def test_a_good_recording_has_no_findings() -> None:
    assert found(recording(), recording("b.wav")) == []


@pytest.mark.parametrize(
    ("rule", "bad", "just_right"),
    [
        ("damaged", {"damaged": 1}, {"damaged": 0}),
        ("silent", {"loudness": -50.1}, {"loudness": -30.0}),
        ("silent", {"loudness": None}, {"loudness": -30.0}),
        ("silent", {"head": 15.0}, {"head": 1.0}),
        ("quiet", {"loudness": -30.1}, {"loudness": -30.0}),
        ("peak", {"true_peak": 1.1}, {"true_peak": 1.0}),
        ("clipping", {"flat_peaks": 1.1}, {"flat_peaks": 1.0}),
        ("noise", {"noise": -49.9}, {"noise": -50.0}),
        ("snr", {"snr": 24.9}, {"snr": 25.0}),
        ("sample_rate", {"rate": 8000}, {"rate": 16_000}),
        ("channels", {"channels": 6}, {"channels": 2}),
        ("bit_rate", {"codec": "mp3", "bit_rate": 24.0}, {"codec": "opus", "bit_rate": 24.0}),
        ("moving_picture", {"moving": True}, {"moving": False}),
        ("head", {"head": 1.1}, {"head": 1.0}),
        ("tail", {"tail": 2.1}, {"tail": 2.0}),
        ("pause", {"pause": 2.1}, {"pause": 2.0}),
        ("dc_offset", {"dc_offset": -0.03}, {"dc_offset": -0.02}),
        ("speech", {"speech": 0.49}, {"speech": 0.5}),
        ("total", {"seconds": 270.1}, {"seconds": 270.0}),
    ],
)
def test_a_rule_holds_up_to_its_threshold(rule: str, bad: dict[str, Any], just_right: dict[str, Any]) -> None:
    assert [one.rule for one in found(recording(**bad))] == [rule]
    assert found(recording(**just_right)) == []
    assert found(recording(**bad), rules=Rules({rule: Setting("off")})) == []


def test_a_project_sets_levels_and_thresholds() -> None:
    rules = Rules({"noise": Setting("error", -60.0), "audition": Setting("warning", 10.0)})
    levels = {one.rule: (one.level, one.at) for one in found(recording(noise=-55.0), rules=rules)}
    assert levels == {"noise": ("error", -60.0), "audition": ("warning", 10.0)}


def test_what_could_not_be_heard_is_an_error_and_not_passed() -> None:
    unheard = replace(recording(), heard=Unheard("is a pointer", "run git lfs pull"))
    (one,) = found(unheard)
    assert (one.rule, one.level, one.message, one.advice) == ("not_heard", "error", "is a pointer", "run git lfs pull")


def test_samples_of_a_voice_are_equally_loud() -> None:
    assert [one.rule for one in found(recording(loudness=-18.0), recording("b.wav", loudness=-24.5))] == [
        "loudness_spread"
    ]
    assert found(recording(loudness=-18.0), recording("b.wav", "other", loudness=-24.5)) == []


def test_a_transcript_of_another_recording_shows_by_its_pace() -> None:
    def spoken(path: str, characters: int) -> Recording:
        return replace(recording(path), spoken="x" * characters)

    three = [spoken("a.wav", 200), spoken("b.wav", 210), spoken("c.wav", 60)]
    assert [(one.rule, one.path) for one in found(*three)] == [("pace", "c.wav")]
    assert found(spoken("a.wav", 200), spoken("b.wav", 300)) == []
    assert found(spoken("a.wav", 5)) == [], "a single transcript has nothing to be compared with"


def test_one_file_in_two_voices_is_an_error() -> None:
    one, other = recording(), recording(voice="villain")
    (finding,) = found(one, other)
    assert (finding.rule, finding.level, finding.voice) == ("same_recording", "error", "villain")
    assert "a.wav of narrator" in finding.message


def test_advice_says_what_the_provider_does_anyway() -> None:
    (one,) = found(replace(recording(noise=-40.0, snr=30.0), enhance=True))
    assert "enhance_audio_quality" in one.advice


def test_a_shard_judges_single_recordings_only() -> None:
    two = [recording(loudness=-18.0), recording("b.wav", loudness=-26.0, head=3.0)]
    assert [one.rule for one in findings(two, Rules({}), together=False)] == ["head"]


def test_every_rule_says_what_to_do_and_where_its_threshold_comes_from() -> None:
    for name, rule in RULES.items():
        assert rule.source, name
        assert rule.advice or name == "not_heard", name
        assert rule.says, name
