"""One bad item keeps no other out."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from voicectl.cli.writing import sift


@given(st.lists(st.integers(0, 9), max_size=40))
def test_the_bad_items_are_named_and_the_good_ones_go_on_in_their_order(items: list[int]) -> None:
    calls = 0

    def wrong(some: Sequence[int]) -> str:
        nonlocal calls
        calls += 1
        return ", ".join(str(each) for each in some if each == 0)

    good, bad = sift(items, wrong)
    assert good == [each for each in items if each]
    assert bad == [(0, "0")] * items.count(0)
    # By halves: a thousand good ones and a bad one don't take a thousand looks.
    assert calls <= 1 + 2 * items.count(0) * len(items).bit_length()


def test_items_that_are_wrong_only_together_are_not_both_left_out() -> None:
    """Two models of one name, say: each alone is fine, so both stay, and what reads them together has to refuse."""
    assert sift(["a", "a"], lambda some: "twice" if len(some) > 1 else "") == (["a", "a"], [])
