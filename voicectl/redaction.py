"""Takes secrets out of text that leaves the process, before anything is cut off it: half a key is a leak, too."""

from __future__ import annotations

import html
import os
import re
from functools import lru_cache

VARIABLES = ("FISH_API_KEY", "GITHUB_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN")
"""Variables whose values never show."""
_SHORTEST = 8
"""A shorter value is no secret, and would be found in innocent words."""
_BETWEEN = r"(?:\s|\\[nrt]|\x1b\[[\d;]*m)*+"
"""What breaking a line puts into a word, in JSON and with colours too."""


def redacted(text: str, *secrets: str) -> str:
    """The text without the secrets of the environment, and without these.

    They are found as they are and as JSON, HTML, URLs and Python write them, and broken over lines.
    """
    for secret in {*(os.environ.get(name, "").strip() for name in VARIABLES), *secrets}:
        if len(secret) >= _SHORTEST:
            text = _pattern(secret).sub("…", text)
    return text


@lru_cache(maxsize=16)
def _pattern(secret: str) -> re.Pattern[str]:
    return re.compile(_BETWEEN.join(_forms(sign) for sign in secret))


def _forms(sign: str) -> str:
    """Every way in which one character may be written. No form is without a bound: none takes for ever to look for."""
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
