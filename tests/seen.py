"""What people see, kept as golden files. `make golden` writes them anew."""

from __future__ import annotations

import os
import re
from pathlib import Path


def seen(path: Path, text: str) -> None:
    """Compare with the golden file; ids, commits, times and addresses are made alike."""
    ids: dict[str, str] = {}

    def label(match: re.Match[str]) -> str:
        return ids.setdefault(match[0], f"<id {len(ids) + 1}>")

    plain = re.sub(r"\b[0-9a-f]{32}\b", label, text)
    plain = re.sub(r"127\.0\.0\.1:\d+", "api.example", plain)
    plain = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?", "<time>", plain)
    plain = re.sub(r"\b[0-9a-f]{12}\b|\b[0-9a-f]{40}\b", "<commit>", plain)
    if os.environ.get("VOICECTL_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(plain.encode())
    assert plain == path.read_bytes().decode(), "if that is meant: make golden"
