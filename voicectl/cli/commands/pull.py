"""`voicectl pull`: from drift to edits of manifests and lockfile, all of them or none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from voicectl.cli import printing, wiring
from voicectl.cli.context import Context
from voicectl.cli.options import selectors, subcommand
from voicectl.cli.writing import refused, sift, write_all
from voicectl.errors import StateError, UsageError, VoicectlError, counted
from voicectl.files import Rewriting
from voicectl.report.escape import terminal

if TYPE_CHECKING:
    from voicectl.manifest.editing import Path
    from voicectl.manifest.project import Project
    from voicectl.model.lock import Lock
    from voicectl.model.observed import Observation
    from voicectl.plan.plan import Selectors
    from voicectl.plan.pull import Pull
    from voicectl.state.port import StateStore, Version


class NotPullable(VoicectlError):
    """No manifest can hold what the account has for these voices; nothing was written for them."""

    code = "not_pullable"


@dataclass(slots=True)
class _Edits:
    """What to write, by file and path and by voice, and why some values stay unwritten."""

    files: dict[str, dict[Path, Any]] = field(default_factory=lambda: defaultdict(dict))
    voices: dict[str, list[Pull]] = field(default_factory=lambda: defaultdict(list))
    remarks: list[str] = field(default_factory=list)


@subcommand(name="pull", help="Write what was changed in the account into the manifests and the lockfile.")
@click.option("--dry-run", is_flag=True, help="Show the difference, and write nothing.")
@selectors
@click.pass_obj
def command(context: Context, /, dry_run: bool, only: tuple[str, ...], exclude: tuple[str, ...]) -> int:
    from voicectl.plan.plan import Selectors

    run(context, Selectors(only, exclude), dry_run=dry_run)
    return 0


def run(context: Context, chosen: Selectors, *, dry_run: bool) -> None:
    """Edit manifests and lockfile. Raises StateError or UsageError before it writes anything.

    Raises NotPullable at the end if it left out voices.
    """
    from voicectl.engine.observe import observe
    from voicectl.engine.plan import load_state
    from voicectl.plan.guards import check_account
    from voicectl.plan.pull import pulls, recorded_in
    from voicectl.state.port import ABSENT

    async def look(lock: Lock) -> Observation:
        async with wiring.provider(project, context.log.reading()) as provider:
            return await observe(provider, catalog, lock)

    store = wiring.store(wiring.located(context))
    with store.lease("voicectl pull", 0, lambda holder: None, context.run):
        project, catalog = wiring.load(context)
        identity = wiring.identity(project)
        lock, version = load_state(store, catalog, identity)
        if version == ABSENT:
            raise StateError(
                f"there is no {project.state} yet, so nothing was changed since", "run `voicectl apply` first"
            )
        observation = wiring.run(look(lock))
        for refusal in check_account(lock, observation):
            raise StateError(refusal.message, refusal.hint)
        edits, left_out = _usable(context, project, pulls(catalog, lock, observation, chosen))
        texts = _texts(project, edits)
        for words in (*edits.remarks, *(f"{name} is left out: {reason}" for name, reason in left_out)):
            context.log.warning(words)
        if not texts and not left_out:
            count = len(edits.remarks)
            left = f"the account has {counted(count, 'changed value')} that can't be pulled"
            none = "no managed value was changed in the account"
            printing.out(f"Nothing to pull: {f'{left}; the warnings say why' if count else none}.\n")
            return
        if dry_run:
            printing.out("".join(_diff(path, before, after) for path, (before, after) in sorted(texts.items())))
            return _refuse(left_out)
        if texts:
            _write(project, texts, store, recorded_in(lock, edits.voices), version)
    for path in sorted(texts):
        context.log.note(f"changed {path}")
    count = sum(map(len, edits.voices.values()))
    if count:
        printing.out(f"{counted(count, 'value')} pulled into {len(texts)} file(s). Next: voicectl plan\n")
    return _refuse(left_out)


def _refuse(left_out: Sequence[tuple[str, str]]) -> None:
    """Raises NotPullable if anything was left out."""
    if left_out:
        names = ", ".join(name for name, _ in left_out)
        flags = " ".join(f"--exclude {name}" for name, _ in left_out)
        raise NotPullable(
            f"{names} can't be pulled: {left_out[0][1]}", f"edit by hand what it names, or go on without: {flags}"
        )


def _usable(context: Context, project: Project, pulled: Sequence[Pull]) -> tuple[_Edits, list[tuple[str, str]]]:
    """The edits after which the project is valid, and the voices that it has to leave out, each with the reason.

    Raises NotPullable if voices are invalid only together.
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
        problem = refused(context, {path: after for path, (_, after) in texts.items()}) if texts else ""
        return f"with the account's values the manifests would be invalid: {problem}" if problem else ""

    good, left_out = sift(list(by_voice), wrong)
    if good and (together := wrong(good)):
        raise NotPullable(together, "pull voices one by one, with --only NAME")
    return edits_of(good), left_out


def _write(
    project: Project, texts: Mapping[str, tuple[str, str]], store: StateStore, lock: Lock, version: Version
) -> None:
    """Write all of these files and the lockfile, or nothing."""
    written = Rewriting(project.root)
    write_all(written, {path: after for path, (_, after) in texts.items()})
    try:
        store.save(lock, version)
    except VoicectlError:
        written.undo()
        raise


def _edits(project: Project, pulled: list[Pull]) -> _Edits:
    """Where each value takes effect: in the manifest, or in the environment's override."""
    from voicectl.manifest.discover import PROJECT_FILE
    from voicectl.plan.compare import shown

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
            edits.remarks.append(f"{name}: {pull.field} changes in every environment, because all share the manifest")
        edits.files[file][path] = value
        edits.voices[name].append(pull)
    return edits


def _value(project: Project, pull: Pull, data: Callable[[str], Any]) -> tuple[Any, str]:
    """The value as a file has to write it, or why no file can."""
    if isinstance(pull.value, tuple):
        override = project.chosen.voices.get(pull.voice.name)
        whole = (override is not None and "tags" in override.model_fields_set) or pull.voice.model is not None
        united = () if whole else (*project.content.defaults.tags, *project.chosen.defaults.tags)
        missing = sorted(set(united) - set(pull.value))
        if missing:
            return None, f"{', '.join(missing)} comes from the defaults, which apply to every voice"
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
    """What a manifest holds; None if it can't be parsed."""
    from voicectl.manifest import yaml_source

    document, _ = yaml_source.parse(file, _read(project, file))
    return document.data if document else None


def _texts(project: Project, edits: _Edits) -> dict[str, tuple[str, str]]:
    """Each file before and after. Raises NotPullable if one can't be edited."""
    from voicectl.manifest.editing import CannotEdit, set_values

    texts = {}
    for file, values in edits.files.items():
        try:
            before = _read(project, file).decode(errors="surrogateescape")
            texts[file] = (before, set_values(before, values))
        except CannotEdit as error:
            raise NotPullable(
                f"{file} can't be edited so that only these values change: {error}", "edit it by hand"
            ) from None
        except OSError as error:
            raise UsageError(f"{file} can't be read: {error.strerror or error}", "check its permissions") from error
    return texts


def _read(project: Project, file: str) -> bytes:
    """A manifest, which may lie behind a link within the project. Raises UsageError."""
    from voicectl.files import read_regular
    from voicectl.manifest.yaml_source import MAX_BYTES

    try:
        return read_regular((project.root / file).resolve(), MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror or error}", "check its permissions") from error


def _diff(path: str, before: str, after: str) -> str:
    import difflib

    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm="")
    return "".join(f"{terminal(line)}\n" for line in lines)
