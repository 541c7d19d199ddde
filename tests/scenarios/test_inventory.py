"""The inventory: everything an auditor asks for, as a table, for spreadsheets, for pages and for programs."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project

VOICES: dict[str, Any] = {
    "narrator": {
        "title": '語り手, the "first"',
        "tags": ["english", "warm"],
        "speech": {"model": "s2.1-pro"},
        "consent": {
            "speaker": "Jane Roe",
            "document": "contracts/1.pdf",
            "granted_on": "2026-03-01",
            "expires_on": "2036-03-01",
        },
        "metadata": {"owner": "brand-team", "cost_center": "0042"},
    },
    "host": {"title": "=HYPERLINK(1)"},
}


@pytest.fixture
def applied(project: Project) -> Project:
    project.voices(VOICES)
    project.apply()
    project.sample("host.wav", "another recording")
    project.apply()
    return project


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_whole_inventory_for_a_spreadsheet(applied: Project) -> None:
    host, narrator = table(applied.run("list", "--format", "csv").expect(0).out)
    lock = applied.lock["voices"]
    assert narrator["id"] == lock["narrator"]["id"]
    assert narrator["title"] == VOICES["narrator"]["title"]
    assert (narrator["file"], narrator["owner"], narrator["speech"]) == ("voices/all.yaml", "brand-team", "s2.1-pro")
    assert (narrator["speaker"], narrator["document"]) == ("Jane Roe", "contracts/1.pdf")
    assert (narrator["granted"], narrator["expires"]) == ("2026-03-01", "2036-03-01")
    assert narrator["applied"][:10] == lock["narrator"]["changed"]["at"][:10]
    assert host["title"] == "'=HYPERLINK(1)", "a cell that begins like a formula is defused"
    assert host["retired"] == lock["host"]["retired"][0]["id"]
    assert (host["generation"], host["visibility"], host["state"]) == ("2", "private", "trained")


def test_columns_are_chosen_also_from_metadata(applied: Project) -> None:
    (_, narrator) = table(
        applied.run("list", "--format", "csv", "--columns", "name, metadata.cost_center").expect(0).out
    )
    assert narrator == {"name": "narrator", "metadata.cost_center": "'0042"}, "leading zeros are kept"
    assert "brand-team" in applied.run("list", "--columns", "name,owner").expect(0).out
    assert "is not one of name, title" in applied.run("list", "--columns", "name,nonsense").expect(1).err


def test_a_row_for_each_generation(applied: Project) -> None:
    rows = table(applied.run("list", "--format", "csv", "--generations").expect(0).out)
    assert [(row["name"], row["generation"], row["status"]) for row in rows] == [
        ("host", "2", "current"),
        ("host", "1", "retired"),
        ("narrator", "1", "current"),
    ]
    assert rows[1]["delete_after"] > rows[1]["retired_at"] > rows[0]["retired_at"]


def test_a_page_and_a_document(applied: Project) -> None:
    page = applied.run("list", "--format", "markdown", "--report", "json=list.json").expect(0).out
    assert "| `narrator` |" in page
    assert "`=HYPERLINK(1)`" in page
    voices = applied.run("list", "--format", "json").expect(0).json["voices"]
    assert {voice["name"]: voice["expires"] for voice in voices} == {"host": None, "narrator": "2036-03-01"}
    assert (applied.root / "list.json").exists()


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_keeps_every_cell(applied: Project, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(applied.run("list", "--format", "csv").expect(0).out, encoding="utf-8")
    utf8 = "--infilter=CSV:44,34,76"  # as a person chooses it in the dialog: commas, quotes, UTF-8
    command = ["soffice", "--headless", utf8, "--convert-to", "html", "--outdir", str(tmp_path), "list.csv"]
    subprocess.run(command, check=True, capture_output=True, timeout=120, cwd=tmp_path)
    page = (tmp_path / "list.html").read_text(encoding="utf-8")
    assert applied.lock["voices"]["narrator"]["id"] in page
    assert "語り手" in page


def test_the_speech_model_is_used_and_said_to_end(applied: Project) -> None:
    applied.voices({**VOICES, "host": {"speech": {"model": "s1"}}, "guide": {"speech": {"model": "s9"}}})
    text = applied.run("plan").expect(0).out
    assert "the speech model s1 ends on 2026-12-31" in text or "s1 ended on 2026-12-31" in text
    assert "'s9' is not among the speech models that voicectl knows" in text
    assert "s1" in applied.run("drift").err
    assert applied.run("output", "--format", "json").expect(0).json["$speech"] == {"narrator": "s2.1-pro", "host": "s1"}
    assert '"$speech": {' in applied.run("output", "--format", "yaml").expect(0).out
    assert "SPEECH" not in applied.run("output").expect(0).out
    applied.run("say", "narrator", "Good morning.", "-o", "out.mp3", "--record").expect(0)
    record = applied.root / "out.mp3.json"
    values = json.loads(record.read_text())
    assert values["speech_model"] == "s2.1-pro"
    assert values["id"] == applied.lock["voices"]["narrator"]["id"]
    assert values["text"].startswith("sha256:")
