"""The action that installs voicectl, run as a runner runs it, in a stranger's checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.release.conftest import ROOT
from voicectl.version import VERSION

ACTION = ROOT / ".github/actions/setup"


def setup(directory: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    checkout, temp = directory / "checkout", directory / "temp"
    for made in (checkout, temp):
        made.mkdir()
    # With `python -m`, the first place to look for a module is where one stands.
    for name in ("pip", "venv", "ensurepip", "voicectl", "hatchling"):
        (checkout / f"{name}.py").write_text("raise SystemExit('a stranger s code runs')\n", encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "HOME"))}
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHON": sys.executable,
        "RUNNER_TEMP": str(temp), "GITHUB_ACTION_PATH": str(ACTION), "GITHUB_PATH": str(temp / "path"),
        "VERSION": "", "SHA256": "",
    }  # fmt: skip
    return subprocess.run(
        ["bash", "-e", str(ACTION / "setup.sh")],
        cwd=checkout, env={**kept, **environment, **inputs}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.skipif(
    not os.environ.get("VOICECTL_RELEASE"), reason="it takes half a minute: `make test-release` runs it"
)
def test_everything_is_checked_by_its_hash_and_nothing_of_the_checkout_runs(index: None, tmp_path: Path) -> None:
    done = setup(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"voicectl {VERSION}"
    (path,) = (tmp_path / "temp/path").read_text(encoding="utf-8").split()
    assert [entry.name for entry in Path(path).iterdir()] == ["voicectl"], (
        "neither python nor pip of ours gets in the way"
    )
    project = ["-C", str(ROOT / "examples/minimal")]
    run = subprocess.run([f"{path}/voicectl", "validate", *project], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert not (ROOT / "build").exists()


def test_a_version_without_its_hash_is_refused_before_anything_is_installed(tmp_path: Path) -> None:
    done = setup(tmp_path, VERSION="1.0.0")
    assert done.returncode == 1
    assert "::error::version 1.0.0 needs sha256" in done.stdout
    assert list((tmp_path / "temp").iterdir()) == []


@pytest.mark.parametrize("name", ["requirements.txt", "setup.sh"])
def test_no_address_of_an_index_stands_in_the_action(name: str) -> None:
    assert "://" not in (ACTION / name).read_text(encoding="utf-8")
