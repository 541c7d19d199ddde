"""What `import` does: from models to files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from voicectl.cli import printing, running, wiring
from voicectl.cli.context import Globals
from voicectl.cli.sifting import refused, sift
from voicectl.engine.importing import find_imports
from voicectl.errors import UsageError
from voicectl.files import Rewriting, read_regular
from voicectl.manifest.discover import PROJECT_FILE, fixed_part, matches
from voicectl.manifest.editing import CannotEdit, manifest_text, with_models
from voicectl.manifest.project import Project
from voicectl.manifest.yaml_source import MAX_BYTES
from voicectl.plan.imports import Import, NotImportable


def run(settings: Globals, wanted: Mapping[str, str] | None, out: Path | None) -> None:
    """Write a manifest for each model. Raises NotImportable or UsageError before anything is written.

    Of all models (`wanted` is None) those that no manifest can describe are left out; raises NotImportable then, at
    the end.
    """
    # A project that has no manifest yet is where an import begins.
    project, catalog = wiring.load(settings, read_samples=False, may_be_empty=True)
    directory = _directory(project, settings, out)
    store, identity = wiring.store(project), wiring.identity(project)

    async def find() -> list[Import]:
        async with wiring.provider(project, settings.log.reading()) as provider:
            return await find_imports(catalog, store, identity, provider, wanted, project.claimed)

    imports = running.run(find())
    if not imports:
        printing.out("Nothing to import: every model of the account is claimed.\n")
        return

    def wrong(some: Sequence[Import]) -> str:
        try:
            files, _ = _files(project, directory, some)
        except NotImportable as error:
            return error.message
        problem = refused(settings, files, read_samples=False)
        return f"the project would be invalid with it: {problem}" if problem else ""

    good, bad = sift(imports, wrong) if wanted is None else (imports, [])
    files, remarks = _files(project, directory, good)
    if good and (problem := wrong(good)):
        raise UsageError(problem.replace("with it", "with these", 1), "nothing was written")
    if good:
        _write(project.root, files)
    for path in sorted(files if good else ()):
        settings.log.note(f"wrote {path}")
    for remark in (*remarks, *(f"{each.name} ({each.model.id}) is left out: {reason}" for each, reason in bad)):
        settings.log.warning(remark)
    count = len(good)
    if good:
        models = f"{count} model{'' if count == 1 else 's'}"
        printing.out(f"{models} imported. Next: voicectl plan shows what adopting them does.\n")
    if bad:
        raise NotImportable(
            f"{', '.join(each.model.id for each, _ in bad)} can't be imported: {bad[0][1]}",
            "correct what it names (a title in the account), then run `voicectl import --all` again",
        )


def _directory(project: Project, settings: Globals, out: Path | None) -> str:
    """Where manifests go, relative to the project. Raises UsageError where no glob would find them."""
    if out is None:
        pattern = project.manifests[0].split("/")
        return fixed_part(pattern) or "."
    try:
        return settings.path(out).resolve().relative_to(project.root).as_posix()
    except ValueError:
        raise UsageError(f"--out {out} is outside the project", "name a directory in it") from None


def _files(project: Project, directory: str, imports: Sequence[Import]) -> tuple[dict[str, str], list[str]]:
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
        try:
            files[PROJECT_FILE] = with_models(text, project.environment, models)
        except CannotEdit as error:
            raise NotImportable(
                f"{PROJECT_FILE} can't be edited so that only these values change: {error}",
                f"write the ids under environments.{project.environment}.voices by hand",
            ) from None
    return files, remarks


def _write(root: Path, files: Mapping[str, str]) -> None:
    """Write them all; an existing manifest is never overwritten. Raises UsageError before anything is written."""
    there = sorted(path for path in files if path != PROJECT_FILE and (root / path).exists())
    if there:
        raise UsageError(f"{', '.join(there)} exists already", "nothing was written; choose other names, or --out DIR")
    write_all(Rewriting(root), files)


def write_all(written: Rewriting, texts: Mapping[str, str]) -> None:
    """Write these files. Raises UsageError where one can't be; then all are as they were."""
    try:
        written.write({path: text.encode() for path, text in texts.items()})
    except OSError as error:
        raise UsageError(
            f"{error.filename} can't be written: {error.strerror}", "nothing was changed; check its permissions"
        ) from error
