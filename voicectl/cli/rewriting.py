"""Writing several files of the project, all of them or none."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from voicectl.errors import UsageError
from voicectl.whole_file import replace_file


@dataclass(slots=True)
class Rewriting:
    """Files below a directory; `undo` puts back what was there before. Links are written through, not replaced."""

    root: Path
    _before: list[tuple[Path, bytes | None]] = field(default_factory=list)

    def write(self, texts: Mapping[str, str]) -> None:
        """Write each file at once. Raises UsageError where one can't be; then all are as they were."""
        try:
            for file, text in texts.items():
                path = (self.root / file).resolve()
                path.parent.mkdir(parents=True, exist_ok=True)
                before = path.read_bytes() if path.exists() else None
                replace_file(path, text.encode())
                self._before.append((path, before))
        except OSError as error:
            self.undo()
            raise UsageError(f"manifests can't be written: {error.strerror or error}", "nothing was changed") from error

    def undo(self) -> None:
        """Put back what was there."""
        while self._before:
            path, before = self._before.pop()
            with contextlib.suppress(OSError):
                if before is None:
                    path.unlink(missing_ok=True)
                else:
                    replace_file(path, before)
