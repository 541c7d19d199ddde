"""The provider's speech models, and when they end. What is not in this table may be new: it is used as it stands.

As of November 2026, from the provider's documentation and from what others measured with a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

KNOWN: Mapping[str, date | None] = {
    "s1": date(2026, 12, 31),
    "s2-pro": None,
    "s2.1-pro": None,
    "s2.1-pro-free": None,
    "drama-3-preview": None,
}
"""Each model's last day, where one was announced."""
WARNING = timedelta(days=60)


def remark(model: str, today: date) -> tuple[str, str]:
    """What to know of a speech model, and what to do; both empty where there is nothing."""
    if model not in KNOWN:
        return f"{model!r} is not among the speech models that voicectl knows", f"known: {', '.join(sorted(KNOWN))}"
    end = KNOWN[model]
    if end is None or end > today + WARNING:
        return "", ""
    others = ", ".join(name for name, last in KNOWN.items() if last is None)
    when = f"ended on {end}" if end < today else f"ends on {end}"
    return f"the speech model {model} {when}", f"try another one with `voicectl say --model`: {others}"
