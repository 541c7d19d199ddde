"""Which files may be read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from voicectl.errors import Problem
from voicectl.files import open_regular
from voicectl.manifest.paths import PathRefused, ProjectPaths


@pytest.fixture
def paths(tmp_path: Path) -> ProjectPaths:
    root = tmp_path / "project"
    for name in ["samples/a.wav", ".hidden/a.wav", "voices/.dot.wav", "..data/a.wav"]:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "project-2").mkdir()
    (tmp_path / "project-2/a.wav").write_bytes(b"x")
    (root / "out").symlink_to(tmp_path / "project-2")
    (root / "into").symlink_to(root / "samples")
    (root / "samples/hidden.wav").symlink_to(root / ".hidden/a.wav")
    (root / "samples/passwd.wav").symlink_to("/etc/passwd")
    (root / "samples/link.wav").symlink_to("a.wav")
    (root / "samples/loop.wav").symlink_to("loop.wav")
    (root / ".dotlink").symlink_to(root / "samples")
    os.mkfifo(root / "samples/pipe.wav")
    return ProjectPaths(root)


@pytest.mark.parametrize(
    "text", ["../samples/a.wav", "../into/a.wav", "../samples/link.wav", "../samples/../samples//./a.wav"]
)
def test_one_file_has_one_path(paths: ProjectPaths, text: str) -> None:
    assert paths.file(text, "voices") == "samples/a.wav"


def test_a_hidden_file_is_not_a_hidden_directory(paths: ProjectPaths) -> None:
    assert paths.file(".dot.wav", "voices") == "voices/.dot.wav"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("../../project-2/a.wav", "is outside the project"),
        ("../out/a.wav", "is outside the project"),
        ("../samples/passwd.wav", "is outside the project"),
        ("../../../../../../../../etc/passwd", "is outside the project"),
        ("../samples/hidden.wav", "a directory whose name begins with a dot (.hidden)"),
        ("../.hidden/a.wav", "a directory whose name begins with a dot (.hidden)"),
        ("../.dotlink/a.wav", "a directory whose name begins with a dot (.dotlink)"),
        ("../..data/a.wav", "a directory whose name begins with a dot (..data)"),
        ("/etc/passwd", "is not a relative path"),
        ("C:/a.wav", "is not a relative path"),
        ("..\\a.wav", "has a backslash"),
        ("../samples", "is a directory"),
        ("..", "is a directory"),
        ("../samples/pipe.wav", "is not a regular file"),
        ("../samples/loop.wav", "can't be read"),
        ("../samples/none.wav", "there is no file"),
        ("../samples/a.wav/b.wav", "there is no file"),
        ("a" * 5000, "can't be read"),
        ("a\0b", "can't be read"),
        ("", "must not be empty"),
    ],
)
def test_refusals(paths: ProjectPaths, text: str, message: str) -> None:
    with pytest.raises(PathRefused) as caught:
        paths.file(text, "voices")
    assert message in caught.value.message


def test_a_pipe_or_link_is_never_opened(tmp_path: Path, paths: ProjectPaths) -> None:
    for name in ["pipe.wav", "link.wav"]:
        with pytest.raises(OSError, match=r"not a regular file|a symbolic link"):
            open_regular(str(tmp_path / "project/samples" / name))


def test_manifests_obey_the_same_rules(
    problems: Callable[..., list[Problem]], write: Callable[..., Path], tmp_path: Path
) -> None:
    root = write({"voices/a.yaml": "voices: {}\n"})
    (tmp_path / "x.yaml").write_text("voices: {}\n")
    (root / "voices/b.yaml").symlink_to(tmp_path / "x.yaml")
    (root / "voices/c.yaml").symlink_to("gone.yaml")
    os.mkfifo(root / "voices/d.yaml")
    assert [(p.place.file, p.message) for p in problems({})] == [
        ("voices/b.yaml", "'voices/b.yaml' is outside the project"),
        ("voices/c.yaml", "there is no file 'voices/c.yaml'"),
        ("voices/d.yaml", "'voices/d.yaml' is not a regular file"),
    ]
