"""Every example is valid, applies and plans empty; the demo tells its story to the end."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.conftest import Project
from voicectl.cli.commands import schema as schemas

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CASES = [("minimal", None), ("acme", "production"), ("acme", "staging")]


@pytest.mark.parametrize(("name", "environment"), CASES)
def test_an_example(tmp_path: Path, name: str, environment: str | None) -> None:
    copy = shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns(".voicectl"))
    project = Project(Path(copy), {"VOICECTL_ENV": environment} if environment else {})
    assert "warning" not in project.run("validate").expect(0).err
    project.apply()
    project.settled()
    ids = json.loads(project.run("output", "--format", "json").expect(0).out)
    assert len(set(ids.values())) == len(ids) >= 1
    project.run("doctor").expect(0)


def test_both_environments_of_acme_live_in_one_account(tmp_path: Path) -> None:
    copy = shutil.copytree(EXAMPLES / "acme", tmp_path / "acme", ignore=shutil.ignore_patterns(".voicectl"))
    project = Project(Path(copy))
    for environment in ("production", "staging"):
        project.run("-e", environment, "apply", "--yes").expect(0)
    for environment in ("production", "staging"):
        project.run("-e", environment, "plan", "--detailed-exitcode").expect(0)
    project.run("-e", "staging", "destroy", "--confirm", "acme.staging").expect(3)
    project.run("-e", "production", "plan", "--detailed-exitcode").expect(0)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/voices/*.yaml")) + sorted(EXAMPLES.glob("*/voicectl.yaml")))
def test_examples_fit_the_published_schemas(path: Path) -> None:
    kind = "project" if path.name == "voicectl.yaml" else "manifest"
    data = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
    jsonschema.validate(data, schemas.schema(kind))


def test_the_starter_and_the_minimal_example_are_the_same() -> None:
    starter = EXAMPLES.parent / "voicectl/cli/starter_project"
    for path in sorted(starter.rglob("*")):
        if path.is_file():
            other = EXAMPLES / "minimal" / path.relative_to(starter)
            expected = path.read_bytes().replace(b"catalog: starter", b"catalog: minimal")
            assert other.read_bytes() == expected, path.name


def test_samples_are_speech_of_ten_seconds_or_more_and_small() -> None:
    from voicectl.manifest.load import load_all

    catalog = load_all(EXAMPLES / "acme", "production")[1]
    samples = [sample for voice in catalog.voices.values() for sample in voice.samples]
    assert {sample.format for sample in samples} == {"wav", "mp3", "m4a", "opus"}
    assert all(sample.seconds and sample.seconds >= 10 for sample in samples)
    assert sum(path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()) < 4_000_000


def test_the_demo_tells_its_story_to_the_end() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "demo.py")], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "4 to create",
        "changed in the account since the last apply",
        "to replace",
        "to restore",
        "FISH_API_KEY",
    ):
        assert words in done.stdout
