"""The speaker's consent: what it covers, when it ends, and what it refuses then."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.memory import OPEN, START, catalog, voice
from tests.plan.sides import TODAY, case, gone, lock, model, record
from voicectl.model.lock import Deleted
from voicectl.model.observed import Patch
from voicectl.model.voice import VISIBILITIES, Consent, Visibility, Voice
from voicectl.plan.actions import Resend, Serve, Task, Update
from voicectl.plan.consent import (
    check_consent,
    check_expiry,
    consent_problems,
    expiry,
    in_days,
    lacking_consent,
    withdrawn,
)
from voicectl.plan.identity import Holding
from voicectl.plan.plan import Action, Change
from voicectl.plan.voices import voice_tasks

ASKS = replace(OPEN, require_consent=frozenset({"unlist", "public"}))


def day(offset: int | None) -> Any:
    return None if offset is None else TODAY + timedelta(days=offset)


def consent(
    *, expires: int | None = None, ends: int | None = None, covers: tuple[Visibility, ...] = VISIBILITIES
) -> Consent:
    return Consent("Jane", expires_on=day(expires), withdrawn_on=day(ends), visibilities=covers)


def with_consent(wanted: Voice, **values: Any) -> Voice:
    return replace(wanted, consent=consent(**values))


def creation(wanted: Voice) -> Task:
    (task,) = voice_tasks(case(Holding(wanted.name, wanted), catalog(wanted)), wanted)
    assert isinstance(task, Serve)
    return task


def refusals(wanted: Voice, policy: Any = ASKS, task: Any = None, known: Any = None) -> list[str]:
    found = check_consent(catalog(wanted, policy=policy), known or lock(), [task or creation(wanted)], TODAY)
    return [refusal.code for refusal in found]


@pytest.mark.parametrize(("ends", "over"), [(None, False), (1, False), (0, True), (-1, True)])
def test_a_consent_is_withdrawn_from_its_day_on(ends: int | None, over: bool) -> None:
    assert withdrawn(with_consent(voice("a"), ends=ends), TODAY) == over
    assert not withdrawn(voice("a"), TODAY)
    assert not withdrawn(None, TODAY)


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        (None, "it has none"),
        (consent(), ""),
        (consent(expires=0), ""),
        (consent(expires=-1), "it expired on 2026-11-21"),
        (consent(covers=("private",)), "it does not cover unlist"),
        (consent(covers=("unlist",)), ""),
    ],
)
def test_a_consent_covers_what_it_names_up_to_and_with_its_last_day(given: Consent | None, lacking: str) -> None:
    assert lacking_consent(given, "unlist", TODAY) == lacking


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"expires": 31}, ""),
        ({"expires": 30}, "in 30 days"),
        ({"expires": 1}, "in 1 day"),
        ({"expires": 0}, ", today"),
        ({"expires": -1}, "will not create, replace or widen"),
        ({"ends": 1}, "deletes every generation, for good"),
        # What is withdrawn already is told as a deletion, not as an expiry.
        ({"expires": -1, "ends": 0}, ""),
    ],
)
def test_an_end_is_told_thirty_days_before(values: dict[str, int], words: str) -> None:
    told = expiry(with_consent(voice("a"), **values), TODAY, timedelta(days=30))
    assert told.endswith(words) if words == "in 1 day" else words in told
    assert bool(told) == bool(words)


@pytest.mark.parametrize(
    ("visibility", "values", "expected"),
    [
        ("private", None, []),
        ("unlist", None, ["consent_missing"]),
        ("unlist", {}, []),
        ("unlist", {"covers": ("private",)}, ["consent_missing"]),
        ("unlist", {"expires": -1}, ["consent_expired"]),
        # A consent that has ended refuses also where the policy asks for none.
        ("private", {"expires": -1}, ["consent_expired"]),
        ("private", {"expires": 0}, []),
    ],
)
def test_no_model_is_made_without_the_consent_that_the_policy_asks_for(
    visibility: Visibility, values: Any, expected: list[str]
) -> None:
    wanted = voice("a", visibility=visibility)
    assert refusals(wanted if values is None else with_consent(wanted, **values)) == expected


def update(wanted: Voice, before: Visibility, **patch: Any) -> Update:
    change = Change("a", Action.UPDATE)
    current = model("m1", "a", visibility=before)
    return Update(change=change, voice=wanted, record=record("m1", wanted), model=current, patch=Patch(**patch))


@pytest.mark.parametrize(
    ("before", "patch", "expected"),
    [
        ("private", {"visibility": "unlist"}, ["consent_missing"]),
        ("public", {"visibility": "unlist"}, []),
        ("unlist", {"title": "New"}, []),
    ],
    ids=["wider", "narrower", "as it was"],
)
def test_a_model_that_exists_is_refused_only_what_shows_it_to_more_people(
    before: Visibility, patch: Any, expected: list[str]
) -> None:
    wanted = voice("a", visibility="unlist")
    assert refusals(wanted, task=update(wanted, before, **patch)) == expected


def test_what_is_sent_once_more_needs_the_consent_again() -> None:
    wanted = with_consent(voice("a", visibility="public"), covers=("private",))
    again = Resend(
        change=Change("a", Action.UPDATE), voice=wanted, model=model("m1", "a"), patch=Patch(visibility="public")
    )
    assert refusals(wanted, task=again) == ["consent_missing"]


def deleted(wanted: Voice) -> Deleted:
    known = record("m9", wanted)
    return Deleted(wanted.name, "m9", known.inputs, "consent withdrawn", START, samples=known.samples)


@pytest.mark.parametrize(
    ("other", "known"),
    [
        (with_consent(voice("jane", "words"), ends=0), lock()),
        (
            with_consent(voice("jane", "others"), ends=0),
            lock({"jane": record("m1", voice("jane", "words"))}),
        ),
        (
            with_consent(voice("jane", "others"), ends=0),
            lock(removed={"jane": gone("m1", samples=record("m1", voice("jane", "words")).samples)}),
        ),
        (None, lock(deleted=(deleted(voice("jane", "words")),))),
    ],
    ids=["in the manifests", "recorded", "of an earlier generation", "of a model that was deleted for it"],
)
def test_a_recording_whose_speaker_withdrew_is_used_in_no_other_voice(other: Voice | None, known: Any) -> None:
    wanted = voice("b", "words")
    voices = [each for each in (other, wanted) if each is not None]
    (refusal,) = check_consent(catalog(*voices), known, [creation(wanted)], TODAY)
    assert refusal.code == "consent_withdrawn"
    assert "samples/words.wav was withdrawn (see jane)" in refusal.message
    assert not list(check_consent(catalog(*voices), known, [creation(voice("b", "else"))], TODAY))


def test_files_alone_show_the_same_errors_and_warnings() -> None:
    voices = (
        voice("a", visibility="unlist"),
        with_consent(voice("b", visibility="unlist"), expires=10),
        with_consent(voice("c"), expires=-1),
        voice("d"),
        # Its models are deleted: nothing is left to consent to.
        with_consent(voice("e", visibility="public"), expires=-1, ends=0),
    )
    problems = list(consent_problems(catalog(*voices, policy=ASKS), TODAY))
    assert [problem.level for problem in problems] == ["error", "warning", "warning"]
    assert "unlist voices need a consent, and it has none" in problems[0].message


def test_a_voice_whose_consent_has_ended_is_told_of_while_it_is_served() -> None:
    holdings = [Holding("a", with_consent(voice("a"), expires=-1)), Holding("b", voice("b")), Holding("gone")]
    assert [notice.voices for notice in check_expiry(holdings, TODAY, timedelta(days=30))] == [("a",)]


def test_a_consent_that_names_no_visibility_covers_private_only() -> None:
    narrow = replace(voice("a", visibility="unlist"), consent=Consent("Jane"))
    assert refusals(narrow, policy=OPEN) == ["consent_missing"]
    assert refusals(replace(narrow, metadata=replace(narrow.metadata, visibility="private")), policy=OPEN) == []
    assert refusals(narrow, policy=OPEN, task=update(narrow, "private", visibility="unlist")) == ["consent_missing"]
    # What is shown so widely already is warned of, and neither narrowed nor refused.
    assert refusals(narrow, policy=OPEN, task=update(narrow, "unlist", title="New")) == []
    shown = Holding("a", narrow, record("m1", narrow), current=model("m1", "a", visibility="unlist"))
    (notice,) = check_expiry([shown], TODAY, timedelta(days=30))
    assert notice.code == "consent_narrower"


def test_a_project_says_how_long_ahead_to_warn() -> None:
    soon = with_consent(voice("a"), expires=60)
    assert expiry(soon, TODAY, timedelta(days=30)) == ""
    assert "in 60 days" in expiry(soon, TODAY, timedelta(days=90))


def test_days_are_counted_in_words() -> None:
    today = date(2026, 11, 26)
    assert [in_days(today + timedelta(days=days), today) for days in (0, 1, 2)] == ["today", "in 1 day", "in 2 days"]
