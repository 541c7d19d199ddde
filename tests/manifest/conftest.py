"""Small projects on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.audio import making
from voicectl.errors import InvalidFiles, Problem
from voicectl.manifest.load import load_all
from voicectl.model.catalog import Catalog

Files = Mapping[str, str | bytes]


PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)


@pytest.fixture(scope="session")
def sound() -> SimpleNamespace:
    """The makers of sound files."""
    return SimpleNamespace(
        wav=making.wav,
        mp3=making.mp3,
        opus=making.opus,
        m4a=making.m4a,
        png=PNG,
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Files], Path]:
    """Writes files below a project directory that has two samples, a cover and a project file."""

    def write_all(files: Files) -> Path:
        root = tmp_path / "project"
        given: dict[str, str | bytes] = {
            "voicectl.yaml": "catalog: acme\n",
            "samples/a.wav": making.wav(seed=1),
            "samples/b.wav": making.wav(seed=2),
            "covers/a.png": PNG,
            **files,
        }
        for name, content in given.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return root

    return write_all


@pytest.fixture
def load(write: Callable[[Files], Path]) -> Callable[..., Catalog]:
    """Writes files and loads the catalog in them."""

    def load_files(files: Files, environment: str | None = None, *, read_samples: bool = True) -> Catalog:
        return load_all(write(files), environment, read_samples=read_samples)[1]

    return load_files


@pytest.fixture
def problems(load: Callable[..., Catalog]) -> Callable[..., list[Problem]]:
    """Writes files and returns what is wrong with them: errors and warnings."""

    def find(files: Files, environment: str | None = None) -> list[Problem]:
        try:
            return list(load(files, environment).warnings)
        except InvalidFiles as error:
            return list(error.problems)

    return find
