"""Existing models on their way into the manifests: which may come, and under which names."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.memory import ACCOUNT, LONG_AGO, catalog, voice
from tests.plan.sides import gone, lock, model, record
from voicectl.model import names
from voicectl.plan.imports import NotImportable, chosen, slug, unique_names, unmanaged


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Ärzte-Hotline", "arzte-hotline"),
        ("  The  Narrator (v2)! ", "the-narrator-v2"),
        ("E\u0301cole", "ecole"),
        ("!!!", "voice"),
        ("", "voice"),
        ("x" * 80, "x" * 63),
        # Cut where a hyphen would be the last letter.
        ("x" * 62 + " tail", "x" * 62),
    ],
)
def test_a_title_becomes_a_name(title: str, name: str) -> None:
    assert slug(title) == name
    assert re.fullmatch(names.VOICE, name)


@pytest.mark.parametrize("title", ["語り手・日本語", "الراوي", "Рассказчик"])
def test_a_title_in_any_script_becomes_a_name_that_can_be_read(title: str) -> None:
    assert re.fullmatch(names.VOICE, slug(title))
    assert slug(title) != "voice"


def test_equal_titles_are_numbered_and_no_name_is_given_twice() -> None:
    assert unique_names(["A", "A", "a!", "B"], {"b", "a-2"}) == ["a", "a-3", "a-4", "b-2"]


def test_a_numbered_name_is_no_longer_than_a_name_may_be() -> None:
    found = unique_names(["x" * 80] * 11, ())
    assert len(set(found)) == 11
    assert all(re.fullmatch(names.VOICE, name) for name in found)
    assert found[-1] == "x" * 60 + "-11"


def test_all_that_nobody_claims_comes_the_oldest_first() -> None:
    account = [
        model("young", created_at=LONG_AGO + timedelta(days=1), title="Two"),
        model("old", title="One"),
        model("marked", "a"),
        model("foreign", tags=("voicectl:other",)),
        model("elsewhere"),
        model("recorded"),
        model("retired"),
        model("named"),
    ]
    held = lock({"r": record("recorded", voice("r"), retired=(gone("retired"),))})
    wanted = catalog(voice("n", None, model="named"))
    found = unmanaged(account, wanted, held, frozenset({"elsewhere"}))
    assert [(each.name, each.model.id) for each in found] == [("one", "old"), ("two", "young")]


def test_a_name_that_is_taken_anywhere_is_not_given_to_an_imported_model() -> None:
    held = lock({"recorded": record("m1", voice("recorded"))}, removed={"removed": gone("m2")})
    account = [model(f"x{n}", title=title) for n, title in enumerate(("Recorded", "Removed", "Wanted"))]
    found = unmanaged(account, catalog(voice("wanted")), held, frozenset())
    assert [each.name for each in found] == ["recorded-2", "removed-2", "wanted-2"]


REASONS: list[tuple[str, str, str]] = [
    ("wanted", "free", "is a voice of the manifests already (voices/all.yaml:2"),
    ("recorded", "free", "recorded is recorded in the lockfile already"),
    ("new", "m1", "m1 is managed already, as recorded"),
    ("new", "named", "named is managed already, as names"),
    ("new", "m0", "m0 is a retired generation of this catalog"),
    ("new", "nowhere", "there is no model nowhere"),
    ("new", "somebodys", "belongs to another account; `external: true`"),
    ("new", "foreign", "foreign carries the marks of other"),
    ("new", "elsewhere", "elsewhere is named by `model:` in another environment"),
]
FOUND = {
    "free": model("free"),
    "m1": model("m1", "recorded"),
    "m0": model("m0", "recorded", retired=True),
    "named": model("named"),
    "somebodys": model("somebodys", author="somebody"),
    "foreign": model("foreign", tags=("voicectl:other",)),
    "elsewhere": model("elsewhere"),
}


def asked_for(wanted: dict[str, str]) -> Any:
    held = lock({"recorded": record("m1", voice("recorded"), retired=(gone("m0"),))})
    manifests = catalog(voice("wanted"), voice("names", None, model="named"))
    return chosen(wanted, FOUND, manifests, held, ACCOUNT, frozenset({"elsewhere"}))


@pytest.mark.parametrize(("name", "model_id", "reason"), REASONS)
def test_why_a_model_can_not_be_imported(name: str, model_id: str, reason: str) -> None:
    with pytest.raises(NotImportable) as refused:
        asked_for({name: model_id})
    assert reason in refused.value.message


def test_every_reason_is_given_at_once_and_nothing_comes() -> None:
    with pytest.raises(NotImportable) as refused:
        asked_for({"good": "free", "bad": "nowhere", "worse": "foreign"})
    assert refused.value.message == "there is no model nowhere; foreign carries the marks of other"


def test_a_model_gets_one_name() -> None:
    with pytest.raises(NotImportable, match="free is asked for twice, as one and two"):
        asked_for({"one": "free", "two": "free"})
    assert [(each.name, each.model.id) for each in asked_for({"one": "free"})] == [("one", "free")]
