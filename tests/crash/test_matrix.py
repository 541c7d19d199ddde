"""A part of the crash matrix, and the control that must fail; all of it runs by `make test-crash`."""

from __future__ import annotations

from tests.crash import matrix


def test_a_part_of_the_matrix() -> None:
    count, broken = matrix.run(every=7, workers=1)
    assert count > 30
    assert broken == []


def test_a_part_of_the_matrix_with_a_saved_plan() -> None:
    count, broken = matrix.run(every=4, workers=1, saved=True)
    assert count > 15
    assert broken == []


def test_the_control_finds_violations() -> None:
    _, broken = matrix.run(every=6, workers=1, only=lambda point: bool(point.deliver_at), control="end")
    assert any("surplus model" in text or "unknown to the lock" in text for _, _, found in broken for text in found)


def test_the_control_with_conflicts_of_covers_finds_violations() -> None:
    _, broken = matrix.run(workers=1, only=lambda point: point.kind == "save", control="cover")
    assert any(
        "cover_image was changed both in Git and in the account" in text for _, _, found in broken for text in found
    )
