"""`.voicectl/`: links in it, which a stranger may have committed, lead nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Project

LINKS = (
    ".voicectl",
    ".voicectl/.gitignore",
    ".voicectl/cache",
    ".voicectl/emulator.db",
    ".voicectl/emulator.db-wal",
    ".voicectl/voicectl.lock.json.lease",
    ".voicectl/voicectl.lock.json.holder",
)


@pytest.mark.parametrize("dangling", [True, False], ids=["dangling", "to something"])
@pytest.mark.parametrize("link", LINKS)
def test_nothing_is_written_through_a_link(local: Project, tmp_path: Path, link: str, dangling: bool) -> None:
    local.voices({"a": {}})
    outside = tmp_path / "outside"
    outside.mkdir()
    target = outside / "target"
    is_directory = link in (".voicectl", ".voicectl/cache")
    if not dangling and is_directory:
        target.mkdir()
    elif not dangling:
        target.write_text("precious")
    path = local.root / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)
    for command in (("validate",), ("plan",), ("apply", "--yes")):
        done = local.run(*command)
        assert "internal error" not in done.err
        assert done.code == (0 if command == ("validate",) else 1)
    assert "is a link; delete it" in done.err
    assert [p.name for p in outside.rglob("*")] == ([] if dangling else ["target"])
    assert dangling or is_directory or target.read_text() == "precious"
