"""Globs to manifests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from voicectl.manifest.discover import find_manifests


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in [
        "voicectl.yaml", "top.yaml", "voices/a.yaml", "voices/b.yml", "voices/x/c.yaml", "voices/x/y/d.yaml",
        "voices/.hidden.yaml", "voices/.git/e.yaml", ".voicectl/f.yaml", "voices/[z].yaml",
    ]:  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["voices/**/*.yaml"], ["voices/[z].yaml", "voices/a.yaml", "voices/x/c.yaml", "voices/x/y/d.yaml"]),
        (["voices/*.y*ml"], ["voices/[z].yaml", "voices/a.yaml", "voices/b.yml"]),
        (["voices/?/*.yaml"], ["voices/x/c.yaml"]),
        (["voices/b.yml", "./voices//b.yml"], ["voices/b.yml"]),
        (["*.yaml"], ["top.yaml"]),
        (["voices/x/**"], ["voices/x/c.yaml", "voices/x/y/d.yaml"]),
        (["**/d.yaml"], ["voices/x/y/d.yaml"]),
        ([".voicectl/*.yaml", "voices/.git/*", "none/*.yaml", "top.yaml/*"], []),
        (["voices/[[]z].yaml"], ["voices/[z].yaml"]),
    ],
)
def test_patterns(tree: Path, patterns: list[str], found: list[str]) -> None:
    assert find_manifests(tree, patterns)[:2] == (found, [])


def test_linked_directories_are_not_walked(tree: Path) -> None:
    (tree / "voices/loop").symlink_to(tree)
    found, _, links = find_manifests(tree, ["voices/**/*.yaml"])
    assert "voices/loop/top.yaml" not in found
    assert links == ["voices/loop"]


def test_a_pattern_full_of_stars_takes_no_time(tree: Path) -> None:
    deep = tree / "/".join(["d"] * 60)
    deep.mkdir(parents=True)
    (deep / "x.yaml").touch()
    assert find_manifests(tree, ["**/*/" * 30 + "nothing"])[:2] == ([], [])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every directory")
def test_a_directory_that_cannot_be_listed_is_named(tree: Path) -> None:
    (tree / "voices/x").chmod(0)
    try:
        assert find_manifests(tree, ["voices/**/*.yaml"])[1] == ["voices/x"]
    finally:
        (tree / "voices/x").chmod(0o755)
