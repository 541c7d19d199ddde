"""Which voices the selectors choose."""

from __future__ import annotations

import pytest

from tests.memory import catalog, voice
from tests.plan.sides import asked, lock, model, record
from voicectl.errors import UsageError
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Plan, Selectors
from voicectl.plan.request import matching, select

HOLDINGS = [
    Holding("host", voice("host", tags=("radio",))),
    Holding("host-2", voice("host-2")),
    Holding("left", None, record("m1", voice("left", tags=("radio",)))),
    Holding("new", voice("new"), previous_name="old"),
    Holding("orphan", current=model("m2", "orphan", tags=("lost",))),
]


@pytest.mark.parametrize(
    ("only", "exclude", "chosen"),
    [
        ((), (), ["host", "host-2", "left", "new", "orphan"]),
        (("host",), (), ["host"]),
        (("host*",), (), ["host", "host-2"]),
        (("host*",), ("*-2",), ["host"]),
        # A voice has the tags of its manifest, else the recorded ones, else those of its model.
        (("tag:radio",), (), ["host", "left"]),
        (("tag:lost",), (), ["orphan"]),
        # A voice that moves is found under both of its names.
        (("old", "new"), (), ["new"]),
        ((), ("old",), ["host", "host-2", "left", "orphan"]),
        (("host",), ("host",), []),
    ],
)
def test_a_pattern_is_a_name_a_glob_or_a_tag(
    only: tuple[str, ...], exclude: tuple[str, ...], chosen: list[str]
) -> None:
    found, left_out = select(HOLDINGS, Selectors(only, exclude))
    assert [holding.name for holding in found] == chosen
    assert left_out == len(HOLDINGS) - len(chosen)


@pytest.mark.parametrize("selectors", [Selectors(only=("Host",)), Selectors(exclude=("tag:nothing",))])
def test_a_pattern_that_matches_nothing_is_an_error_unless_the_run_may_have_ended_its_voice(
    selectors: Selectors,
) -> None:
    with pytest.raises(UsageError, match="matches no voice"):
        select(HOLDINGS, selectors)
    select(HOLDINGS, selectors, strict=False)


def test_tags_that_the_manifest_took_away_choose_nothing() -> None:
    cleared = Holding("a", voice("a", tags=()), record("m1", voice("a", tags=("radio",))))
    assert select([cleared], Selectors(exclude=("tag:radio",)), strict=False)[0] == [cleared]


def test_a_saved_plan_brings_its_own_selectors() -> None:
    saved = Plan("1.0", "acme", None, lock().provider, Selectors(only=("a",)))
    assert asked(catalog(), selectors=Selectors(only=("b",)), saved=saved).selected == Selectors(only=("a",))
    assert asked(catalog(), selectors=Selectors(only=("b",))).selected == Selectors(only=("b",))


def test_files_alone_choose_among_the_manifests() -> None:
    wanted = catalog(voice("a"), voice("b", tags=("x",)))
    assert matching(wanted, lock({"c": record("m1", voice("c"))}), Selectors(exclude=("a", "nobody"))) == ["b"]
