"""Tests that need the package index. Without it they are skipped; `make test-release` and a CI fail instead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MUST = bool(os.environ.get("VOICECTL_RELEASE") or os.environ.get("CI"))


def run(*command: str, cwd: Path, code: int = 0, **environ: str) -> str:
    """A command that knows nothing of the environment the tests run in, but the package index's settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("VOICECTL_", "FISH_", "PYTHON", "CI", "COV"))}
    done = subprocess.run(
        command, cwd=cwd, env={**kept, **environ}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == code, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The package index answers: without it nothing can be built or installed."""
    target = tmp_path_factory.mktemp("index")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(target), "hatchling"]
    done = subprocess.run(
        [*command, "--retries", "1", "--timeout", "10"], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode != 0:
        reason = f"the package index can't be reached: {done.stderr.strip().splitlines()[-1]}"
        pytest.fail(reason) if MUST else pytest.skip(reason)
