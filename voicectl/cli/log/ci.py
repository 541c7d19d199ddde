"""What a CI gets in addition: lines that it can fold, and annotations at files of the repository.

GitHub Actions reads commands on both streams (actions/runner, Handlers/ScriptHandler.cs: an OutputManager for
each), GitLab's job log understands markers of sections (docs.gitlab.com, "Custom collapsible sections").
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable

from voicectl.cli import printing
from voicectl.cli.context import Context
from voicectl.errors import Place, Problem, VoicectlError
from voicectl.model.catalog import Catalog
from voicectl.plan.plan import ApplyResult, Plan
from voicectl.redaction import redacted
from voicectl.report.escape import github
from voicectl.report.files_text import annotation

MOST = 10
"""Annotations of a level that GitHub shows for a step; we only count the others."""
_SUMS_UP = ("invalid_files", "refused", "apply_failed")
"""Codes of errors that may only sum up what was annotated one by one."""


class Ci:
    """A CI that we don't know: nothing is added. Subclasses override what theirs understands."""

    def fold(self, title: str) -> None:
        """The CI may fold what follows."""

    def unfold(self) -> None:
        """The fold ends here. Without a `fold` before it, do nothing."""

    def problems(self, found: Iterable[Problem]) -> None:
        """Problems of files, each at its place."""

    def annotated(self, found: Iterable[Problem]) -> None:
        """Problems that already have an annotation."""

    def plan(self, plan: Plan, catalog: Catalog) -> None:
        """Refusals, and warnings about a line in a manifest."""

    def applied(self, applied: ApplyResult, catalog: Catalog) -> None:
        """Voices that are not as planned."""

    def failure(self, error: VoicectlError) -> None:
        """What ends the run, unless annotations say all of it already."""

    def end(self) -> None:
        """Nothing follows."""


class GithubWorkflow(Ci):
    """Workflow commands (docs.github.com, "Workflow commands for GitHub Actions"), each problem once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._folded = False
        self._told: set[tuple[str, Place | None]] = set()
        self._messages: set[str] = set()
        self._count: Counter[str] = Counter()

    def fold(self, title: str) -> None:
        printing.err(f"::group::{github(title)}")
        self._folded = True

    def unfold(self) -> None:
        if self._folded:
            self._folded = False
            printing.err("::endgroup::")

    def problems(self, found: Iterable[Problem]) -> None:
        for problem in found:
            self._annotate(problem.level, problem.message, problem.hint, problem.place)

    def annotated(self, found: Iterable[Problem]) -> None:
        for problem in found:
            self._told.add((problem.message, problem.place))
            self._count[problem.level] += 0  # so that `failure` need not sum them up, and our ten are still free

    def plan(self, plan: Plan, catalog: Catalog) -> None:
        for notice in plan.refusals:
            self._annotate("error", notice.message, notice.hint, _place(notice.voices, catalog))
        for notice in plan.warnings:
            if place := _place(notice.voices, catalog):
                self._annotate("warning", notice.message, notice.hint, place)
        for change in plan.changes:
            for words in change.warnings if change.source else ():
                place = Place(change.source.file, change.source.line) if change.source else None
                self._annotate("warning", words, "", place, f"{change.name}: ")

    def applied(self, applied: ApplyResult, catalog: Catalog) -> None:
        for result in applied.results:
            if result.status == "failed":
                name = result.change.name
                about = f"{name}: {result.change.action} failed: "
                self._annotate("error", result.message, result.hint, _place((name,), catalog), about)
        for left in applied.leftovers:
            self._annotate("error", left.message, "", _place((left.name,), catalog), f"{left.name}: ")

    def failure(self, error: VoicectlError) -> None:
        summary = error.code in _SUMS_UP and "error" in self._count
        if not summary and error.message not in self._messages:
            self._annotate("error", error.message, error.hint, next(iter(error.where), None))

    def end(self) -> None:
        """Say how many annotations were left out, at a level of its own: `notice`."""
        more = {level: count - MOST for level, count in self._count.items() if count > MOST}
        if more:
            counts = (f"{n} more {level}{'' if n == 1 else 's'}" for level, n in sorted(more.items()))
            printing.err(annotation("notice", f"not annotated, but in the log: {' and '.join(counts)}"))

    def _annotate(self, level: str, message: str, hint: str, place: Place | None, about: str = "") -> None:
        key = (about + message, place)
        if key in self._told:
            return
        self._told.add(key)
        self._messages.add(message)
        self._count[level] += 1
        if self._count[level] <= MOST:
            words = redacted(about + message + (f"; {hint}" if hint else ""))
            printing.err(annotation(level, words, place, self._prefix() if place else ""))

    def _prefix(self) -> str:
        from voicectl.cli import wiring
        from voicectl.manifest.project import find_project

        try:
            return wiring.repository_prefix(find_project(chdir=self._context.chdir))
        except VoicectlError:
            return ""  # the file belongs to no project


class GitlabJob(Ci):
    """Sections of a job log. Each name must be unique in it."""

    def __init__(self, section: str, clock: Callable[[], float] = time.time) -> None:
        self._section = section
        self._clock = clock
        self._folded = False

    def fold(self, title: str) -> None:
        printing.err(self._marker("start") + github(title))
        self._folded = True

    def unfold(self) -> None:
        if self._folded:
            self._folded = False
            printing.err(self._marker("end"))

    def _marker(self, what: str) -> str:
        return f"\x1b[0Ksection_{what}:{int(self._clock())}:{self._section}\r\x1b[0K"


def _place(names: Iterable[str], catalog: Catalog) -> Place | None:
    """Where a manifest declares the first of these voices that it has."""
    return next((catalog.voices[name].source for name in names if name in catalog.voices), None)


def recognised(context: Context) -> Ci:
    """The CI that the environment shows."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return GithubWorkflow(context)
    if os.environ.get("GITLAB_CI") == "true":
        return GitlabJob(f"voicectl_{context.run}")
    return Ci()
