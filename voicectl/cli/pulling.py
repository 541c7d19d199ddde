"""What `pull` does: from drift to edits, all files of it or none."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from voicectl.cli import printing, running, wiring
from voicectl.cli.context import Globals
from voicectl.cli.importing import write_all
from voicectl.cli.sifting import refused, sift
from voicectl.engine.observe import observe
from voicectl.engine.plan import load_state
from voicectl.errors import StateError, UsageError, VoicectlError
from voicectl.files import Rewriting, read_regular
from voicectl.manifest import yaml_source
from voicectl.manifest.discover import PROJECT_FILE
from voicectl.manifest.editing import CannotEdit, Path, set_values
from voicectl.manifest.project import Project
from voicectl.model.lock import Lock
from voicectl.model.observed import Observation
from voicectl.plan.compare import shown
from voicectl.plan.guards import check_account
from voicectl.plan.plan import Selectors
from voicectl.plan.pull import Pull, pulls, recorded_in
from voicectl.report.escape import terminal
from voicectl.state.port import ABSENT, StateStore, Version


class NotPullable(VoicectlError):
    """What the account holds can't stand in a manifest; of these voices nothing was written."""

    code = "not_pullable"


@dataclass(slots=True)
class _Edits:
    """What is to be written: by file and path, and by voice; and why some values are not."""

    files: dict[str, dict[Path, Any]] = field(default_factory=lambda: defaultdict(dict))
    voices: dict[str, list[Pull]] = field(default_factory=lambda: defaultdict(list))
    remarks: list[str] = field(default_factory=list)


def run(settings: Globals, selectors: Selectors, *, dry_run: bool) -> None:
    """Edit manifests and lockfile. Raises StateError or UsageError before anything is written.

    Raises NotPullable at the end where voices were left out.
    """

    async def look(lock: Lock) -> Observation:
        async with wiring.provider(project, settings.log.reading()) as provider:
            return await observe(provider, catalog, lock)

    store = wiring.store(wiring.located(settings))
    with store.lease("voicectl pull", 0, lambda holder: None, settings.run):
        project, catalog = wiring.load(settings)
        identity = wiring.identity(project)
        lock, version = load_state(store, catalog, identity)
        if version == ABSENT:
            raise StateError(
                f"there is no {project.state} yet, so nothing was changed since", "run `voicectl apply` first"
            )
        observation = running.run(look(lock))
        for refusal in check_account(lock, observation):
            raise StateError(refusal.message, refusal.hint)
        edits, left_out = _usable(settings, project, pulls(catalog, lock, observation, selectors))
        texts = _texts(project, edits)
        for words in (*edits.remarks, *(f"{name} is left out: {reason}" for name, reason in left_out)):
            settings.log.warning(words)
        if not texts and not left_out:
            count = len(edits.remarks)
            left = f"{count} {'value was' if count == 1 else 'values were'} changed in the account and can't be taken"
            none = "no managed value was changed in the account"
            printing.out(f"Nothing to pull: {f'{left}; the warnings say why' if count else none}.\n")
            return
        if dry_run:
            printing.out("".join(_diff(path, before, after) for path, (before, after) in sorted(texts.items())))
            return _refuse(left_out)
        if texts:
            _write(project, texts, store, recorded_in(lock, edits.voices), version)
    for path in sorted(texts):
        settings.log.note(f"changed {path}")
    count = sum(map(len, edits.voices.values()))
    if count:
        printing.out(
            f"{count} value{'' if count == 1 else 's'} pulled into {len(texts)} file(s). Next: voicectl plan\n"
        )
    return _refuse(left_out)


def _refuse(left_out: Sequence[tuple[str, str]]) -> None:
    """Raises NotPullable where anything was left out."""
    if left_out:
        names = ", ".join(name for name, _ in left_out)
        flags = " ".join(f"--exclude {name}" for name, _ in left_out)
        raise NotPullable(
            f"{names} can't be pulled: {left_out[0][1]}", f"edit by hand what it names; {flags} goes on without"
        )


def _usable(settings: Globals, project: Project, pulled: Sequence[Pull]) -> tuple[_Edits, list[tuple[str, str]]]:
    """The edits after which the project is valid, and the voices that have to be left out for it, with why.

    Raises NotPullable where that can't be told voice by voice.
    """
    by_voice: dict[str, list[Pull]] = defaultdict(list)
    for pull in pulled:
        by_voice[pull.voice.name].append(pull)

    def edits_of(names: Sequence[str]) -> _Edits:
        return _edits(project, [pull for name in names for pull in by_voice[name]])

    def wrong(names: Sequence[str]) -> str:
        edits = edits_of(names)
        try:
            texts = _texts(project, edits)
        except NotPullable as error:
            return error.message
        problem = refused(settings, {path: after for path, (_, after) in texts.items()}) if texts else ""
        return f"with the account's values the manifests would be invalid: {problem}" if problem else ""

    good, left_out = sift(list(by_voice), wrong)
    if good and (together := wrong(good)):
        raise NotPullable(together, "pull voices one by one, with --only NAME")
    return edits_of(good), left_out


def _write(
    project: Project, texts: Mapping[str, tuple[str, str]], store: StateStore, lock: Lock, version: Version
) -> None:
    """All of these files and the lockfile, or nothing."""
    written = Rewriting(project.root)
    write_all(written, {path: after for path, (_, after) in texts.items()})
    try:
        store.save(lock, version)
    except VoicectlError:
        written.undo()
        raise


def _edits(project: Project, pulled: list[Pull]) -> _Edits:
    """Where each value has to stand to have effect: in the manifest, or in the environment's override."""
    edits, data = _Edits(), cache(lambda file: _data(project, file))
    for pull in pulled:
        name = pull.voice.name
        value, reason = _value(project, pull, data)
        if pull.conflict:
            reason = f"Git changed it too; the account has {shown(pull.value)}"
        if reason:
            edits.remarks.append(f"{name}: {pull.field} stays as it is in Git: {reason}")
            continue
        file = pull.voice.source.file
        path: Path = ("voices", name, pull.field)
        override = project.chosen.voices.get(name)
        if override is not None and pull.field in override.model_fields_set and project.environment:
            file, path = PROJECT_FILE, ("environments", project.environment, "voices", name, pull.field)
        elif len(project.environments) > 1:
            edits.remarks.append(f"{name}: {pull.field} changes in every environment, as the manifest is for all")
        edits.files[file][path] = value
        edits.voices[name].append(pull)
    return edits


def _value(project: Project, pull: Pull, data: Callable[[str], Any]) -> tuple[Any, str]:
    """The value as a file has to say it, or why none can."""
    if isinstance(pull.value, tuple):
        override = project.chosen.voices.get(pull.voice.name)
        whole = (override is not None and "tags" in override.model_fields_set) or pull.voice.model is not None
        united = () if whole else (*project.content.defaults.tags, *project.chosen.defaults.tags)
        missing = sorted(set(united) - set(pull.value))
        if missing:
            return None, f"{', '.join(missing)} comes from the defaults, which every voice has"
        return [tag for tag in pull.value if tag not in united or tag in _own_tags(pull, data)], ""
    text = pull.value or ""
    suffix = project.title_suffix if pull.field == "title" else ""
    if suffix and not text.endswith(suffix):
        return None, f"{text!r} lacks the environment's title_suffix {suffix!r}"
    return text.removesuffix(suffix) if suffix else text, ""


def _own_tags(pull: Pull, data: Callable[[str], Any]) -> list[str]:
    """The tags that the manifest itself lists: another environment may need them."""
    entry = (data(pull.voice.source.file) or {"voices": {pull.voice.name: {}}})["voices"][pull.voice.name]
    return list(entry.get("tags", ()))


def _data(project: Project, file: str) -> Any:
    """What a manifest holds; None where it can't be parsed."""
    document, _ = yaml_source.parse(file, _read(project, file))
    return document.data if document else None


def _texts(project: Project, edits: _Edits) -> dict[str, tuple[str, str]]:
    """Each file before and after. Raises NotPullable where one can't be edited."""
    texts = {}
    for file, values in edits.files.items():
        try:
            before = _read(project, file).decode()
            texts[file] = (before, set_values(before, values))
        except CannotEdit as error:
            raise NotPullable(
                f"{file} can't be edited so that only these values change: {error}", "edit it by hand"
            ) from None
        except OSError as error:
            raise UsageError(f"{file} can't be read: {error.strerror or error}", "check its permissions") from error
    return texts


def _read(project: Project, file: str) -> bytes:
    """A manifest, which may lie behind a link in the project. OSError where it can't be read."""
    return read_regular((project.root / file).resolve(), yaml_source.MAX_BYTES)


def _diff(path: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm="")
    return "".join(f"{terminal(line)}\n" for line in lines)
