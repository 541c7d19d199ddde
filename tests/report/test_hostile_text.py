"""Titles from strangers, through every renderer: none of them changes what a reader sees around it."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from voicectl.errors import Place, Problem
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, ProviderIdentity, Record
from voicectl.model.voice import Metadata, Voice
from voicectl.plan.drift_report import DriftedField, DriftedVoice, DriftReport, DriftSummary, Unmanaged
from voicectl.plan.plan import (
    Action,
    ApplyResult,
    Change,
    FieldChange,
    Leftover,
    Notice,
    Orphan,
    Plan,
    Refusal,
    Result,
    Source,
    Summary,
)
from voicectl.report import (
    apply_json,
    apply_text,
    catalog_json,
    catalog_text,
    catalog_words,
    drift_junit,
    drift_markdown,
    drift_sarif,
    drift_text,
    files_text,
    plan_json,
    plan_markdown,
    plan_text,
    table,
)
from voicectl.report.document import as_json, document
from voicectl.report.escape import terminal
from voicectl.report.terminal import Style, fold, padded, plain, width

HOSTILE = [
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07",
    "\u009b31mC1",
    "line\nbreak\r\nand return\r",
    "\u202eright to left\u202c",
    "\u2066isolate\u2069 \u200f",
    "nul\x00 bell\x07 backspace\x08",
    "</details><script>alert(1)</script> <!-- -->",
    "@everyone ::error::injected %0A #1 https://example.com GH-1 :+1:",
    "`code` ``` ```` `````` ~~~ | cell | **bold** [link](x) ![image](y) <b>",
    "```\n\n# heading\n\n- [ ] item",
    "--> ]]> {{ x }} ${{ secrets.KEY }}",
    "語り手 الراوي \u0301combining",
    "lone \ud800 surrogate",
    "x" * 100_000,
    "",
]
PROVIDER = ProviderIdentity("fish", "api.fish.audio", "a" * 32)
ID = "1" * 32


def change(text: str) -> Change:
    return Change(
        name="narrator",
        action=Action.UPDATE,
        title=text,
        id=ID,
        source=Source("voices/a.yaml", 3),
        fields=(
            FieldChange("title", text, "before", "after", "drift"),
            FieldChange("description", "desired", text, text, "manifest"),
            FieldChange("tags", ("a", text), None, (text + "!",), "manifest"),
        ),
        reason=text,
        undo_until=datetime(2026, 1, 1, tzinfo=UTC),
        warnings=(text,),
    )


def plan(text: str) -> Plan:
    changes = (change(text), Change(name="b", action=Action.RETIRE, title=text, id=ID, reason=text))
    return Plan(
        voicectl_version="1",
        catalog="acme",
        environment=None,
        provider=PROVIDER,
        changes=changes,
        summary=Summary.of(changes, unchanged=0, left_out=0),
        warnings=(Notice("w", text, text),),
        refusals=(Refusal("r", text, text),),
    )


def drift(text: str) -> DriftReport:
    fields = (DriftedField("title", "before", text), DriftedField("tags", ("a",), (text,)))
    voice = DriftedVoice("narrator", ID, "changed", Source("voices/a.yaml", 3), fields, notes=(text,))
    orphaned, unmanaged = (Orphan(ID, "gone", text),), (Unmanaged(ID, text),)
    return DriftReport("acme", None, (voice,), unmanaged, orphaned, DriftSummary(changed=1, orphaned=1, unmanaged=1))


def voice(text: str) -> Voice:
    metadata = Metadata(title=text, description=text, visibility="private")
    return Voice("narrator", Place("voices/a.yaml"), metadata)


def rendered(text: str) -> dict[str, str]:
    catalog = Catalog("acme", voices={"narrator": voice(text)})
    lock = Lock("acme", None, PROVIDER, {"narrator": Record("created", ID)})
    applied = ApplyResult(plan(text), (Result(change(text), "failed", text, text),), (Leftover("narrator", text),))
    problems = (Problem(Place("voices/a.yaml"), text, text),)
    return {
        "plan": plan_text.render(plan(text), Style()),
        "coloured plan": plain(plan_text.render(plan(text), Style(colour=True))),
        "plan json": plan_json.plan(plan(text)),
        "plan markdown": plan_markdown.render(plan(text)),
        "narrow plan": plan_text.render(plan(text), Style(columns=40)),
        "apply": apply_text.render(applied, Style()),
        "apply json": apply_json.render(applied, None),
        "drift": drift_text.render(drift(text), "acme", ("changed",), Style()),
        "drift json": document(as_json(drift(text))),
        "drift markdown": drift_markdown.render(drift(text), "acme", ("changed",)),
        "drift junit": drift_junit.render(drift(text), ("changed", "orphaned"), datetime(2026, 1, 1, tzinfo=UTC)),
        "drift sarif json": drift_sarif.render(drift(text), ("changed",), version="1", state="voicectl.lock.json"),
        "list": catalog_text.table(catalog_words.rows(catalog, lock), Style()),
        "list csv": table.as_csv(catalog_words.INVENTORY, inventory(catalog, lock)),
        "list markdown": table.as_markdown(catalog_words.INVENTORY, inventory(catalog, lock)),
        "list json": catalog_json.list_json(catalog, catalog_words.rows(catalog, lock)),
        "show": catalog_text.show_text("narrator", catalog, lock, Style()),
        "show json": catalog_json.show_json("narrator", catalog, lock),
        "github": files_text.github(problems),
    }


def inventory(catalog: Catalog, lock: Lock) -> list[list[str]]:
    rows = catalog_words.rows(catalog, lock)
    return [[catalog_words.cell(row, column) for column in catalog_words.INVENTORY] for row in rows]


def shape(text: str) -> list[int]:
    """How many cells each row of a CSV document has."""
    return [len(row) for row in csv.reader(io.StringIO(text, newline=""))]


def unsafe(text: str) -> list[str]:
    bidi = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return [
        f"U+{ord(c):04X}"
        for c in text
        if (unicodedata.category(c) == "Cc" and c != "\n") or unicodedata.bidirectional(c) in bidi
    ]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_breaks_a_terminal(text: str) -> None:
    harmless = rendered("harmless")
    for name, output in rendered(text).items():
        assert unsafe(output) == [], name
        if "json" in name:
            json.loads(output)
        elif name == "drift junit":
            assert [e.tag for e in ET.fromstring(output).iter()] == [
                e.tag for e in ET.fromstring(harmless[name]).iter()
            ]
        elif name.endswith("markdown") and text:
            assert skeleton(output) == skeleton(harmless[name])
        elif name.endswith("csv"):
            assert shape(output) == shape(harmless[name])
        elif name != "github" and text:
            assert outline(output) == outline(harmless[name]), f"{name}: another outline"


def outline(text: str) -> list[str]:
    """How the lines begin that are not indented: what a reader takes for the report's own words."""
    return [line.partition(" ")[0] for line in text.splitlines() if not line.startswith("    ")]


def skeleton(document: str) -> list[tuple[str, str]]:
    """All that a Markdown renderer would not show as code: the document's own words and tags."""
    from markdown_it import MarkdownIt

    found: list[tuple[str, str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(document):
        if token.type == "fence":
            found.append(("fence", token.info))
        elif token.type == "html_block":
            assert "@" not in re.sub("<code>.*?</code>", "", token.content)
            found.append(("html", re.sub("<code>.*?</code>", "", token.content)))
        else:
            found += [(child.type, child.content) for child in token.children or () if child.type != "code_inline"]
            found.append((token.type, ""))
    return found


@pytest.mark.parametrize("text", [t for t in HOSTILE if "\ud800" not in t])
def test_json_gives_the_text_back_unchanged(text: str) -> None:
    read: Any = json.loads(plan_json.plan(plan(text)))
    assert read["changes"][0]["title"] == text


def test_a_workflow_command_can_not_be_injected() -> None:
    out = files_text.github([Problem(Place("a,b:c.yaml"), "first\n::error::second %", "")])
    assert out.count("\n") == 1
    assert out.startswith("::error file=a%2Cb%3Ac.yaml,")


def test_long_values_are_cut_and_say_so() -> None:
    assert "(100000 characters)" in plan_text.render(plan("x" * 100_000), Style())
    assert len(plan_text.render(plan("x" * 100_000), Style())) < 10_000


WIDE = [
    ("abc", 3), ("語り手", 6), ("e\u0301", 1), ("الراوي", 6), ("नमस्ते", 4), ("สวัสดี", 4), ("한국어", 6),
    ("\u1112\u1161\u11ab", 2), ("❤\ufe0f", 2), ("🇩🇪", 2), ("👩\u200d👩\u200d👧", 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "cells"), WIDE)
def test_width_in_terminal_cells(text: str, cells: int) -> None:
    assert width(text) == cells
    assert width(padded(text, 10)) == 10


@pytest.mark.parametrize(("text", "cells"), WIDE)
def test_no_letter_is_broken_in_two(text: str, cells: int) -> None:
    folded = fold(text * 40 + "\n", 30)
    assert "".join(line.strip() for line in folded.splitlines()) == text * 40
    assert max(map(width, folded.splitlines())) <= 30
    if cells <= 2:
        assert all(len(line.strip()) % len(text) == 0 for line in folded.splitlines())


def test_the_columns_of_a_list_line_up_in_any_script() -> None:
    catalog = Catalog("acme", voices={f"v{number:02}": voice(text) for number, (text, _) in enumerate(WIDE)})
    table = catalog_text.table(catalog_words.rows(catalog, Lock("acme", None, PROVIDER)), Style())
    lines = table.splitlines()[1:]
    assert len({width(line) - cells for line, (_, cells) in zip(lines, WIDE, strict=True)}) == 1


def test_terminal_leaves_names_of_any_script_alone() -> None:
    assert terminal("語り手 الراوي Erzähler 🎙") == "語り手 الراوي Erzähler 🎙"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "0042", "12", "1e5"])
def test_a_spreadsheet_runs_nothing_and_keeps_ids(text: str) -> None:
    _, (cell,) = csv.reader(io.StringIO(table.as_csv(["id"], [[text]])))
    assert cell == f"'{text}"
