"""`voicectl import`: a manifest for each model that exists already."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voicectl.cli import printing, wiring
from voicectl.cli.context import Context
from voicectl.cli.options import directories, subcommand
from voicectl.cli.writing import check_found, inside, manifest_directory, refused, sift, write_all
from voicectl.errors import UsageError, counted
from voicectl.files import Rewriting
from voicectl.model import names

if TYPE_CHECKING:
    from voicectl.manifest.project import Project
    from voicectl.plan.imports import Import


def _pair(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for value in values:
        name, _, model_id = value.partition("=")
        if not re.fullmatch(names.VOICE, name) or not re.fullmatch(names.MODEL_ID, model_id):
            raise click.BadParameter(f"{value!r} is not NAME=ID, with an id of 32 characters of 0-9 and a-f.")
        if name in pairs:
            raise click.BadParameter(f"{name!r} is given twice.")
        pairs[name] = model_id
    return pairs


@subcommand(name="import", help="Write manifests for existing models. The next plan adopts them.")
@click.argument("models", metavar="NAME=ID…", nargs=-1, callback=_pair)
@click.option("--all", "everything", is_flag=True, help="All models of the account that no manifest claims.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    shell_complete=directories,
    help="Where to write. Default: beside the other manifests.",
)
@click.pass_obj
def command(context: Context, /, models: dict[str, str], everything: bool, out: Path | None) -> int:
    if everything == bool(models):
        raise UsageError("name models as NAME=ID, or ask for --all", "`voicectl drift --unmanaged` lists them")
    run(context, None if everything else models, out)
    return 0


def run(context: Context, wanted: Mapping[str, str] | None, out: Path | None) -> None:
    """Write a manifest for each model. Raises NotImportable or UsageError before it writes anything.

    With `wanted` None it imports all models, leaves out those that no manifest can describe, and raises NotImportable
    at the end.
    """
    from voicectl.engine.plan import find_imports
    from voicectl.plan.imports import NotImportable

    # An import may be the beginning of a project, so it needs no manifests.
    project, catalog = wiring.load(context, read_samples=False, may_be_empty=True)
    directory = manifest_directory(project) if out is None else inside(project, context, out, "--out")
    store, identity = wiring.store(project), wiring.identity(project)

    async def find() -> list[Import]:
        async with wiring.provider(project, context.log.reading()) as provider:
            return await find_imports(catalog, store, identity, provider, wanted, project.claimed)

    imports = wiring.run(find())
    if not imports:
        printing.out("Nothing to import: every model of the account is claimed.\n")
        return

    def wrong(some: Sequence[Import]) -> str:
        try:
            files, _ = _files(project, directory, some)
        except NotImportable as error:
            return error.message
        problem = refused(context, files, read_samples=False)
        return f"the project would be invalid with it: {problem}" if problem else ""

    good, bad = sift(imports, wrong) if wanted is None else (imports, [])
    files, remarks = _files(project, directory, good)
    if good and (problem := wrong(good)):
        raise UsageError(problem.replace("with it", "with these", 1), "nothing was written")
    if good:
        _write(project.root, files)
    for path in sorted(files if good else ()):
        context.log.note(f"wrote {path}")
    for remark in (*remarks, *(f"{each.name} ({each.model.id}) is left out: {reason}" for each, reason in bad)):
        context.log.warning(remark)
    if good:
        printing.out(f"{counted(len(good), 'model')} imported. Next: voicectl plan shows what adopting them does.\n")
    if bad:
        raise NotImportable(
            f"{', '.join(each.model.id for each, _ in bad)} can't be imported: {bad[0][1]}",
            "correct that in the account, such as a title, then run `voicectl import --all` again",
        )


def _files(project: Project, directory: str, imports: Sequence[Import]) -> tuple[dict[str, str], list[str]]:
    """The text of each file by its path, and remarks. Raises UsageError if no glob would find a file."""
    from voicectl.files import read_regular
    from voicectl.manifest.discover import PROJECT_FILE
    from voicectl.manifest.editing import CannotEdit, manifest_text, with_models
    from voicectl.manifest.yaml_source import MAX_BYTES
    from voicectl.plan.imports import NotImportable

    files, remarks = {}, []
    for each in imports:
        path = os.path.normpath(os.path.join(directory, f"{each.name}.yaml")).replace(os.sep, "/")
        check_found(project, path, "--out")
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
    """Write all files, and overwrite no manifest. Raises UsageError before it writes anything."""
    from voicectl.manifest.discover import PROJECT_FILE

    there = sorted(path for path in files if path != PROJECT_FILE and (root / path).exists())
    if there:
        raise UsageError(f"{', '.join(there)} exists already", "nothing was written; choose other names, or --out DIR")
    write_all(Rewriting(root), files)
