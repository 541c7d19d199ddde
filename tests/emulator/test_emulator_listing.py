"""Filters, sorting and paging of GET /model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicectl.emulator.entity import Draft, workspace_of
from voicectl.emulator.query import Query
from voicectl.emulator.store import Store


def test_newest_first_page_by_page(api: Any) -> None:
    for i in range(7):
        api.made(str(i))
    pages = [api.listed(page_size=3, page_number=n) for n in (1, 2, 3, 4)]
    assert [[item["title"] for item in page["items"]] for page in pages] == [
        list("654"),
        list("321"),
        ["0"],
        [],
    ]
    assert [page["has_more"] for page in pages] == [True, True, False, False]
    assert {page["total"] for page in pages} == {7}
    assert not any(page["window_limited"] for page in pages)


def test_tags_match_exactly_and_together(api: Any, emulator: Any) -> None:
    api.made("ab", tags=["a", "b"])
    api.made("a", tags=["a"])
    api.made("long", tags=["ab", "A"])
    assert api.titles(tag="a") == ["a", "ab"]
    assert api.titles(tag=["a", "b"]) == ["ab"]
    assert api.titles(tag="a,b") == []
    emulator.settings = replace(emulator.settings, match_any_tag=True)
    assert api.titles(tag=["b", "ab"]) == ["long", "ab"]


def test_title_finds_a_part_of_it_in_any_case(api: Any) -> None:
    api.made("The Acme Narrator")
    api.made("Host")
    assert api.titles(title="acme NARR") == ["The Acme Narrator"]
    assert api.titles(title="narr acme") == []
    assert api.titles(title="nobody") == []
    assert api.titles(title="") == ["Host", "The Acme Narrator"]


def test_title_language_follows_the_title(api: Any) -> None:
    api.made("Narrator", texts=["你好"])
    api.made("声", texts=["hello"])
    assert api.titles(title_language="zh") == ["声"]
    assert api.titles(title_language=["zh", "en"]) == ["声", "Narrator"]


def test_licensed_models_can_be_listed(api: Any, emulator: Any) -> None:
    api.made("plain")
    emulator.store.update(api.made("licensed")["_id"], {"licensed": True})
    assert [item["licensed"] for item in api.listed()["items"]] == [True, False]
    assert (api.titles(licensed="true"), api.titles(licensed="false")) == (["licensed"], ["plain"])


def test_language_follows_the_texts(api: Any) -> None:
    api.made("English", texts=["hello"])
    api.made("Chinese", texts=["你好"])
    assert api.titles(language="zh") == ["Chinese"]
    assert api.titles(language=["zh", "en"]) == ["Chinese", "English"]
    assert api.titles(language="english") == [], "two letters are wanted"


def test_usage_sorts_first_and_ids_break_ties(api: Any, emulator: Any) -> None:
    models = [api.made(str(i)) for i in range(5)]
    emulator.store.used(models[2]["_id"])
    ties = sorted((m for m in models if m is not models[2]), key=lambda m: str(m["_id"]))
    for sort_by in ("score", "task_count"):
        assert api.titles(sort_by=sort_by) == ["2", *(m["title"] for m in ties)]
    assert [m["title"] for m in api.http.get("/model?self=true").json()["items"]] == api.titles(sort_by="score")


@pytest.mark.parametrize(
    "params",
    [
        {"page_size": 0},
        {"page_size": 101},
        {"page_size": "x"},
        {"page_number": 0},
        {"page_number": -1},
        {"sort_by": "age"},
        {"self": "perhaps"},
        {"page_size": ["10", "20"]},
        {"title": ["a", "b"]},
        {"page_size": 101, "sort_by": "age", "self": "perhaps"},
    ],
)
def test_wrong_parameters_are_422_with_every_complaint(api: Any, params: dict[str, Any]) -> None:
    answer = api.http.get("/model", params=params)
    assert answer.status_code == 422
    assert {(complaint["in"], *complaint["loc"]) for complaint in answer.json()} == {("query", n) for n in params}
    assert all(complaint["type"] and complaint["msg"] for complaint in answer.json())


def test_a_page_far_beyond_the_end_is_empty(api: Any) -> None:
    api.made()
    assert api.listed(page_number=10**30)["items"] == []


def test_max_offset_bounds_what_can_be_reached(api: Any, emulator: Any) -> None:
    for i in range(5):
        api.made(str(i))
    emulator.settings = replace(emulator.settings, max_offset=3)
    first, second = (api.listed(page_size=2, page_number=n) for n in (1, 2))
    assert [item["title"] for item in second["items"]] == ["2"]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert second["window_limited"] is True
    assert (second["max_offset"], second["accessible_upper_bound"], second["total"]) == (3, 3, 5)
    assert api.listed(page_size=2, page_number=3)["items"] == []


def test_an_own_listing_tells_its_bounds_also_where_there_is_nothing(api: Any) -> None:
    head = {"total": 0, "has_more": False, "max_offset": 10_000, "accessible_upper_bound": 0}
    assert api.listed() == {**head, "window_limited": False, "total_is_exact": True, "items": []}
    api.made()
    assert api.listed()["accessible_upper_bound"] == 1


def test_a_public_listing_ends_after_a_thousand_and_counts_no_further(api: Any, connect: Any, emulator: Any) -> None:
    emulator.store.create_many(Draft("someone", "t", visibility="public") for _ in range(1_005))
    for page, length in ((1, 100), (10, 100), (11, 0)):
        found = connect(None).http.get("/model", params={"page_size": 100, "page_number": page}).json()
        assert len(found.pop("items")) == length
        assert found.pop("has_more") is (page == 1)
        assert found == {
            "total": 1000,
            "max_offset": 1000,
            "accessible_upper_bound": 1000,
            "window_limited": True,
            "total_is_exact": False,
        }
    emulator.settings = replace(emulator.settings, public_max_offset=None)
    found = connect(None).http.get("/model", params={"page_size": 100, "page_number": 11}).json()
    assert (len(found["items"]), found["total"], found["window_limited"]) == (5, 1005, False)


TAGS = st.lists(st.sampled_from("abc"), unique=True, max_size=3)


@settings(max_examples=60, deadline=None)
@given(
    models=st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from("uvw"), TAGS, st.booleans()), max_size=12),
    tags=TAGS,
    any_tag=st.booleans(),
    own=st.booleans(),
    sort_by=st.sampled_from(["score", "task_count", "created_at"]),
    limit=st.integers(1, 5),
)
def test_listings_agree_with_a_plain_filter(
    models: list[Any], tags: list[str], any_tag: bool, own: bool, sort_by: str, limit: int
) -> None:
    store = Store()
    store.create_many(
        Draft(owner, title, tags=tuple(has), visibility="public" if public else "private")
        for owner, title, has, public in models
    )
    expected = []
    for model in store.models():
        has = set(tags) <= set(model["tags"]) if not any_tag or not tags else bool(set(tags) & set(model["tags"]))
        whose = model["author"]["_id"] == "x" if own else model["visibility"] == "public"
        if has and whose:
            expected.append(model["_id"])
    expected = expected[::-1] if sort_by == "created_at" else sorted(expected)
    base = Query("x" if own else None, not own, tuple(tags), any_tag, sort_by=sort_by, limit=limit)
    found: list[str] = []
    for offset in range(0, len(models) + 1, limit):
        page = store.page(replace(base, offset=offset))
        assert page.total == len(expected)
        found += [text.split('"_id":"')[1][:32] for text in page.texts]
    assert found == expected
    store.close()


def test_a_count_is_not_remembered_over_a_change_by_another_process(tmp_path: Any) -> None:
    one, two = Store(tmp_path / "db"), Store(tmp_path / "db")
    workspace = workspace_of("k")
    query = Query(workspace, False)
    for expected in (1, 2):
        two.create(Draft(workspace, "t"))
        assert one.page(query).total == expected
    assert two.page(query).total == 2
    one.close()
    two.close()
