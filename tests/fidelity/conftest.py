"""What the fidelity tests need of the machine: packages that only they use, and npm."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from types import ModuleType

import pytest

from voicectl.emulator.server import RunningEmulator


def needed(name: str) -> ModuleType:
    """A package of the extra `fidelity`; `make test-fidelity`, which installs it, skips nothing that needs it."""
    if os.environ.get("VOICECTL_FIDELITY"):
        return importlib.import_module(name)
    found: ModuleType = pytest.importorskip(name, reason=f"{name} is missing: run `make test-fidelity`")
    return found


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with RunningEmulator() as running:
        yield running
