"""From files to the desired state: the project file, the manifests it means, and what they want."""

from __future__ import annotations

import time
from pathlib import Path

from voicectl.errors import Place
from voicectl.manifest.discover import PROJECT_FILE, find_manifests, refusal
from voicectl.manifest.paths import ProjectPaths
from voicectl.manifest.problems import Problems
from voicectl.manifest.project import Project, read_project
from voicectl.manifest.snapshot import Origins, Snapshot
from voicectl.model.catalog import Catalog


def load_catalog(project: Project, *, read_samples: bool = True) -> Catalog:
    """What the manifests want in the project's environment.

    InvalidFiles with all problems of the manifests, sorted by place; warnings are in the catalog.
    With `read_samples` False no sample, transcript or cover is opened or looked for: voices have
    no samples, no inputs and no cover then, whatever their manifests say.
    """
    problems = Problems()
    catalog = _load(project, problems, read_samples)
    problems.refuse()
    return catalog


def load_all(directory: Path, environment: str | None, *, read_samples: bool = True) -> tuple[Project, Catalog]:
    """`load_project` and `load_catalog` in one: InvalidFiles has the problems of all files at once."""
    project, problems = read_project(directory, environment)
    catalog = _load(project, problems, read_samples)
    problems.refuse()
    return project, catalog


def _load(project: Project, problems: Problems, read_samples: bool) -> Catalog:
    files = _find_manifests(project, problems)
    began = time.time_ns()
    snapshot = Snapshot(project.root, project.environment)
    known = snapshot.load(files) if read_samples and not problems.found else None
    if known is not None:
        return known
    # Half of what `plan` would import is for reading manifests, and a snapshot spares it.
    from voicectl.manifest.assemble import assemble

    paths = ProjectPaths(project.root)
    paths.file(PROJECT_FILE)
    catalog = assemble(project, files, paths, problems, read_samples=read_samples)
    if read_samples and not problems.has_errors:
        snapshot.save(catalog, Origins(files, frozenset(paths.files), paths.resolved), began)
    return catalog


def _find_manifests(project: Project, problems: Problems) -> list[str]:
    patterns = [pattern for pattern in project.manifests if not refusal(pattern)]
    files, closed = find_manifests(project.root, patterns)
    for directory in closed:
        problems.error(Place(directory), "this directory can't be listed", "check its permissions")
    if not files and not closed and patterns:
        place = project.document.value(("manifests",))
        hint = "add a manifest, or correct `manifests:`"
        problems.error(place, f"no file matches {', '.join(patterns)}", hint)
    return files
