"""The picture in the README shows what the command prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "examples/picture.svg"
SCRIPT = "import picture; print(picture.picture())"


def lines(svg: str) -> list[str]:
    """The words of each line, ids and times made alike."""
    rows: dict[float, str] = {}
    for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        row = float(text.attrib["y"])
        rows[row] = rows.get(row, "") + (text.text or "").replace("\xa0", " ")
    plain = "\n".join(text for _, text in sorted(rows.items()))
    plain = re.sub(r"\b[0-9a-f]{32}\b", "<id>", plain)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "<time>", plain).splitlines()


def test_the_picture_tells_the_truth() -> None:
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        command, cwd=ROOT / "examples", capture_output=True, text=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert lines(PICTURE.read_text(encoding="utf-8")) == lines(done.stdout), "if that is meant: make picture"


def test_the_picture_is_the_whole_story_in_colour_and_light() -> None:
    svg = PICTURE.read_text(encoding="utf-8")
    told = [line for line in lines(svg) if line.startswith(("$ voicectl", "Plan:", "Applied", "No changes"))]
    assert [line.split(":")[0] for line in told] == [
        "$ voicectl plan",
        "Plan",
        "$ voicectl apply --yes",
        "Plan",
        "Applied",
        "$ voicectl plan",
        "No changes. 4 unchanged.",
    ]
    assert len(set(re.findall(r"fill: (#[0-9a-f]{6})", svg))) >= 5
    assert len(svg) < 40_000
    assert "](examples/picture.svg)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_picture_fetches_nothing() -> None:
    svg = PICTURE.read_text(encoding="utf-8")
    assert set(re.findall(r"\w+://[^\s\"']+", svg)) == {"http://www.w3.org/2000/svg"}, "that one is SVG's name"
    assert not re.search(r"@font-face|@import|<(script|image|foreignObject|a)\b|\bhref|url\((?!#)", svg)
