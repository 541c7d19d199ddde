"""Voices and samples that are written into a user's manifest: those, and not a byte more."""

from __future__ import annotations

import pytest
import yaml

from voicectl.manifest.adding import Addition, manifest_with
from voicectl.manifest.editing import CannotEdit

NEW = Addition(
    "zed", {"title": "Zed: ж 語", "tags": ["a"], "samples": [{"audio": "z.wav", "transcript": "Hi: #1"}]}, True
)
MORE = Addition("a", {"samples": [{"audio": "x.wav"}, {"audio": "y.wav", "transcript_file": "y.txt"}]}, False)
TEXTS = [
    "voices:\n",
    "voices: {}\n",
    "voices: null\nmoved: []\n",
    "moved: []\n",
    "# ours\nvoices:\n  a:\n    title: A\n    samples:\n      - audio: q.wav   # one\n      # end\n    tags: [x] # t\n",
    "voices:\r\n    a:\r\n        title: A\r\n        samples: [{audio: q.wav}]  # c\r\nmoved: []\r\n",
    "voices:\n  a:\n    title: A\n    samples:\n    - audio: q.wav",
    "voices:\n  a: {title: A, samples: [{audio: q.wav}]}\n",
    "voices:\n  a:\n    title: A\n    samples:\n      - audio: q.wav\n        transcript: |\n          x\n\n  b: {}\n",
    "\ufeffvoices:\n  a:\n    title: A\n    samples:\n      - audio: q.wav\n",
    "voices:\n  a: {title: A, model: x}\n",
    "voices:\n  a:\n    title: A\n    model: x\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_what_was_there_stays_line_by_line(text: str) -> None:
    before = yaml.safe_load(text) or {}
    has_a = "a" in (before.get("voices") or {})
    changed = manifest_with(text, [MORE, NEW] if has_a else [NEW])
    after = yaml.safe_load(changed)
    assert after["voices"].pop("zed") == {**NEW.values}
    if has_a:
        samples = after["voices"]["a"]["samples"]
        assert samples[-2:] == MORE.values["samples"]
        kept = samples[:-2]
        after["voices"]["a"] = {**after["voices"]["a"], "samples": kept}
        if not kept:
            del after["voices"]["a"]["samples"]
    assert after == {**before, "voices": before.get("voices") or {}}
    if before.get("voices"):
        left = changed.splitlines()
        for line in text.splitlines():
            assert line in left or "{" in line, "a line is gone"
        assert ("\r\n" in changed) == ("\r\n" in text)
        assert changed.startswith("\ufeff") == text.startswith("\ufeff")


def test_a_new_file() -> None:
    assert yaml.safe_load(manifest_with("", [NEW])) == {"voices": {"zed": {**NEW.values}}}


@pytest.mark.parametrize(
    "text",
    [
        "voices: {a: {title: A}}\n",
        "voices:\n  a: &x\n    title: A\n    samples: [{audio: q.wav}]\n  b: *x\n",
        "voices:\n  a:\n    title: A\n    samples: q.wav\n",
        "- a\n",
        "{voices: {}}\n",
        "voices: [\n",
    ],
)
def test_a_file_in_which_more_would_change_is_left_alone(text: str) -> None:
    with pytest.raises(CannotEdit):
        manifest_with(text, [MORE, NEW])
