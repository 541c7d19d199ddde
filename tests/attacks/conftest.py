"""Attacks are many, and a server that fails is asked again for two minutes: here for a moment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voicectl.provider.fish.bounds import USUAL
from voicectl.provider.fish.client import FishClient


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = replace(USUAL, first_pause=0.05, longest_pause=0.1, deadline=0.5)
    monkeypatch.setitem(FishClient.__init__.__kwdefaults__ or {}, "patience", quick)
