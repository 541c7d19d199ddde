"""The words on what differs between two environments."""

from __future__ import annotations

import pytest

from voicectl.plan.promotion import Difference, EnvironmentDiff
from voicectl.report.diff_words import totals


@pytest.mark.parametrize(
    ("differ", "same", "words"),
    [
        (0, 1, "a and b are the same: 1 voice"),
        (1, 1, "1 voice differs, 1 is the same"),
        (2, 0, "2 voices differ, 0 are the same"),
    ],
)
def test_numbers_and_verbs_agree(differ: int, same: int, words: str) -> None:
    found = tuple(Difference(f"v{number}", "differs") for number in range(differ))
    assert totals(EnvironmentDiff("acme", "a", "b", found, same)) == words
