"""The inventory for spreadsheets: CSV (RFC 4180, with the line ends of Unix), which keeps ids and cannot run anything.

A cell that a spreadsheet would take for a formula, or an id for a number, gets an apostrophe in front: then the text is
shown as it is (OWASP, "CSV Injection").
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from voicectl.report.catalog_words import CatalogRow, cell
from voicectl.report.escape import terminal

_FORMULA = ("=", "+", "-", "@")
_NUMBER = re.compile(r"[0-9]+([eE][0-9]+)?")
_NUMBERS = ("generation", "line")


def render(found: Sequence[CatalogRow], columns: Sequence[str]) -> str:
    """The document, with a line of column names first."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_safe(cell(row, column), column) for column in columns] for row in found)
    return out.getvalue()


def _safe(text: str, column: str) -> str:
    text = terminal(text)
    numeric = column not in _NUMBERS and _NUMBER.fullmatch(text)
    return f"'{text}" if text.startswith(_FORMULA) or numeric else text
