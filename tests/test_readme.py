"""The README and the pages: short, complete, and true to the commands and formats."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import jsonschema
import pytest
import yaml

from voicectl.cli.commands.help import BEGIN, END, TOPICS, commands_page, page, rules_table
from voicectl.cli.commands.schema import schema
from voicectl.cli.main import SECTIONS, cli

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EVERYTHING = "\n".join([README, *map(page, TOPICS)])
NAMES = [name for section in SECTIONS.values() for name in section]


def test_the_readme_can_be_read_at_a_sitting() -> None:
    assert README.count("\n") <= 200


def test_every_page_is_listed_and_linked_and_says_for_whom_it_is() -> None:
    assert {path.stem for path in (ROOT / "voicectl/pages").glob("*.md")} == set(TOPICS)
    for topic in TOPICS:
        assert f"(voicectl/pages/{topic}.md)" in README, topic
        title, first = page(topic).split("\n\n")[:2]
        assert title.startswith("# "), topic
        assert first.startswith("For "), topic


def test_the_page_of_commands_is_made_from_the_commands() -> None:
    assert page("commands") == commands_page(), "run `make pages`"


def test_the_rules_of_lint_stand_on_the_page_of_samples() -> None:
    assert f"{BEGIN}{rules_table()}{END}" in page("samples"), "run `make pages`"


@pytest.mark.parametrize("name", NAMES)
def test_a_command_and_its_options_are_described(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    described(name, command)


def described(name: str, command: click.Command) -> None:
    assert re.search(rf"`(voicectl )?{name}\b", EVERYTHING), f"no page describes {name}"
    for parameter in command.params:
        for option in parameter.opts:
            if option.startswith("--"):
                assert option in EVERYTHING, f"no page describes {name} {option}"
    for below, each in command.commands.items() if isinstance(command, click.Group) else ():
        described(f"{name} {below}", each)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_topics_and_commands_that_pages_name_exist() -> None:
    for topic in re.findall(r"`voicectl help ([a-z-]+)`", EVERYTHING):
        assert topic in TOPICS
    for name in re.findall(r"`voicectl ([a-z][a-z-]*)", EVERYTHING):
        assert name in NAMES, name


def test_the_yaml_blocks_are_valid_manifests_and_projects() -> None:
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", EVERYTHING, re.DOTALL)]
    kinds = ["project" if "catalog" in block else "manifest" if "voices" in block else None for block in blocks]
    assert sorted(filter(None, kinds)) == ["manifest", "manifest", "manifest", "project", "project"]
    for block, kind in zip(blocks, kinds, strict=True):
        if kind:
            jsonschema.validate(json.loads(json.dumps(block, default=str)), schema(kind))


def test_the_faults_of_the_page_are_faults_of_the_emulator(tmp_path: Path) -> None:
    from voicectl.emulator.settings import Settings

    block = next(b for b in re.findall(r"```yaml\n(.*?)```", page("emulator"), re.DOTALL) if "training_seconds" in b)
    (tmp_path / "faults.yaml").write_text(block, encoding="utf-8")
    assert len(Settings.from_yaml(tmp_path / "faults.yaml").rules) == 2
