"""Tables in CSV and Markdown, whatever they are of."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from voicectl.report.document import code
from voicectl.report.escape import terminal

_FORMULA = ("=", "+", "-", "@")
_NUMBER = re.compile(r"[0-9]+([eE][0-9]+)?")
_NUMBERS = ("generation", "line", "exit")
"""Columns whose numbers are numbers."""


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """CSV for spreadsheets (RFC 4180, with the line ends of Unix), which keeps ids and can't run anything.

    A cell that a spreadsheet would take for a formula, or an id for a number, gets an apostrophe in front: then the
    text is shown as it is (OWASP, "CSV Injection").
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_safe(cell, column) for cell, column in zip(row, columns, strict=True)] for row in rows)
    return out.getvalue()


def _safe(text: str, column: str) -> str:
    text = terminal(text)
    numeric = column not in _NUMBERS and _NUMBER.fullmatch(text)
    return f"'{text}" if text.startswith(_FORMULA) or numeric else text


def as_markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown. Every cell stands in code, so that no title is a link or a heading."""
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for row in rows:
        texts = (terminal(cell) for cell in row)
        lines.append("| " + " | ".join(code(text).replace("|", "\\|") if text else "" for text in texts) + " |")
    return "\n".join(lines) + "\n"
