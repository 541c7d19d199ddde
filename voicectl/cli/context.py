"""Global options and per-run singletons: the run's id and its log. Imports nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voicectl.cli.log.port import Log

COMPLETE = "_VOICECTL_COMPLETE"
"""The variable by which the completion scripts ask, as click names it."""


class PrintingFailed(Exception):
    """A command can't write to standard output."""


@dataclass(slots=True)
class Context:
    """Global options, from wherever they stood on the command line, and per-run singletons (run id, log)."""

    choose_log: Callable[[Context], Log]
    """Makes the log that options and environment ask for."""
    chdir: Path | None = None
    environment: str | None = None
    verbose: int = 0
    quiet: bool = False
    no_color: bool = False
    log_format: str = "text"
    reports: list[tuple[str, Path]] = field(default_factory=list)
    """Formats and files that `--report` asks for and that are not written yet."""
    command: str = ""
    """The command's words: `state rebuild`."""
    _run: str = ""
    _log: Log | None = None

    @property
    def run(self) -> str:
        """This run's id: its log lines carry it, and whoever waits for the run reads it."""
        if not self._run:
            import uuid

            self._run = uuid.uuid4().hex
        return self._run

    @property
    def log(self) -> Log:
        """Standard error. It is made when first needed."""
        if self._log is None:
            self._log = self.choose_log(self)
        return self._log

    def end(self, exit_code: int) -> None:
        """Close the log, if the run has used it."""
        if self._log is not None:
            self._log.end(exit_code)

    def path(self, given: Path) -> Path:
        """A file that the command line names, relative to the directory of -C."""
        return given if self.chdir is None else self.chdir / given
