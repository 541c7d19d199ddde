"""From files to the desired state: the project file, the manifests it means, and what they want."""

from __future__ import annotations

import os
import time
from pathlib import Path

from voicectl.errors import Place
from voicectl.manifest import discover
from voicectl.manifest.discover import PROJECT_FILE
from voicectl.manifest.paths import ProjectPaths
from voicectl.manifest.problems import Problems
from voicectl.manifest.project import Project, read_project
from voicectl.manifest.snapshot import Origins, Snapshot
from voicectl.manifest.stamps import stamp
from voicectl.model.catalog import Catalog


def load_all(directory: Path, environment: str | None, *, read_samples: bool = True) -> tuple[Project, Catalog]:
    """The project in `directory`, and what its manifests want in this environment.

    ProjectNotFound, UsageError (see `load_project`); InvalidFiles with the problems of all files at once, sorted
    by place; warnings are in the catalog. With `read_samples` False no sample, transcript or cover is opened or
    looked for: voices have no samples, no inputs and no cover then, whatever their manifests say.
    """
    began = time.time_ns()
    path = os.path.join(directory.resolve(), PROJECT_FILE)
    before = None if os.path.islink(path) else stamp(path)
    project, problems = read_project(directory, environment)
    files = _find_manifests(project, problems)
    snapshot = Snapshot(project.root, project.environment)
    known = snapshot.load(files) if read_samples and not problems.found else None
    if known is not None:
        return project, known
    # Half of what `plan` would import is for reading manifests, and a snapshot spares it.
    from voicectl.manifest.assemble import assemble

    paths = ProjectPaths(project.root)
    catalog = assemble(project, files, paths, problems, read_samples=read_samples)
    problems.refuse()
    if read_samples and before is not None:
        snapshot.save(catalog, Origins(files, {**paths.files, PROJECT_FILE: before}, paths.resolved), began)
    return project, catalog


def _find_manifests(project: Project, problems: Problems) -> list[str]:
    patterns = [pattern for pattern in project.manifests if not discover.refusal(pattern)]
    files, closed, links = discover.find_manifests(project.root, patterns)
    for directory in closed:
        problems.error(Place(directory), "this directory can't be listed", "check its permissions")
    for link in links:
        # Passing over it in silence could retire every voice behind it.
        hint = "put the directory here, or its own path into `manifests:`"
        problems.error(Place(link), "this is a link to a directory, and such links are not followed", hint)
    if not files and not closed and patterns:
        place = project.document.value(("manifests",))
        hint = "add a manifest, or correct `manifests:`"
        problems.error(place, f"no file matches {', '.join(patterns)}", hint)
    return files
