"""The inventory as a table in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from voicectl.report.catalog_words import CatalogRow, cell
from voicectl.report.document import code
from voicectl.report.escape import terminal


def render(found: Sequence[CatalogRow], columns: Sequence[str]) -> str:
    """The document. Every cell stands in code, so that no title is a link or a heading."""
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for row in found:
        texts = (terminal(cell(row, column)) for column in columns)
        lines.append("| " + " | ".join(code(text).replace("|", "\\|") if text else "" for text in texts) + " |")
    return "\n".join(lines) + "\n"
