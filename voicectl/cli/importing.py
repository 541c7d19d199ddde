"""What `import` does: from models to files, all of them or none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from voicectl.cli import printing, running, wiring
from voicectl.cli.settings import Globals
from voicectl.engine.importing import find_imports
from voicectl.errors import InvalidFiles, UsageError
from voicectl.files import Rewriting
from voicectl.manifest.discover import PROJECT_FILE, find_manifests, fixed_part, matches
from voicectl.manifest.project import Project
from voicectl.manifest.writing import manifest_text, with_models
from voicectl.manifest.yaml_source import MAX_BYTES
from voicectl.model.catalog import Catalog
from voicectl.plan.importing import Import
from voicectl.regular_file import read_regular


def run(settings: Globals, wanted: Mapping[str, str] | None, out: Path | None) -> None:
    """Write a manifest for each model. Raises NotImportable or UsageError before anything is written."""
    project, catalog = _load(settings)
    directory = _directory(project, settings, out)
    store, identity = wiring.store(project), wiring.identity(project)

    async def find() -> list[Import]:
        async with wiring.provider(project, settings.log.reading()) as provider:
            return await find_imports(catalog, store, identity, provider, wanted, project.claimed)

    imports = running.run(find())
    if not imports:
        printing.out("Nothing to import: every model of the account is claimed.\n")
        return
    files, remarks = _files(project, directory, imports)
    written = _write(project.root, files)
    try:
        wiring.load(settings, read_samples=False)
    except InvalidFiles as error:
        written.undo()
        problem = next(each for each in error.problems if each.level == "error")
        raise UsageError(f"with these the project would be invalid: {problem}", "nothing was written") from None
    for path in sorted(files):
        settings.log.note(f"wrote {path}")
    for remark in remarks:
        settings.log.warning(remark)
    count = len(imports)
    printing.out(
        f"{count} model{'' if count == 1 else 's'} imported. Next: voicectl plan shows what adopting them does.\n"
    )


def _load(settings: Globals) -> tuple[Project, Catalog]:
    """The project and its manifests; a project that has none yet is where an import begins."""
    try:
        return wiring.load(settings, read_samples=False)
    except InvalidFiles:
        project = wiring.project(settings)
        if any(find_manifests(project.root, project.manifests)):
            raise
        return project, Catalog(project.catalog, project.environment)


def _directory(project: Project, settings: Globals, out: Path | None) -> str:
    """Where manifests go, relative to the project. Raises UsageError where no glob would find them."""
    if out is None:
        pattern = project.manifests[0].split("/")
        return fixed_part(pattern) or "."
    try:
        return settings.path(out).resolve().relative_to(project.root).as_posix()
    except ValueError:
        raise UsageError(f"--out {out} is outside the project", "name a directory in it") from None


def _files(project: Project, directory: str, imports: list[Import]) -> tuple[dict[str, str], list[str]]:
    files, remarks = {}, []
    for each in imports:
        path = os.path.normpath(os.path.join(directory, f"{each.name}.yaml")).replace(os.sep, "/")
        if not any(matches(pattern, path) for pattern in project.manifests):
            raise UsageError(
                f"{path} would match none of the globs under `manifests:`, so no plan would see it",
                "choose another directory with --out, or add a glob",
            )
        files[path], found = manifest_text(each.name, each.model, project.environment, project.title_suffix)
        remarks += found
    if project.environment:
        text = read_regular((project.root / PROJECT_FILE).resolve(), MAX_BYTES).decode()
        models = {each.name: each.model.id for each in imports}
        files[PROJECT_FILE] = with_models(text, project.environment, models)
    return files, remarks


def _write(root: Path, files: Mapping[str, str]) -> Rewriting:
    """Write them all; an existing manifest is never overwritten. Raises UsageError before anything is written."""
    there = sorted(path for path in files if path != PROJECT_FILE and (root / path).exists())
    if there:
        raise UsageError(f"{', '.join(there)} exists already", "nothing was written; choose other names, or --out DIR")
    written = Rewriting(root)
    write_all(written, files)
    return written


def write_all(written: Rewriting, texts: Mapping[str, str]) -> None:
    """Write these files. Raises UsageError where one can't be; then all are as they were."""
    try:
        written.write({path: text.encode() for path, text in texts.items()})
    except OSError as error:
        raise UsageError(
            f"{error.filename} can't be written: {error.strerror}", "nothing was changed; check its permissions"
        ) from error
