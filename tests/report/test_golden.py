"""The same plans through every renderer, against files that a person has read.

`make golden` writes them anew; the difference belongs into the review.
"""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import jsonschema
import pytest

from tests.report.plans import CREATE, PLANS, REPLACE, RETIRE, UPDATE, plan
from voicectl.cli.commands import schema as schemas
from voicectl.plan.plan import Plan
from voicectl.plan.saved import decode
from voicectl.report import plan_json, plan_markdown, plan_text
from voicectl.report.terminal import Style, width
from voicectl.report.terminal import plain as uncoloured

GOLDEN = Path(__file__).with_name("golden")
RENDERERS = {
    "80.txt": lambda value: plan_text.render(value, Style(columns=80)),
    "200.txt": lambda value: plan_text.render(value, Style(columns=200)),
    "colour.txt": lambda value: plan_text.render(value, Style(colour=True, columns=80)),
    "md": lambda value: plan_markdown.render(value, unchanged=("a", "b")),
    "json": plan_json.plan,
}


@pytest.mark.parametrize("kind", RENDERERS)
@pytest.mark.parametrize("name", PLANS)
def test_golden(name: str, kind: str) -> None:
    path = GOLDEN / f"{name}.{kind}"
    rendered = RENDERERS[kind](PLANS[name])
    if os.environ.get("VOICECTL_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(rendered.encode())
    assert rendered == path.read_bytes().decode(), "if that is meant: make golden"


@pytest.mark.parametrize("value", PLANS.values(), ids=PLANS)
def test_json_fits_its_schema_and_comes_back(value: Plan) -> None:
    document = plan_json.plan(value)
    jsonschema.validate(json.loads(document), schemas.schema("plan"))
    assert plan_json.plan(decode(document.encode(), "plan.json")) == document


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("value", PLANS.values(), ids=PLANS)
def test_no_line_is_wider_than_the_terminal_and_none_is_lost(value: Plan, columns: int) -> None:
    text = plan_text.render(value, Style(columns=columns))
    assert max(map(width, text.splitlines())) <= columns
    assert "".join(text.split()) == "".join(plan_text.render(value, Style()).split())
    assert uncoloured(plan_text.render(value, Style(colour=True, columns=columns))) == text


def many(count: int) -> Plan:
    from dataclasses import replace

    changes = [replace(RETIRE, name=f"gone-{n:04}", id=f"{n:032x}") for n in range(count // 10)]
    changes += [replace(REPLACE, name=f"new-{n:04}", id=f"{n + 5000:032x}") for n in range(count // 10)]
    changes += [replace(UPDATE, name=f"up-{n:04}", id=f"{n + 9000:032x}") for n in range(count // 10)]
    changes += [replace(CREATE, name=f"voice-{n:04}", id=None) for n in range(count)]
    return plan(*changes)


@pytest.mark.parametrize("room", [1000, 3000, 10_000, 60_000])
def test_markdown_is_cut_after_what_needs_care_and_says_so(room: int) -> None:
    text = plan_markdown.render(many(1000), room)
    assert len(text.encode()) <= room
    assert "**Cut here:**" in text.splitlines()[-1]
    assert "voicectl show-plan FILE" in text
    assert "1000 to create" in text
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") % 2 == 0
    if room >= 10_000:
        assert text.index("gone-0000") < text.index("Cut here")
        assert room < 60_000 or text.index("new-0000") < text.index("Cut here")
        assert "voice-0999" not in text, "creates come last"


def test_what_fits_is_not_cut() -> None:
    assert "Cut here" not in plan_markdown.render(many(20), 60_000)


def test_long_texts_are_shown_by_what_changed() -> None:
    text = plan_text.render(PLANS["every-action"], Style())
    assert '- "…recorded in the small studio with the …' in text
    assert '+ "…recorded in the large studio with the …' in text


def test_no_number_of_warnings_keeps_what_needs_care_out_of_markdown() -> None:
    from voicectl.plan.plan import Notice

    warnings = tuple(Notice("w", f"warning {number} " + "x" * 200) for number in range(400))
    text = plan_markdown.render(plan(RETIRE, REPLACE, UPDATE, warnings=warnings), 20_000)
    assert len(text.encode()) <= 20_000
    assert text.index("warning 0") < text.index("`jingle`")
    assert "Acme Storyteller" in text
    assert re.search(r"Cut here:\*\* \d+ warnings and refusals did not fit", text)


@pytest.mark.parametrize("words", [" ".join(str(n) for n in range(2000)), "! " * 3000, "a, b; c. " * 500, "x" * 5000])
def test_long_texts_are_compared_in_no_time(words: str) -> None:
    from voicectl.report.word_diff import word_diff

    begun = time.monotonic()
    word_diff(words, words.replace("1", "2").replace("a", "b") + " end")
    assert time.monotonic() - begun < 5


def test_a_title_that_looks_like_a_digest_is_shown_whole() -> None:
    from dataclasses import replace

    title = "sha256:" + "0123456789" * 5
    fields = (replace(UPDATE.fields[0], desired=title),)
    assert title in plan_text.render(plan(replace(UPDATE, fields=fields)), Style())
