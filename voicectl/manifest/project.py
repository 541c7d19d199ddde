"""The project file: where a catalog is kept, and what holds for all of its voices."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Literal

from voicectl.errors import Place, ProjectNotFound, UsageError
from voicectl.files import read_regular
from voicectl.manifest import discover, validate, yaml_source
from voicectl.manifest.discover import PROJECT_FILE
from voicectl.manifest.paths import PathRefused, ProjectPaths
from voicectl.manifest.problems import Problems, did_you_mean, shown
from voicectl.manifest.rule_schemas import read_rules
from voicectl.manifest.schema import DEFAULT_STATE, EMULATOR_STATE, Environment, PolicyValues, ProjectFile
from voicectl.manifest.yaml_document import Document, Spot
from voicectl.model.catalog import Policy, namespace
from voicectl.model.lint import Setting
from voicectl.version import VERSION

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_NO_ENVIRONMENT = Environment()


@dataclass(frozen=True, slots=True)
class Project:
    """A project in one environment. Paths are relative to `root`, with forward slashes."""

    root: Path
    """The project directory, symbolic links resolved."""
    catalog: str
    environment: str | None
    provider: Literal["fish", "emulator"]
    manifests: tuple[str, ...]
    """Globs."""
    state: str
    """The lockfile's path, which contains the environment's name."""
    concurrency: int | Literal["auto"]
    retain: timedelta
    policy: Policy
    content: ProjectFile = field(repr=False)
    document: Document = field(repr=False)
    file: str = PROJECT_FILE

    @property
    def namespace(self) -> str:
        """The namespace of the marks."""
        return namespace(self.catalog, self.environment)

    @property
    def chosen(self) -> Environment:
        """What the environment says; empty without one."""
        return self.content.environments.get(self.environment or "") or _NO_ENVIRONMENT

    @property
    def title_suffix(self) -> str:
        """Appended to every title in this environment."""
        return self.chosen.title_suffix

    @property
    def former_state(self) -> str | None:
        """Where earlier versions of voicectl kept the emulator's lockfile: beside the manifests, and in Git."""
        moved = self.state == state_path(EMULATOR_STATE, self.environment)
        return state_path(DEFAULT_STATE, self.environment) if moved else None

    @property
    def claimed(self) -> frozenset[str]:
        """The ids that `model:` names in any environment."""
        every = (override for each in self.content.environments.values() for override in each.voices.values())
        return frozenset(override.model for override in every if override.model)

    @property
    def environments(self) -> tuple[str, ...]:
        """The names of all environments."""
        return tuple(sorted(self.content.environments))


def find_project(start: Path | None = None, chdir: Path | None = None) -> Path:
    """The project directory: `chdir` if given, else the nearest at or above `start` (default: here).

    Raises ProjectNotFound if there is no voicectl.yaml.
    """
    if chdir is not None:
        if _holds_project(chdir):
            return chdir
        if not chdir.is_dir():
            what = "is not a directory" if chdir.exists() else "does not exist"
            raise ProjectNotFound(f"{chdir} {what}", "correct -C/--chdir, or VOICECTL_CHDIR")
        raise ProjectNotFound(f"there is no {PROJECT_FILE} in {chdir}", _not_found_hint(chdir))
    here = Path.cwd() if start is None else start.absolute()
    for directory in (here, *here.parents):
        if _holds_project(directory):
            return directory
    raise ProjectNotFound(f"there is no {PROJECT_FILE} in {here} or above", _not_found_hint(here))


def load_project(directory: Path, environment: str | None) -> Project:
    """The project in `directory`, for one environment.

    Raises ProjectNotFound, InvalidFiles with all problems of the project file, and UsageError if the environment is
    missing or unknown.
    """
    project, problems = read_project(directory, environment)
    problems.refuse()
    return project


def read_project(
    directory: Path, environment: str | None, instead: Mapping[str, bytes] | None = None
) -> tuple[Project, Problems]:
    """Like `load_project`, but returns the problems and whatever is usable in spite of them.

    A text for the project file in `instead` replaces the one on the disk. Raises InvalidFiles only if nothing is
    usable.
    """
    problems = Problems()
    root = directory.resolve()
    document = _read_file(root, problems, (instead or {}).get(PROJECT_FILE))
    content, _ = validate.read(ProjectFile, document, document.data, problems)
    _check_catalog(content, document, problems)
    _check_requires(content, document, problems)
    _check_manifests(content, document, problems)
    _check_state(root, content, environment, document, problems)
    _check_environment(content, environment, problems)
    chosen = content.environments.get(environment or "")
    project = Project(
        root=root,
        catalog=content.catalog,
        environment=environment,
        provider=content.provider,
        manifests=tuple(content.manifests),
        state=state_path(state_of(content), environment),
        concurrency=content.concurrency,
        retain=content.retain if chosen is None or chosen.retain is None else chosen.retain,
        policy=_policy(content, environment, document, problems),
        content=content,
        document=document,
    )
    return project, problems


def environment_names(directory: Path) -> tuple[str, ...]:
    """The environments that the project file in `directory` names, as far as it can be read.

    Raises ProjectNotFound, and InvalidFiles only if nothing is readable.
    """
    problems = Problems()
    document = _read_file(directory.resolve(), problems)
    return tuple(sorted(validate.read(ProjectFile, document, document.data, problems)[0].environments))


def state_of(content: ProjectFile) -> str:
    """The lockfile's path before an environment's name is put in."""
    return content.state if "state" in content.model_fields_set else default_state(content.provider)


def default_state(provider: object) -> str:
    """Where a provider's lockfile is kept if nobody says otherwise."""
    return EMULATOR_STATE if provider == "emulator" else DEFAULT_STATE


def state_path(state: str, environment: str | None) -> str:
    """The lockfile's path with the environment before its ending; `.lock.json` counts as one ending."""
    path = PurePosixPath(state)
    if not environment or not path.name:
        return str(path)
    ending = ".lock.json" if path.name.endswith(".lock.json") else path.suffix
    return str(path.with_name(f"{path.name.removesuffix(ending)}.{environment}{ending}"))


def _holds_project(directory: Path) -> bool:
    try:
        return (directory / PROJECT_FILE).is_file()
    except (OSError, ValueError):
        return False


def _not_found_hint(directory: Path) -> str:
    if (directory / "voicectl.yml").exists():
        return f"rename voicectl.yml to {PROJECT_FILE}"
    return "run `voicectl init` to make a project, or name its directory with -C"


def _read_file(root: Path, problems: Problems, content: bytes | None = None) -> Document:
    if not _holds_project(root):
        raise ProjectNotFound(f"there is no {PROJECT_FILE} in {root}", _not_found_hint(root))
    paths = ProjectPaths(root)
    document = None
    try:
        if content is None:
            content = read_regular(paths.absolute(paths.file(PROJECT_FILE)), yaml_source.MAX_BYTES)
        document, found = yaml_source.parse(PROJECT_FILE, content)
        problems.found += found
    except PathRefused as error:
        problems.error(Place(PROJECT_FILE), error.message, error.hint)
    except OSError as error:
        problems.error(Place(PROJECT_FILE), f"can't be read ({error.strerror})", "check its permissions")
    if document is not None and document.data is None:
        problems.error(Place(PROJECT_FILE), "the project file is empty", "write `catalog: <name>`")
    elif document is not None and not isinstance(document.data, dict):
        place = document.value(())
        problems.error(place, "the project file must be a mapping", "begin it with `catalog: <name>`")
    if document is None or not isinstance(document.data, dict):
        problems.refuse()
        return Document(PROJECT_FILE, {}, Spot(0, 0))
    data = {key: _given(key, value) for key, value in document.data.items()}
    return Document(PROJECT_FILE, data, document.root)


def _given(key: str, value: object) -> object:
    """`production:` without a value is an environment without settings."""
    if key == "environments" and isinstance(value, dict):
        return {name: {} if inner is None else inner for name, inner in value.items()}
    return value


def _check_catalog(content: ProjectFile, document: Document, problems: Problems) -> None:
    if "catalog" not in document.data:
        problems.error(Place(PROJECT_FILE), "catalog: is missing", "write `catalog: <name>`")


def _check_requires(content: ProjectFile, document: Document, problems: Problems) -> None:
    if not content.requires:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import Version

    place = document.value(("requires",))
    try:
        wanted = SpecifierSet(content.requires)
    except InvalidSpecifier:
        message = f"requires: {shown(content.requires)} is not a range of versions"
        problems.error(place, message, 'write it such as ">=1.0,<2"')
        return
    # A build on the way to 1.0 counts as 1.0.
    if not wanted.contains(Version(VERSION).base_version, prereleases=True):
        message = f"requires: this project needs voicectl {shown(content.requires)}, this is {VERSION}"
        problems.error(place, message, "install a version in that range")


def _check_manifests(content: ProjectFile, document: Document, problems: Problems) -> None:
    for index, pattern in enumerate(content.manifests):
        reason = discover.refusal(pattern)
        if reason:
            place = document.value(("manifests", index))
            problems.error(place, f"manifests: {shown(pattern)} can't be used", reason)


def _check_state(
    root: Path, content: ProjectFile, environment: str | None, document: Document, problems: Problems
) -> None:
    """Judge the path as it will be opened: with the environment's name it may be another file, or a link."""
    place = document.value(("state",))
    scheme = _SCHEME.match(content.state)
    if scheme:
        message = f"state: {scheme[1]}:// is not supported yet"
        problems.error(place, message, "write a path in the project, such as voicectl.lock.json")
        return
    try:
        ends_in_name = PurePosixPath(content.state).name not in ("", "..")
        if not ends_in_name or content.state.endswith("/"):
            raise PathRefused(f"{shown(content.state)} is not a file's path", "write one such as voicectl.lock.json")
        written = state_path(content.state, environment)
        path = ProjectPaths(root).place(written)
        if path == PROJECT_FILE or not _may_be_lockfile(root / written):
            raise PathRefused(f"{shown(written)} can't be the lockfile")
    except PathRefused as error:
        hint = "write a path in the project, such as voicectl.lock.json; no link, directory or pipe can be there"
        problems.error(place, f"state: {error.message}", hint)


def _may_be_lockfile(path: Path) -> bool:
    """Whether there is nothing, or a regular file: no link, directory or pipe."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return True  # reading it will report the error


def _check_environment(content: ProjectFile, environment: str | None, problems: Problems) -> None:
    """Raise UsageError if the environment does not fit, but InvalidFiles first if the file has problems."""
    names = sorted(content.environments)
    if environment in content.environments or (environment is None and not names):
        return
    problems.refuse()
    if environment is None:
        message = f"this project has environments: {', '.join(names)}"
        raise UsageError(message, "choose one with --env NAME or VOICECTL_ENV")
    if not names:
        message = f"this project has no environments, so {environment!r} can't be chosen"
        raise UsageError(message, f"leave --env out, or add it under `environments:` in {PROJECT_FILE}")
    raise UsageError(f"there is no environment {environment!r}", did_you_mean(environment, names))


def _policy(content: ProjectFile, environment: str | None, document: Document, problems: Problems) -> Policy:
    """The project's policy, with what the environment says otherwise put in."""
    chosen = content.environments.get(environment or "")
    own = chosen.policy if chosen is not None else PolicyValues()
    values = content.policy.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})
    rules = read_rules(content.policy.rules, ("policy",), document, problems)
    if "rules" in own.model_fields_set:
        rules = read_rules(own.rules, ("environments", environment or "", "policy"), document, problems)
    lint = {**_lint(content.policy), **_lint(own)}
    return Policy(
        max_deletes=values.max_deletes,
        max_replaces=values.max_replaces,
        on_drift=values.on_drift,
        on_conflict=values.on_conflict,
        min_sample_seconds=values.min_sample_seconds,
        require_consent=frozenset(values.require_consent),
        max_visibility=values.max_visibility,
        consent_warning=timedelta(days=values.consent_warning_days),
        max_models=values.max_models,
        lint=lint,
        rules=rules,
    )


def _lint(values: PolicyValues) -> dict[str, Setting]:
    return {name: getattr(values.lint, name) for name in values.lint.model_fields_set}
