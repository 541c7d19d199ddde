"""Code in Markdown: the only place where text from manifests and from the account may stand.

In it no renderer follows links, pings anybody or reads HTML (GitHub Flavored Markdown Spec, 4.5 and 6.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def fenced(lines: Iterable[str], language: str = "text") -> str:
    """A code block whose fence is longer than any row of backticks in it."""
    text = "\n".join(lines)
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}\n"


def code(text: str) -> str:
    """A code span, its fence longer than any row of backticks in it."""
    fence = "`" * (_longest(text) + 1)
    space = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{fence}{space}{text}{space}{fence}"


def _longest(text: str) -> int:
    return max((len(ticks) for ticks in re.findall("`+", text)), default=0)
