"""Manifests -> the catalog: read, collect, check, read the files they name, resolve."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from voicectl.audio.kinds import medium
from voicectl.errors import Place, Problem
from voicectl.files import read_regular
from voicectl.manifest import checks, validate, yaml_source
from voicectl.manifest.former_names import resolve_moves, resolve_removals
from voicectl.manifest.hashing import FileCache
from voicectl.manifest.layers import Declared, Manifest, resolve_voice
from voicectl.manifest.paths import PathRefused, ProjectPaths
from voicectl.manifest.problems import Problems
from voicectl.manifest.project import Project
from voicectl.manifest.sample_rules import header_problems
from voicectl.manifest.samples import FileReader, NamedFiles, find_files
from voicectl.manifest.schema import ManifestFile
from voicectl.model.catalog import Catalog
from voicectl.model.voice import Voice


def assemble(
    project: Project,
    files: Sequence[str],
    paths: ProjectPaths,
    problems: Problems,
    *,
    read_samples: bool,
    instead: Mapping[str, bytes],
) -> Catalog:
    """The catalog that the manifests `files` want in the project's environment, as far as they can be read.

    Texts in `instead` replace files of these paths. Errors and warnings go into `problems`. `paths` judges every file
    that is read, and remembers it.
    """
    read = (_read_manifest(file, paths, problems, instead.get(file)) for file in files)
    manifests = [manifest for manifest in read if manifest is not None]
    voices = _collect(project, manifests, problems)
    removed = resolve_removals(manifests, voices, problems)
    moved = resolve_moves(manifests, voices, removed, problems)
    here = _in_environment(voices, project.environment)
    _check(project, voices, here, problems)
    resolved, lint = _resolve(project, here, paths, problems) if read_samples else (_resolve_unread(here), ())
    names = {voice.name for voice in resolved}
    return Catalog(
        name=project.catalog,
        environment=project.environment,
        voices={voice.name: voice for voice in resolved},
        moved=tuple(move for move in moved if move.new in names),
        removed=removed,
        retain=project.retain,
        policy=project.policy,
        warnings=problems.warnings,
        lint=lint,
    )


def _read_manifest(file: str, paths: ProjectPaths, problems: Problems, content: bytes | None = None) -> Manifest | None:
    try:
        if content is None:
            content = read_regular(paths.absolute(paths.file(file)), yaml_source.MAX_BYTES)
    except PathRefused as error:
        problems.error(Place(file), error.message, error.hint)
        return None
    except OSError as error:
        problems.error(Place(file), f"can't be read ({error.strerror})", "check its permissions")
        return None
    document, found = yaml_source.parse(file, content)
    if document is None:
        if what := medium(content):
            problems.error(Place(file), f"this is {what}, not YAML text", "narrow `manifests:` in voicectl.yaml")
        else:
            problems.found += found
        return None
    problems.found += found
    data = document.data
    if data is None:
        problems.error(Place(file), "the manifest is empty", "add `voices:`, or delete the file")
        return None
    if isinstance(data, dict):
        # `voices:` without a value is fine: somebody may have commented out all of its entries.
        data = {key: value for key, value in data.items() if value is not None or key not in _LISTS}
    entries, broken = validate.read(ManifestFile, document, data, problems)
    return Manifest(document, entries, broken, posixpath.dirname(file))


_LISTS = ("voices", "moved", "removed")


def _collect(project: Project, manifests: Sequence[Manifest], problems: Problems) -> dict[str, Declared]:
    """The voices of all manifests by name. Reports a name that two voices share."""
    voices: dict[str, Declared] = {}
    for manifest in manifests:
        for name, entry in manifest.content.voices.items():
            declared = Declared(name, manifest, entry, project)
            if name in voices:
                message = f"voice {name!r} is already in {voices[name].place}"
                problems.error(declared.place, message, "give one of them another name, or delete it")
            else:
                voices[name] = declared
    return voices


def _in_environment(voices: dict[str, Declared], environment: str | None) -> list[Declared]:
    """The voices of this environment, sorted by name."""
    return [
        voice
        for _, voice in sorted(voices.items())
        if environment is None or not voice.entry.environments or environment in voice.entry.environments
    ]


def _check(project: Project, voices: dict[str, Declared], here: Sequence[Declared], problems: Problems) -> None:
    # A typing error in `environments:` would hide the voice from every environment, so these two look at all voices.
    for voice in voices.values():
        checks.check_environments(voice, problems)
    checks.check_overrides(project, voices, problems)
    checks.check_models(project, here, problems)
    for voice in here:
        checks.check_voice(voice, problems)


def _resolve(
    project: Project, here: Sequence[Declared], paths: ProjectPaths, problems: Problems
) -> tuple[list[Voice], tuple[Problem, ...]]:
    """The voices, and what the rules say of their samples' headers."""
    named = [find_files(voice, paths, problems) for voice in here]
    reader = FileReader(FileCache(project.root), project.policy.min_sample_seconds, problems)
    reader.read(named)
    voices = [_finish(voice, files, reader) for voice, files in zip(here, named, strict=True)]
    return voices, header_problems(voices, reader.kind_of, project.policy.lint)


def _finish(voice: Declared, files: NamedFiles, reader: FileReader) -> Voice:
    return resolve_voice(voice, reader.samples(files), reader.cover(files))


def _resolve_unread(here: Sequence[Declared]) -> list[Voice]:
    return [resolve_voice(voice, (), None) for voice in here]
