"""Removes secrets from text that leaves the process. This must come before any cutting: half a key is a leak, too."""

from __future__ import annotations

import html
import os
import re
from functools import lru_cache

VARIABLES = ("FISH_API_KEY", "GITHUB_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN")
"""Variables whose values never show."""
_SHORTEST = 8
"""A shorter value is not a secret, and innocent words would contain it."""
_BETWEEN = r"(?:\s|\\[nrt]|\x1b\[[\d;]*m)*+"
"""What a line break may insert into a word, also in JSON and with colours."""


def redacted(text: str, *secrets: str) -> str:
    """The text without the environment's secrets and without these.

    It finds them as they are, as JSON, HTML, URLs and Python write them, and broken over lines.
    """
    for secret in {*(os.environ.get(name, "").strip() for name in VARIABLES), *secrets}:
        if len(secret) >= _SHORTEST:
            text = _pattern(secret).sub("…", text)
    return text


@lru_cache(maxsize=16)
def _pattern(secret: str) -> re.Pattern[str]:
    return re.compile(_BETWEEN.join(_forms(sign) for sign in secret))


def _forms(sign: str) -> str:
    """Every way to write one character. All repetitions are bounded, so that no search takes for ever."""
    code = f"0{{0,6}}{ord(sign):x}"
    escapes = [
        re.escape(sign),
        rf"\\{{1,8}}u{ord(sign):04x}",
        rf"\\{{1,8}}x{ord(sign):02x}",
        rf"%(?:25){{0,4}}{ord(sign):02x}",
    ]
    escapes += [f"&#x{code};?", f"&#0{{0,6}}{ord(sign)};?"]
    if not sign.isalnum():
        escapes += [rf"\\{{1,8}}{re.escape(sign)}", re.escape(html.escape(sign))]
    return "(?:" + "|".join([escapes[0], *(f"(?i:{form})" for form in escapes[1:])]) + ")"
