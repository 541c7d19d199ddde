"""What would be published: its contents, and that it works where there is nothing else of this checkout.

It is built here, or taken from the directory that VOICECTL_DIST names. Without the package index these tests are
skipped; `make test-release` fails instead.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.release.conftest import MUST, ROOT, run
from voicectl.version import VERSION

JUNK = ("__pycache__", ".pyc", ".voicectl/", ".lock.json", ".egg-info", ".db")


@pytest.fixture(scope="session")
def dist(index: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of one sdist and the wheel that was built from it."""
    if given := os.environ.get("VOICECTL_DIST"):
        return Path(given)
    made = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", str(made), str(ROOT), cwd=made)
    return made


def one(directory: Path, pattern: str) -> Path:
    found = list(directory.glob(pattern))
    assert len(found) == 1, f"{directory} holds {[path.name for path in directory.iterdir()]}"
    return found[0]


def sdist_names(dist: Path) -> set[str]:
    with tarfile.open(one(dist, "*.tar.gz")) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_nothing_but_one_sdist_and_one_wheel_of_this_version(dist: Path) -> None:
    assert {path.name for path in dist.iterdir()} == {
        f"voicectl-{VERSION}.tar.gz",
        f"voicectl-{VERSION}-py3-none-any.whl",
    }


def test_the_sdist_holds_what_a_packager_needs(dist: Path) -> None:
    names = sdist_names(dist)
    for needed in ("README.md", "LICENSE", "CHANGELOG.md", "Makefile", "constraints.txt", "pyproject.toml"):
        assert needed in names
    for directory in ("voicectl", "schemas", "examples", "tests"):
        here = {path.relative_to(ROOT).as_posix() for path in (ROOT / directory).rglob("*") if path.is_file()}
        assert {name for name in here if not any(junk in name for junk in JUNK)} <= names
    assert not [name for name in names if any(junk in name for junk in JUNK)]


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="not a Git checkout")
def test_the_sdist_is_what_git_knows(dist: Path) -> None:
    """Neither a file of this machine goes out, nor stays one behind that the tests read."""
    known = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\n")
    assert sdist_names(dist) == {*filter(None, known), "PKG-INFO"}


def test_the_wheel_is_the_package_its_schemas_and_nothing_else(dist: Path) -> None:
    with zipfile.ZipFile(one(dist, "*.whl")) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel.namelist())
        metadata = wheel.read(next(name for name in wheel.namelist() if name.endswith("/METADATA"))).decode()
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "voicectl").rglob("*") if path.is_file()}
    schemas = {f"voicectl/schemas/{path.name}" for path in (ROOT / "schemas").iterdir()}
    assert names == {name for name in package if not any(junk in name for junk in JUNK)} | schemas
    assert f"\nVersion: {VERSION}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata


def test_the_wheel_from_the_checkout_is_the_wheel_from_the_sdist(dist: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT), cwd=tmp_path)
    assert contents(one(tmp_path, "*.whl")) == contents(one(dist, "*.whl"))


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.skipif(not MUST, reason="`make test-release` and a CI install the wheel, with all that it needs")
def test_the_wheel_works_where_nothing_else_is(dist: Path, tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    run(sys.executable, "-m", "venv", str(clean), cwd=tmp_path)
    constraints = str(ROOT / "constraints.txt")
    pip = [str(clean / "bin/python"), "-m", "pip", "--quiet"]
    run(*pip, "install", "--no-compile", "--constraint", constraints, str(one(dist, "*.whl")), cwd=tmp_path)
    run(*pip, "check", cwd=tmp_path)

    acme = tmp_path / "acme"
    shutil.copytree(ROOT / "examples/acme", acme, ignore=shutil.ignore_patterns(".voicectl", "*.lock.json"))

    def voicectl(*arguments: str, code: int = 0) -> str:
        return run(str(clean / "bin/voicectl"), *arguments, cwd=acme, code=code, VOICECTL_ENV="production")

    assert voicectl("--version") == f"voicectl {VERSION}\n"
    where = run(str(clean / "bin/python"), "-c", "import voicectl; print(voicectl.__file__)", cwd=acme)
    assert Path(where.strip()).is_relative_to(clean)
    voicectl("validate")
    assert "4 to create" in voicectl("plan")
    voicectl("plan", "--detailed-exitcode", code=2)
    voicectl("apply", "--yes")
    voicectl("plan", "--detailed-exitcode")
    assert {line.partition("=")[0] for line in voicectl("output").splitlines()} == {
        f"VOICE_{name}" for name in ("ACCUEIL", "GATEKEEPER", "HOST", "NARRATOR")
    }
    voicectl("drift")
    for schema in (ROOT / "schemas").iterdir():
        assert voicectl("schema", schema.name.partition(".")[0]) == schema.read_text(encoding="utf-8")
    voicectl("init", "../first")
    run(str(clean / "bin/voicectl"), "validate", cwd=tmp_path / "first")
