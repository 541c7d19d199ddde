"""Hundreds of odd files: the probe, the decoder and others agree, or the probe alone is right."""

from __future__ import annotations

import shutil
from collections import Counter

import pytest

from tests.audio import corpus
from tests.audio.corpus import heard, tolerance, variants
from tests.audio.probing import probed, verdict_on
from tests.audio.variant import Variant
from voicectl.audio.decode import Sound
from voicectl.audio.kinds import FileKind
from voicectl.audio.verdict import as_heard


@pytest.fixture(scope="module")
def every() -> list[Variant]:
    return list(variants())


def test_there_are_hundreds_of_each_kind_of_trouble(every: list[Variant]) -> None:
    forms = Counter(variant.form for variant in every)
    assert len(every) > 500
    assert forms["wav"] > 150
    assert min(forms.values()) > 50
    assert set(Counter(variant.verdict for variant in every)) == {"plays", "odd", "refused", "named"}


def test_no_file_is_misjudged(every: list[Variant]) -> None:
    wrong = [f"{variant.kind} ({variant.base}): {words}" for variant in every for words in misjudged(variant)]
    assert wrong == []


def misjudged(variant: Variant) -> list[str]:
    """What is wrong with the probe's verdict on one file, by the decoder's."""
    found, sound = probed(variant.content), heard(variant.content)
    got = verdict_on(found)
    if got != variant.verdict:
        return [f"{variant.verdict} is right, not {got}: {found}"]
    if got == "odd" or variant.deaf:
        return []
    if got == "refused":
        # What is cut off may still play, but a part is missing.
        lost = variant.seconds - sound.seconds if isinstance(sound, Sound) else variant.seconds
        return [] if lost > 0.1 else [f"{found.problem}, but {sound} plays"]
    if got == "named":
        taken = isinstance(sound, Sound) and as_heard(FileKind(variant.form), sound).format == variant.form
        return [f"named {found.format}, but {sound} plays"] if taken else []
    if not isinstance(sound, Sound):
        return [f"the decoder says: {sound}"]
    other = as_heard(found, sound)
    assert found.seconds is not None
    assert other.seconds is not None
    words = []
    if abs(found.seconds - other.seconds) > tolerance(found.rate):
        words.append(f"{found.seconds:.2f} s, not {other.seconds:.2f} s")
    if (found.format, found.rate, found.channels, found.moving) != (
        other.format, other.rate, other.channels, other.moving,
    ):  # fmt: skip
        words.append(f"{found} is not {other}")
    return words


def test_what_tinytag_reads_of_plain_files_is_the_same(every: list[Variant]) -> None:
    plain = [variant for variant in every if variant.kind.endswith(": plain") or variant.kind == "m4a: moov before"]
    assert len(plain) > 30
    for variant in plain:
        found, other = probed(variant.content), corpus.by_tinytag(variant)
        assert found.seconds is not None
        assert other == pytest.approx(found.seconds, abs=tolerance(found.rate)), variant.base


@pytest.mark.skipif(shutil.which("soxi") is None, reason="sox is not installed")
def test_what_soxi_reads_of_plain_files_is_the_same(every: list[Variant]) -> None:
    plain = [variant for variant in every if variant.kind.endswith(": plain")]
    for variant, other in zip(plain, corpus.by_sox(plain), strict=True):
        found = probed(variant.content)
        # soxi counts what encoders put around the sound, which is much where the rate is low.
        if other is not None and (found.rate or 0) > 16_000:
            assert other == pytest.approx(found.seconds, abs=tolerance(found.rate)), variant.base
