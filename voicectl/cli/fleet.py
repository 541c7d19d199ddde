"""Many catalogs at once: every project and environment under a directory, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from voicectl.errors import UsageError, cut
from voicectl.files import read_regular
from voicectl.manifest import yaml_source
from voicectl.manifest.discover import PROJECT_FILE
from voicectl.manifest.project import default_state, state_path
from voicectl.manifest.schema import DEFAULT_STATE

_MAX_DEPTH = 12
_WORST = (0, 2, 4, 3, 1)
"""Exit codes, the worst last (130 counts as 1)."""
_TIMEOUT = 3600.0
COMMAND = [sys.executable, "-P", "-m", "voicectl"]
"""What each run starts. Without -P, it would import what lies in the current directory, as a checkout's files do."""


@dataclass(frozen=True, slots=True)
class Member:
    """One catalog of a fleet: its project's directory below the root, its environment, and what is wrong with it.

    `state` is its lockfile's path in the project, as far as the project file can be read.
    """

    directory: str
    catalog: str
    environment: str | None = None
    state: str = DEFAULT_STATE
    error: str = ""

    @property
    def namespace(self) -> str:
        """`acme`, or `acme.staging` with an environment."""
        return f"{self.catalog}.{self.environment}" if self.environment else self.catalog


@dataclass(frozen=True, slots=True)
class Answer:
    """What one run answered: its exit code, and its document (an error's, where it failed)."""

    member: Member
    code: int
    document: dict[str, Any]

    @property
    def error(self) -> str:
        """Why it failed, with what to do; empty where it did not. Of several problems in files, the first."""
        found = self.document.get("error")
        if not isinstance(found, dict):
            return ""
        problems = [each for each in found.get("problems", ()) if each["level"] == "error"]
        if not problems:
            return _sentence(found)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        first = problems[0]
        return f"{first['file']}:{first['line']}:{first['column']}: {_sentence(first)}{more}"


def _sentence(found: Mapping[str, Any]) -> str:
    return "; ".join(str(found[key]) for key in ("message", "hint") if found.get(key))


def members(root: Path) -> list[Member]:
    """Every project and environment under a directory, by directory. A project that can't be read is one member.

    Hidden directories are skipped, and links are not followed. Raises UsageError where there is no project.
    """
    found = [member for directory in _projects(root) for member in _of_project(root, directory)]
    if not found:
        raise UsageError(f"there is no {PROJECT_FILE} under {root}", "name the repository with --root DIR")
    users = Counter(member.namespace for member in found)
    return [
        replace(m, error=f"another project has the catalog {m.namespace}, too: both would own the same marks")
        if users[m.namespace] > 1
        else m
        for m in found
    ]


def _projects(root: Path) -> Iterator[Path]:
    top = root.resolve()
    for directory, below, files in os.walk(top):
        depth = len(Path(directory).relative_to(top).parts)
        below[:] = sorted(name for name in below if not name.startswith(".") and depth < _MAX_DEPTH)
        if PROJECT_FILE in files:
            yield Path(directory)


def _of_project(root: Path, directory: Path) -> Iterator[Member]:
    place = directory.relative_to(root.resolve()).as_posix()
    try:
        data = read_regular(directory / PROJECT_FILE, yaml_source.MAX_BYTES)
        document, _ = yaml_source.parse(PROJECT_FILE, data)
    except OSError:
        document = None
    values = document.data if document is not None and isinstance(document.data, dict) else {}
    catalog, environments, given = (values.get(key) for key in ("catalog", "environments", "state"))
    name = catalog if isinstance(catalog, str) else place
    state = given if isinstance(given, str) else default_state(values.get("provider"))
    if isinstance(environments, dict) and environments:
        for environment in sorted(map(str, environments)):
            yield Member(place, name, environment, state_path(state, environment))
    else:
        yield Member(place, name, state=state_path(state, None))


def run_all(root: Path, fleet: Sequence[Member], arguments: Sequence[str], jobs: int) -> list[Answer]:
    """Run a command on every catalog, several at once, each in a process of its own; the answers in the same order."""
    with ThreadPoolExecutor(max_workers=max(1, min(jobs, len(fleet)))) as pool:
        return list(pool.map(lambda member: _run(root, member, arguments), fleet))


def _run(root: Path, member: Member, arguments: Sequence[str]) -> Answer:
    chosen = ["--env", member.environment] if member.environment else []
    command = [*COMMAND, "-C", str(root / member.directory), *chosen, "-q", *arguments]
    environ = {key: value for key, value in os.environ.items() if key not in ("VOICECTL_ENV", "VOICECTL_CHDIR")}
    try:
        done = subprocess.run(
            [*command, "--format", "json"], capture_output=True, env=environ, timeout=_TIMEOUT, check=False
        )
        document = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return Answer(member, 1, _failure(f"it took longer than {_TIMEOUT / 60:.0f} minutes"))
    except ValueError:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return Answer(member, done.returncode or 1, _failure(cut(words[0] if words else "it gave no answer")))
    if not isinstance(document, dict):
        return Answer(member, done.returncode or 1, _failure("it gave no answer"))
    return Answer(member, done.returncode, document)


def _failure(words: str) -> dict[str, Any]:
    return {"error": {"code": "fleet", "message": words, "hint": "run it alone to see more"}}


def worst(codes: Iterable[int]) -> int:
    """The exit code of all together: 1, then 3, 4, 2, 0."""
    return max((code if code in _WORST else 1 for code in codes), key=_WORST.index, default=0)
