"""What a run says on standard error: one interface for people and for machines, chosen once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from voicectl.engine.events import Listener
    from voicectl.errors import Problem, VoicectlError
    from voicectl.model.catalog import Catalog
    from voicectl.plan.plan import ApplyResult, Plan


class Log(Protocol):
    """Standard error. It takes raw text, and makes it safe for where it goes."""

    def about(self, catalog: str, environment: str | None) -> None:
        """The run knows now what it works on."""

    def note(self, text: str, *, ours: bool = False) -> None:
        """Something worth knowing. `ours` says that all of the text is voicectl's own."""

    def warning(self, text: str) -> None:
        """Something that a person should look at."""

    def question(self, text: str) -> None:
        """What a person has to type now."""

    def problems(self, found: Iterable[Problem]) -> None:
        """Problems of the project's files."""

    def annotated(self, found: Iterable[Problem]) -> None:
        """Standard output has annotations of these problems already."""

    def plan(self, plan: Plan, catalog: Catalog) -> None:
        """A plan that was made; standard output shows it."""

    def applied(self, applied: ApplyResult, catalog: Catalog) -> None:
        """How an apply went; standard output shows it."""

    def failure(self, error: VoicectlError) -> None:
        """What ends the run."""

    def progress(self) -> AbstractContextManager[Listener]:
        """The listener of a run that changes the account."""

    def reading(self) -> Listener:
        """The listener of a run that only reads."""

    def end(self, exit_code: int) -> None:
        """Nothing follows."""


def wanted_format(words: list[str], environ_says: str | None) -> str:
    """`text` or `json`, read from the raw words: the log begins before they are parsed, and parsing may fail."""
    words = words[: words.index("--")] if "--" in words else words
    given = [environ_says or ""]
    for number, word in enumerate(words):
        if word == "--log-format":
            given += words[number + 1 : number + 2]
        elif word.startswith("--log-format="):
            given.append(word.partition("=")[2])
    return "json" if given[-1] == "json" else "text"
