"""The same protocols with shorter pauses: what a run waits for in earnest is a provider far away, and ours is here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from typing import Any

from voicectl.engine import create, observe, probe, renaming, training
from voicectl.engine.apply import Run
from voicectl.hosting import publish
from voicectl.provider.fish.bounds import USUAL
from voicectl.provider.fish.client import FishClient

Setter = Callable[[Any, str, Any], None]
"""`setattr`, or a monkeypatch's, which takes it back at the end of a test."""
LOOKS = (0.02, 0.04, 0.08)
"""Seconds before each further look at what may only lag: a fiftieth of the real ones."""


def shorten(put: Setter = setattr) -> None:
    """Let this process's commands wait a fiftieth as long as they do in earnest, and repeat as often."""
    of_applies(put, grace=0.1, looks=(0.0, *LOOKS))
    put(observe.observe, "__kwdefaults__", {**(observe.observe.__kwdefaults__ or {}), "looks": LOOKS})
    put(renaming, "LOOKS", LOOKS)
    put(probe, "LAG", (0.0, 0.01, *LOOKS))
    put(create, "FIRST_PAUSE", 0.01)
    put(create, "LONGEST_PAUSE", 0.4)
    put(training, "FIRST_LOOK", 0.01)
    put(training, "LONGEST_LOOK", 0.2)
    put(publish.publish, "__kwdefaults__", {**(publish.publish.__kwdefaults__ or {}), "sleep": _a_fiftieth})
    quick = replace(USUAL, first_pause=0.01, longest_pause=0.4)
    put(FishClient.__init__, "__kwdefaults__", {**(FishClient.__init__.__kwdefaults__ or {}), "patience": quick})


def _a_fiftieth(seconds: float) -> None:
    time.sleep(seconds / 50)


def of_applies(put: Setter, **pauses: object) -> None:
    """Let an apply wait otherwise: `grace` after a lost answer, `looks` at what may lag."""
    defaults = [each.name for each in fields(Run) if each.default is not MISSING]
    values = [pauses.get(name, value) for name, value in zip(defaults, Run.__init__.__defaults__ or (), strict=True)]
    put(Run.__init__, "__defaults__", tuple(values))
