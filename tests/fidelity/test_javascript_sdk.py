"""The official JavaScript SDK lives a voice's whole life with the emulator."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

PACKAGE = "fish-audio@0.1.0"
LIFE = Path(__file__).parent / "life.mjs"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the SDK in it."""
    if not os.environ.get("VOICECTL_FIDELITY"):
        pytest.skip("it is installed from the package index: run `make test-fidelity`")
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed here")
    folder = tmp_path_factory.mktemp("javascript")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    install = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", PACKAGE]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip(f"npm can't install {PACKAGE}: {done.stderr.strip()[-300:]}")
    shutil.copy(LIFE, folder / LIFE.name)
    return folder


@pytest.fixture(scope="module")
def seen(place: Path, emulator: Any) -> dict[str, Any]:
    """What the SDK saw."""
    emulator.settings = replace(emulator.settings, keys=("right",))
    done = subprocess.run(
        ["node", LIFE.name, emulator.url, "right"], cwd=place, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_voice_is_made_found_listed_and_changed(seen: dict[str, Any]) -> None:
    made = seen["made"]
    assert (made["title"], made["description"], made["visibility"]) == ("Narrator", "warm", "private")
    assert len(made["samples"]) == 2
    assert made["tags"] == ["a,b"], "this SDK joins lists by commas, and a comma separates nothing"
    for item in (seen["found"], *seen["listed"]["items"]):
        assert {name: item[name] for name in made if name != "samples"} == {n: made[n] for n in made if n != "samples"}
    assert seen["listed"]["total"] == 1
    changed = seen["changed"]
    assert (changed["title"], changed["tags"], changed["description"]) == ("New", ["c"], "warm")
    assert changed["cover_image"].startswith("coverimage/")


def test_it_speaks(seen: dict[str, Any]) -> None:
    assert seen["speech"] == "fffb"
    assert seen["cloned"] == "RIFF"
    assert seen["credit"]["credit"] == "100"


def test_it_is_refused_in_words_that_it_can_read(seen: dict[str, Any]) -> None:
    assert seen["gone"] == {"status": 404, "body": {"status": 404, "message": "Model not found"}}
    assert seen["tooLong"]["status"] == 422
    assert [complaint["loc"] for complaint in seen["tooLong"]["body"]] == [["page_size"], ["sort_by"]]
    assert seen["wrongKey"]["status"] == 401
    assert seen["silent"]["status"] == 400
