"""The global options of a run, and what a run has one of. Imports nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voicectl.cli.log.port import Log


class PrintingFailed(Exception):
    """Standard output can't take what a command has to say."""


@dataclass(slots=True)
class Context:
    """The global options, wherever on the command line they stood, and what a run has one of."""

    choose_log: Callable[[Context], Log]
    """Makes the log that the options and the environment ask for."""
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
        """An id of this run, by which its log, and whoever waits for it, can be told from others."""
        if not self._run:
            import uuid

            self._run = uuid.uuid4().hex
        return self._run

    @property
    def log(self) -> Log:
        """Standard error, made when first needed."""
        if self._log is None:
            self._log = self.choose_log(self)
        return self._log

    def end(self, exit_code: int) -> None:
        """Close the log, if there was anything to tell."""
        if self._log is not None:
            self._log.end(exit_code)

    def path(self, given: Path) -> Path:
        """A file that the command line names: relative to the directory that -C chose."""
        return given if self.chdir is None else self.chdir / given
