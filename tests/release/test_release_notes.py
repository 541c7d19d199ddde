"""Tag, version and changelog are one, or nothing is released."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / ".ci/release.py"


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout that is ready to be released as 1.2.0."""
    (tmp_path / "voicectl").mkdir()
    (tmp_path / "voicectl/version.py").write_text('VERSION = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 1.2.0 - 2026-12-01\n\n### Added\n\n- A thing.\n\n## 1.1.0 - 2026-11-01\n\n- Older.\n"
    )
    return tmp_path


def test_this_checkout_agrees_with_its_changelog(release: ModuleType) -> None:
    release.agree(release.version(), (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


def test_the_notes_are_the_section_and_nothing_else(release: ModuleType, tree: Path) -> None:
    assert release.check("v1.2.0", tree) == "### Added\n\n- A thing."


@pytest.mark.parametrize("tag", ["v1.2.1", "1.2.0", "v1.2.0.dev0", "v1.2", "v1.2.0; echo"])
def test_another_tag_is_refused(release: ModuleType, tree: Path, tag: str) -> None:
    with pytest.raises(release.NotReady, match="the tag is"):
        release.check(tag, tree)


@pytest.mark.parametrize(
    ("number", "heading", "reason"),
    [
        ("1.2.0", "Unreleased", "begins with Unreleased"),
        ("1.3.0", "1.2.0 - 2026-12-01", "begins with 1.2.0"),
        ("1.3.0.dev0", "Unreleased", "between releases"),
        ("1.3.0.dev0", "1.2.0 - 2026-12-01", "between releases"),
        ("1.2.0", "1.2.0 - 2026-12-01\n\n## 1.1.0", "nothing under 1.2.0"),
    ],
)
def test_what_does_not_agree_is_refused(
    release: ModuleType, tree: Path, number: str, heading: str, reason: str
) -> None:
    (tree / "voicectl/version.py").write_text(f'VERSION = "{number}"\n')
    (tree / "CHANGELOG.md").write_text(f"# Changelog\n\n## {heading}\n\n- A thing.\n")
    with pytest.raises(release.NotReady, match=reason):
        release.check(f"v{number}", tree)


def test_after_a_release_the_version_moves_on(release: ModuleType) -> None:
    release.agree("1.3.0.dev0", "## Unreleased\n\n## 1.2.0 - 2026-12-01\n")
    for number, newest in (("1.2.0", "Unreleased"), ("1.3.0.dev0", "1.2.0 - 2026-12-01"), ("1.2.0", "1.1.0")):
        with pytest.raises(release.NotReady):
            release.agree(number, f"## {newest}\n")


@pytest.mark.parametrize("arguments", [[], ["check"], ["notes", "v0.0.1"], ["publish", "v1.0.0"]])
def test_the_script_fails_loudly(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr
