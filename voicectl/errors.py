"""One root exception, with what every message needs: where, what, what next.

    VoicectlError            1   anything a user can act on
    ├── UsageError           1   the command line is wrong
    ├── InvalidFiles         1   problems in manifests, project file or lockfile, each with its place
    ├── StateError           1   the lockfile is unreadable, or of another catalog, account or version
    ├── ProviderError        1   see provider/port.py for its children
    ├── ApplyFailed          1   an apply in which a voice failed
    ├── Refused              3   a person must decide
    ├── NotConfirmed         3   nobody said yes
    └── TryAgain             4   locked by another run, or a stale plan

Exit codes and the stable `code` strings are part of the contract with users' scripts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file of the project: its path relative to the project, 1-based line and column."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something wrong (or worth a warning) at one place, with what to do about it."""

    place: Place
    message: str
    hint: str = ""
    level: str = "error"  # error | warning

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f"; {self.hint}" if self.hint else "")


LONGEST_QUOTE = 200
"""The most characters of a file's or a server's text in a message."""
_LONGEST_MESSAGE = 20_000
"""Far more than our longest message, one that names every voice, and still bearable on a terminal."""


def cut(text: object, longest: int = LONGEST_QUOTE) -> str:
    """The beginning of a text for a message, with its length if it was cut."""
    whole = str(text)
    return whole if len(whole) <= longest else f"{whole[:longest]}… ({len(whole)} characters)"


def counted(number: int, noun: str) -> str:
    """`1 voice`, `2 voices`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


class VoicectlError(Exception):
    """An error in words for a person, with a hint on what to do next.

    `code` is the error's stable identifier in JSON output, `exit_code` the process's exit code, `where` the places in
    the project's files that it is about.
    """

    code = "error"
    exit_code = 1

    def __init__(self, message: str, hint: str = "", where: Iterable[Place] = ()) -> None:
        message = cut(message, _LONGEST_MESSAGE)
        super().__init__(message)
        self.message = message
        self.hint = cut(hint, _LONGEST_MESSAGE)
        self.where = tuple(where)


class UsageError(VoicectlError):
    """The command line asks for something that makes no sense."""

    code = "usage"


class ProjectNotFound(VoicectlError):
    """There is no `voicectl.yaml` here or above."""

    code = "no_project"


class InvalidFiles(VoicectlError):
    """Files of the project hold errors. `problems` is sorted by file and line and includes warnings."""

    code = "invalid_files"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        errors = [p for p in self.problems if p.level == "error"]
        count = counted(len(errors), "problem")
        super().__init__(f"{count} in the project's files", where=[p.place for p in errors])


class StateError(VoicectlError):
    """The lockfile can't be used as it is; nothing remote was touched."""

    code = "state_invalid"


class StateNotSaved(StateError):
    """The state could not be written. `unsaved` names ids that the lockfile does not hold."""

    code = "state_not_saved"


class ApplyFailed(VoicectlError):
    """An apply ended, and at least one voice is not as planned."""

    code = "apply_failed"


class Refused(VoicectlError):
    """A guard stopped the whole run; a person must decide."""

    code = "refused"
    exit_code = 3


class NotConfirmed(Refused):
    """Nobody confirmed, or nobody could be asked."""

    code = "not_confirmed"


class TryAgain(VoicectlError):
    """Nothing is wrong with the input: another run is at work, or the plan is stale."""

    code = "try_again"
    exit_code = 4


class StateLocked(TryAgain):
    """Another run holds the lock of this state."""

    code = "state_locked"


class StateConflict(TryAgain):
    """The state was saved by another run since it was loaded."""

    code = "state_conflict"


class Interrupted(VoicectlError):
    """The user or CI asked the run to stop."""

    code = "interrupted"
    exit_code = 130
