"""Edits of a user's own files: the value, and not a byte besides."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from voicectl.manifest.editing import CannotEdit, set_values, with_models

TEXT = """\
# Our voices.   \n\
voices:
    narrator:      # the first
        title:   Acme Narrator   # said aloud
        description: >
            Warm,
            mid-paced.

        tags:
        - english    # the language
        - 'warm'
        visibility: private
    host: {title: "Acme Host", tags: [a, b],   visibility: private}  # flow
    guide:
        title: 'Guide'
        description: "Old"
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("narrator", "title"), "New Title", "title:   Acme Narrator   #", "title:   New Title   #"),
        (("narrator", "title"), "yes", "title:   Acme Narrator   #", 'title:   "yes"   #'),
        (("narrator", "title"), "a: b # c", "title:   Acme Narrator   #", 'title:   "a: b # c"   #'),
        (("narrator", "title"), "語り手", "title:   Acme Narrator   #", "title:   語り手   #"),
        (("narrator", "visibility"), "unlist", "visibility: private\n    host", "visibility: unlist\n    host"),
        (("narrator", "description"), "Short.", ">\n            Warm,\n            mid-paced.", "Short."),
        (("narrator", "tags"), ["english", "calm"], "        - 'warm'\n", "        - calm\n"),
        (("narrator", "tags"), ["warm"], "        - english    # the language\n", ""),
        (("narrator", "tags"), [], "\n        - english    # the language\n        - 'warm'\n", " []\n"),
        (("host", "title"), "Other", '"Acme Host"', '"Other"'),
        (("host", "tags"), ["c"], "[a, b]", "[c]"),
        (("host", "description"), "New", '"Acme Host"', '"Acme Host", description: New'),
        (("guide", "visibility"), "unlist", "title: 'Guide'\n", "title: 'Guide'\n        visibility: unlist\n"),
        (("guide", "description"), "New\nline", '"Old"', '"New\\nline"'),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_the_value_changes(path: tuple[str, ...], value: Any, old: str, new: str, newline: str) -> None:
    text, old, new = (part.replace("\n", newline) for part in (TEXT, old, new))
    assert text.count(old) == 1
    changed = set_values(text, {("voices", *path): value})
    assert changed.replace(new.strip(" "), "@").replace(" @", "@") == text.replace(old, new).replace(
        new.strip(" "), "@"
    ).replace(" @", "@")


def test_several_at_once() -> None:
    edits: dict[tuple[str, ...], Any] = {("voices", "guide", "title"): "G", ("voices", "host", "title"): "H"}
    changed = set_values(TEXT, edits)
    assert changed == TEXT.replace("'Guide'", '"G"').replace('"Acme Host"', '"H"')


@pytest.mark.parametrize(
    "text",
    [
        "voices:\n  a: &x {title: A}\n  b: *x\n",
        "base: &base {title: A}\nvoices:\n  a:\n    <<: *base\n    tags: [x]\n  b: *base\n",
        "voices:\n  a: {}\n",
        "voices: []\n",
        "voices:\n  b: {title: B}\n",
    ],
)
def test_a_file_in_which_more_would_change_is_left_alone(text: str) -> None:
    with pytest.raises(CannotEdit):
        set_values(text, {("voices", "a", "title"): "New"})


def test_a_list_with_a_comment_inside_is_left_alone() -> None:
    text = "voices:\n  a:\n    title: A\n    tags: [\n      x,  # why\n      y,\n    ]\n"
    with pytest.raises(CannotEdit, match="comment"):
        set_values(text, {("voices", "a", "tags"): ["x", "z"]})


def test_two_paths_to_one_value_through_an_alias_are_left_alone() -> None:
    text = "voices:\n  a: &x {title: A}\n  b: *x\n"
    with pytest.raises(CannotEdit):
        set_values(text, {("voices", "a", "title"): "New", ("voices", "b", "title"): "Other"})


def test_keys_and_items_of_one_voice_at_once() -> None:
    edits: dict[tuple[str, ...], Any] = {
        ("voices", "narrator", "tags"): ["calm", "warm"],
        ("voices", "narrator", "title"): "Nora",
        ("voices", "narrator", "description"): "D",
        ("voices", "guide", "visibility"): "public",
        ("voices", "guide", "tags"): ["x"],
        ("voices", "guide", "title"): "G",
    }
    changed = set_values(TEXT, edits)
    assert changed == (
        TEXT.replace("Acme Narrator", "Nora")
        .replace(">\n            Warm,\n            mid-paced.", "D")
        .replace("        - english    # the language\n", "")
        .replace("'warm'\n", "'warm'\n        - calm\n")
        .replace("'Guide'\n", '"G"\n        tags: [x]\n        visibility: public\n')
    )


def test_a_byte_order_mark_and_an_empty_value_stay_in_their_places() -> None:
    text = "\ufeff# 🙂\nvoices:\n  a:\n    title:\n    description: 🙂\n"
    edits: dict[tuple[str, ...], Any] = {("voices", "a", "title"): "A", ("voices", "a", "description"): "D"}
    assert set_values(text, edits) == text.replace("title:", "title: A").replace("description: 🙂", "description: D")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("environments:\n  s: {}\n", "environments:\n  s:\n    voices:\n      a:\n        model: {0}\n"),
        ("environments:\n  s:   # none yet\n", "environments:\n  s:   # none yet\n    voices:\n      a:\n"),
        ("environments: {s: {retain: 1d}, p: {}}\n", "{s: {retain: 1d, voices: {a: {model: {0}}"),
        ("environments: {s: {}}\n", "{s: {voices: {a: {model: {0}}"),
        (
            "environments:\n  s:\n    voices:\n      b: {title: B}  # b\n      a: {title: A}\n  p: {}\n",
            "      b: {title: B}  # b\n      a: {title: A, model: {0}}\n      z:\n        model: {1}\n  p: {}\n",
        ),
        (
            "environments:\n  s:\n    voices:\n      b:\n        title: |\n          B\n",
            "      a:\n        model: {0}\n",
        ),
    ],
)
def test_ids_of_models_are_put_into_the_project_file(before: str, after: str) -> None:
    models = {"a": "a" * 32, "z": "e" * 32}
    changed = with_models("catalog: acme\n" + before + "retain: 7d\n", "s", models)
    quoted = changed.replace('"', "").replace(models["a"], "{0}").replace(models["z"], "{1}")
    assert after in quoted
    data = yaml.safe_load(changed)
    assert {name: data["environments"]["s"]["voices"][name]["model"] for name in models} == models
    assert data["retain"] == "7d"


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=30)


@given(st.sampled_from(["narrator", "host", "guide"]), st.sampled_from(["title", "description"]), texts)
def test_any_text_comes_back(name: str, key: str, value: str) -> None:
    from voicectl.manifest import yaml_source

    changed = set_values(TEXT, {("voices", name, key): value})
    document, problems = yaml_source.parse("x", changed.encode())
    assert document is not None
    assert not problems
    assert document.data["voices"][name][key] == value
