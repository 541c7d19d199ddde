"""Every command, option and exit code is in the README."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from voicectl.cli.main import SECTIONS, cli

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
NAMES = [name for section in SECTIONS.values() for name in section]


@pytest.mark.parametrize("name", NAMES)
def test_a_command_and_its_options_are_described(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    described(name, command)


def described(name: str, command: click.Command) -> None:
    assert re.search(rf"`{name}\b", README), f"{name} is not in the README"
    for parameter in command.params:
        for option in parameter.opts:
            if option.startswith("--"):
                assert option in README, f"{name} {option} is not in the README"
    for below, each in command.commands.items() if isinstance(command, click.Group) else ():
        described(f"{name} {below}", each)


def test_the_yaml_blocks_are_valid_manifests_and_projects(tmp_path: Path) -> None:
    import json

    import jsonschema
    import yaml

    from voicectl.cli.commands.schema import schema

    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]
    kinds = ["project" if "catalog" in block else "manifest" if "voices" in block else None for block in blocks]
    assert sorted(filter(None, kinds)) == ["manifest", "manifest", "project", "project"]
    for block, kind in zip(blocks, kinds, strict=True):
        if kind:
            jsonschema.validate(json.loads(json.dumps(block, default=str)), schema(kind))


def test_the_faults_of_the_readme_are_faults_of_the_emulator(tmp_path: Path) -> None:
    from voicectl.emulator.settings import Settings

    block = next(b for b in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "training_seconds" in b)
    (tmp_path / "faults.yaml").write_text(block, encoding="utf-8")
    assert len(Settings.from_yaml(tmp_path / "faults.yaml").rules) == 2
