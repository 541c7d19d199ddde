"""Durations as users write them: `7d`, `12h`, `0`."""

from __future__ import annotations

import re
from datetime import timedelta

from voicectl.manifest.problems import shown
from voicectl.model.lock import MAX_RETENTION

PATTERN = r"^(0|[0-9]{1,5}[wdhm])$"
_DURATION = re.compile(r"(0)|([0-9]+)([wdhm])")
_MAX_DIGITS = 5
_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
}


def parse_duration(value: object) -> timedelta:
    """Read `7d`, `12h`, `30m`, `2w` or 0; ValueError with a sentence for anything else."""
    match = None if isinstance(value, bool) else _DURATION.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{shown(value)} is not a duration")
    if len(match[2] or "") > _MAX_DIGITS:
        raise ValueError(f"{shown(value)} has more than {_MAX_DIGITS} digits; {MAX_RETENTION.days}d is the longest")
    span = timedelta() if match[1] else int(match[2]) * _UNITS[match[3]]
    if span > MAX_RETENTION:
        raise ValueError(f"{shown(value)} is longer than {MAX_RETENTION.days}d, a hundred years")
    return span
