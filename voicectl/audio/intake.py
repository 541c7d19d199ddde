"""Recordings on their way into a project: what the provider takes is copied, everything else becomes that."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voicectl.audio.worker import Processes
from voicectl.files import open_regular
from voicectl.model.recording import Unheard

Form = Literal["wav", "mp3", "m4a", "opus"]

QUIET = -23.0
"""LUFS, the programme level of EBU R 128: what is quieter is made louder."""
TARGET = -20.0
"""LUFS of what was made louder."""
CEILING = -1.0
"""dBTP that no gain exceeds (EBU R 128, 4)."""
_PADDING = 0.5
"""Seconds by which a container may name more than there is to hear."""
KEPT_BEFORE = 0.2
KEPT_BEHIND = 0.3
"""Seconds of silence that trimming leaves: breath, and the end of the room's sound."""


@dataclass(frozen=True, slots=True)
class Order:
    """One file to write: from where, to where, and as what. `form` None copies it."""

    source: str
    target: str
    form: Form | None
    trim: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an order. `gain` is in decibels.

    `missing` seconds are what a converted master lacks of the length that it declares, `damaged` counts its packets
    that could not be decoded.
    """

    seconds: float | None = None
    gain: float = 0.0
    missing: float = 0.0
    damaged: int = 0


def carry_out(orders: Mapping[int, Order], progress: Callable[[], None]) -> dict[int, Done | Unheard]:
    """Write all files. Each is whole, or named as Unheard. `progress` is called after each."""
    results: dict[int, Done | Unheard] = {}
    for key, order in orders.items():
        if order.form is None:
            results[key] = _copy(order)
            progress()
    conversions = {key: order for key, order in orders.items() if order.form is not None}
    for key, result in Processes(_convert).each(conversions) if conversions else ():
        results[key] = result
        progress()
    return results


def _copy(order: Order) -> Done | Unheard:
    try:
        with open(open_regular(order.source), "rb") as source, open(order.target, "xb") as target:
            shutil.copyfileobj(source, target, 1024 * 1024)
    except OSError as error:
        return _of_disk(error, order)
    return Done()


def _convert(order: Order) -> Done | Unheard:
    """Measure a recording, and write it in another form: loud enough, and never clipped."""
    from voicectl.audio.decode import Unplayable, convert
    from voicectl.audio.measure import measure

    assert order.form is not None
    try:
        with open(open_regular(order.source), "rb") as source:
            found = measure(source, os.fstat(source.fileno()).st_size)
            begin = max(0.0, found.head - KEPT_BEFORE) if order.trim else 0.0
            end = found.seconds - max(0.0, found.tail - KEPT_BEHIND) if order.trim else None
            gain = gain_for(found.loudness, found.true_peak)
            with open(order.target, "x+b") as target:
                convert(source, target, order.form, gain=gain, begin=begin, end=end)
                target.flush()
            missing = (found.declared or 0.0) - found.seconds
            return Done(
                round((end or found.seconds) - begin, 2),
                gain,
                missing=round(missing, 1) if missing > _PADDING else 0.0,
                damaged=found.damaged,
            )
    except Unplayable as error:
        return Unheard(str(error), "export it again from the master")
    except OSError as error:
        return _of_disk(error, order)


def gain_for(loudness: float | None, true_peak: float) -> float:
    """Decibels that make a quiet recording loud enough, and keep any below the ceiling."""
    wanted = TARGET - loudness if loudness is not None and loudness < QUIET else 0.0
    return round(min(wanted, CEILING - true_peak), 1)


def _of_disk(error: OSError, order: Order) -> Unheard:
    where = Path(order.target).name
    words = error.strerror or str(error)
    if error.filename is not None and str(error.filename) == order.source:
        return Unheard(f"can't be read ({words})", "name a regular file that you may read")
    return Unheard(f"can't be written to {where} ({words})", "make room on the disk, or fix the permissions")
