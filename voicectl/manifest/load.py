"""From files to the desired state: the project file, its manifests, and the catalog they describe."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Set
from pathlib import Path

from voicectl.errors import Place
from voicectl.manifest import discover
from voicectl.manifest.discover import PROJECT_FILE
from voicectl.manifest.hashing import stamp
from voicectl.manifest.paths import ProjectPaths
from voicectl.manifest.problems import Problems
from voicectl.manifest.project import Project, read_project
from voicectl.manifest.snapshot import Origins, Snapshot
from voicectl.model.catalog import Catalog


def load_all(
    directory: Path,
    environment: str | None,
    *,
    read_samples: bool = True,
    instead: Mapping[str, bytes] | None = None,
    may_be_empty: bool = False,
) -> tuple[Project, Catalog]:
    """The project in `directory`, and what its manifests want in this environment.

    With `read_samples` False it opens no sample, transcript or cover, and voices come without samples, inputs and
    cover. `instead` maps paths of the project file and of manifests to texts that replace the files there, or join
    them. With `may_be_empty` a project may have no manifest yet, which is otherwise an error. Warnings are in the
    catalog. Raises ProjectNotFound, UsageError (like `load_project`), and InvalidFiles with the problems of all files,
    sorted by place.
    """
    texts = instead or {}
    began = time.time_ns()
    path = os.path.join(directory.resolve(), PROJECT_FILE)
    before = None if os.path.islink(path) else stamp(path)
    project, problems = read_project(directory, environment, texts)
    files = _find_manifests(project, problems, {*texts} - {PROJECT_FILE}, may_be_empty=may_be_empty)
    snapshot = Snapshot(project.root, project.environment)
    known = snapshot.load(files) if read_samples and not texts and not problems.found else None
    if known is not None:
        return project, known
    # Half of what `plan` imports serves the reading of manifests. A snapshot spares it, so it is imported late.
    from voicectl.manifest.assemble import assemble

    paths = ProjectPaths(project.root)
    catalog = assemble(project, files, paths, problems, read_samples=read_samples, instead=texts)
    problems.refuse()
    if read_samples and not texts and before is not None and not problems.passing:
        snapshot.save(catalog, Origins(files, {**paths.files, PROJECT_FILE: before}, paths.resolved), began)
    return project, catalog


def _find_manifests(project: Project, problems: Problems, more: Set[str], *, may_be_empty: bool) -> list[str]:
    patterns = [pattern for pattern in project.manifests if not discover.refusal(pattern)]
    files, closed, links = discover.find_manifests(project.root, patterns)
    for directory in closed:
        problems.error(Place(directory), "this directory can't be listed", "check its permissions")
    for link in links:
        # Skipping the link silently could retire every voice behind it.
        hint = "put the directory here, or its own path into `manifests:`"
        problems.error(Place(link), "this is a link to a directory, and such links are not followed", hint)
    files = sorted({*files, *more})
    if not files and not closed and patterns and not may_be_empty:
        place = project.document.value(("manifests",))
        hint = "add a manifest, or correct `manifests:`; `voicectl destroy` ends a catalog and deletes its models"
        problems.error(place, f"no file matches {', '.join(patterns)}", hint)
    return files
