"""`voicectl add`: bring recordings into the project, and the voices that they belong to."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voicectl.cli import printing, wiring
from voicectl.cli.context import Context
from voicectl.cli.options import subcommand, voice_names
from voicectl.cli.writing import check_found, inside, manifest_directory, refused, write_all
from voicectl.errors import InvalidFiles, Problem, UsageError
from voicectl.files import NAME, Rewriting, Scratch, open_regular, read_regular

if TYPE_CHECKING:
    from voicectl.audio.intake import Done, Form, Order
    from voicectl.manifest.adding import Addition
    from voicectl.manifest.cast import Part, Take
    from voicectl.manifest.project import Project
    from voicectl.model.catalog import Catalog

SAMPLES = "samples"
"""The directory for recordings, in the project."""
_STAGING = "add"
_NUMBERED = re.compile(r"(.+)-([0-9]{1,9})(\..*)?")


@subcommand(name="add", help="Bring recordings into the project: convert them, write their voices.")
@click.argument("name", required=False, shell_complete=voice_names)
@click.argument("files", metavar="[FILE]…", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--from",
    "cast",
    metavar="CSV|DIR",
    type=click.Path(path_type=Path),
    help="A whole cast: a table, or a folder with a folder for each voice.",
)
@click.option("--title", metavar="T", help="Title of a new voice. Default: made from its name.")
@click.option("--into", metavar="MANIFEST", type=click.Path(path_type=Path), help="Manifest for new voices.")
@click.option("--transcript", metavar="TEXT", help="The words spoken. Default: the .txt file beside the recording.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["wav", "mp3", "m4a", "opus"]),
    help="Convert to this format. Default: wav, and only what the provider does not take.",
)
@click.option("--trim", is_flag=True, help="Cut silence at both ends.")
@click.option("--dry-run", is_flag=True, help="Show what would be written.")
@click.pass_obj
def command(
    context: Context,
    /,
    name: str | None,
    files: tuple[Path, ...],
    cast: Path | None,
    title: str | None,
    into: Path | None,
    transcript: str | None,
    form: Form | None,
    trim: bool,
    dry_run: bool,
) -> int:
    from voicectl.manifest.cast import from_files, from_folder, from_table

    if cast is not None and (name or title or transcript):
        raise UsageError("--from names all voices, titles and transcripts itself", "leave NAME and the others out")
    if cast is None and (not name or not files):
        raise UsageError("name a voice and its recordings", "`voicectl add narrator take1.wav`, or --from cast.csv")
    if transcript is not None and len(files) != 1:
        raise UsageError("--transcript is the text of one recording", "put a .txt file beside each recording instead")
    if cast is None:
        assert name is not None
        part, problems = from_files(name, [context.path(file) for file in files], transcript, title)
        parts = [part]
    else:
        source = context.path(cast)
        parts, problems = from_folder(source) if source.is_dir() else from_table(source)
    problems.refuse()
    run(context, parts, into, form, trim=trim, dry_run=dry_run)
    return 0


@dataclass(frozen=True, slots=True)
class Incoming:
    """A recording on its way: whose it is, and the order that writes it to the staging directory."""

    part: Part
    take: Take
    order: Order


@dataclass(frozen=True, slots=True)
class Landed:
    """A recording in its place: paths relative to the project."""

    incoming: Incoming
    staged: Path
    path: str
    words: str | None
    """The path of its transcript's file."""
    note: str


def run(
    context: Context, parts: Sequence[Part], into: Path | None, form: Form | None, *, trim: bool, dry_run: bool
) -> None:
    """Convert what has to be, move all into place, write the manifests: all of it, or nothing.

    Raises InvalidFiles (with the row or file that is wrong), UsageError, NoDecoder.
    """
    project, catalog = wiring.load(context, may_be_empty=True)
    manifest = None if into is None else inside(project, context, into, "--into")
    staging = _staging(project)
    incoming = _orders(parts, staging, form, trim=trim)
    if dry_run:
        landed = _landed(project, [(one, None) for one in incoming])
        _manifests(project, catalog, landed, manifest)
        _report(context, catalog, landed, manifest, project, would=True)
        return
    try:
        done = _carried_out(context, incoming)
        landed = _landed(project, list(_fresh(context, catalog, done)))
        if not landed:
            printing.out("Nothing to add: every recording is in its voice already.\n")
            return
        _land(context, project, landed, _manifests(project, catalog, landed, manifest))
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    _report(context, catalog, landed, manifest, project, would=False)


def _staging(project: Project) -> Path:
    """A directory for this run's files in `.voicectl/`. Raises UsageError."""
    try:
        return Scratch(project.root).own(_STAGING)
    except OSError as error:
        raise UsageError(
            f"{NAME}/ can't be written: {error.strerror or error}", "make room, or fix its permissions"
        ) from error


def _orders(parts: Sequence[Part], staging: Path, form: Form | None, *, trim: bool) -> list[Incoming]:
    """What has to be done for each recording. Raises InvalidFiles, NoDecoder."""
    from voicectl.audio.hearing import NoDecoder, has_decoder
    from voicectl.audio.intake import Order

    found: list[Incoming] = []
    wrong: list[Problem] = []
    for part in parts:
        for take in part.takes:
            kind, problem = _kind(take)
            if problem is not None:
                wrong.append(problem)
                continue
            copied = kind is not None and form in (None, kind) and not trim
            into: Any = None if copied else form or "wav"
            target = staging / f"{len(found)}.{kind if copied else into}"
            found.append(Incoming(part, take, Order(str(take.source), str(target), into, trim)))
    if wrong:
        raise InvalidFiles(wrong)
    conversions = [one for one in found if one.order.form is not None]
    if conversions and not has_decoder():
        names = ", ".join(one.take.source.name for one in conversions[:3])
        more = f" and {len(conversions) - 3} more" if len(conversions) > 3 else ""
        raise NoDecoder(f"converting {names}{more}")
    return found


def _kind(take: Take) -> tuple[str | None, Problem | None]:
    """The provider's format that a file has; None for any other sound, which the decoder will judge."""
    from voicectl.audio.hearing import has_decoder
    from voicectl.audio.kinds import AUDIO, no_sound
    from voicectl.audio.probe import probe
    from voicectl.manifest.pointer import MAX_POINTER, is_pointer, other_pointer

    try:
        with open(open_regular(take.source), "rb") as file:
            head = file.read(MAX_POINTER)
            if is_pointer(head):
                words = f"audio: {take.source.name} is a Git LFS pointer, not the recording"
                return None, Problem(take.place, words, "run `git lfs pull` where it comes from")
            if other := other_pointer(head):
                return None, Problem(take.place, f"audio: {take.source.name} {other[0]}", other[1])
            found = probe(file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        words = f"audio: {take.source.name} can't be read ({error.strerror or error})"
        return None, Problem(take.place, words, "name a regular file that you may read")
    if found.format == "empty":
        return None, Problem(take.place, f"audio: {take.source.name} {found.problem}", found.hint)
    if no_sound(found.format):
        return None, Problem(take.place, f"audio: {take.source.name} is {found.format}", "name a recording")
    # A decoder makes a plain file of one with unusual headers; without it that file is taken as it is.
    plain = found.format in AUDIO and not found.problem and not (found.unusual and has_decoder())
    return (found.format if plain else None), None


def _carried_out(context: Context, incoming: Sequence[Incoming]) -> list[tuple[Incoming, Done]]:
    """Copy and convert. Raises InvalidFiles with all that failed."""
    from voicectl.audio.intake import carry_out
    from voicectl.model.recording import Unheard

    with _progress(context, len(incoming)) as advance:
        results = carry_out({key: one.order for key, one in enumerate(incoming)}, advance)
    wrong = []
    done = []
    for key, one in enumerate(incoming):
        result = results[key]
        if isinstance(result, Unheard):
            wrong.append(Problem(one.take.place, f"audio: {one.take.source.name} {result.message}", result.hint))
        else:
            done.append((one, result))
    if wrong:
        raise InvalidFiles(wrong)
    return done


def _fresh(
    context: Context, catalog: Catalog, done: Sequence[tuple[Incoming, Done]]
) -> Iterator[tuple[Incoming, Done]]:
    """The recordings that their voices do not have yet, each once; says so of the others."""
    known: dict[str, set[str]] = {}
    for one, result in done:
        voice = catalog.voices.get(one.part.name)
        there = known.setdefault(one.part.name, {sample.digest for sample in voice.samples} if voice else set())
        digest = _digest(one.order.target)
        if digest in there:
            context.log.note(f"{one.part.name} has {one.take.source.name} already, so it stays as it is")
            continue
        there.add(digest)
        yield one, result


def _digest(path: str) -> str:
    import hashlib

    with open(path, "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def _landed(project: Project, done: Sequence[tuple[Incoming, Done | None]]) -> list[Landed]:
    """Names for the recordings in `samples/`: none that is taken."""
    landed = []
    numbers = _highest_numbers(project.root)
    for one, result in done:
        numbers[one.part.name] += 1
        stem = f"{SAMPLES}/{one.part.name}-{numbers[one.part.name]}"
        words = f"{stem}.txt" if one.take.beside is not None else None
        note = "copied"
        if one.order.form is not None:
            note = "converted"
            if result is not None:
                gain = f", {result.gain:+.1f} dB" if result.gain else ""
                note = f"converted, {result.seconds:.1f} s{gain}"
        landed.append(Landed(one, Path(one.order.target), f"{stem}{Path(one.order.target).suffix}", words, note))
    return landed


def _highest_numbers(root: Path) -> Counter[str]:
    """Of `samples/NAME-1.wav`, `samples/NAME-2.wav` … the highest number of each name; 0 for any other name."""
    found: Counter[str] = Counter()
    with contextlib.suppress(OSError):
        for entry in os.scandir(root / SAMPLES):
            taken = _NUMBERED.fullmatch(entry.name)
            if taken is not None:
                found[taken[1]] = max(found[taken[1]], int(taken[2]))
    return found


def _manifests(project: Project, catalog: Catalog, landed: Sequence[Landed], manifest: str | None) -> dict[str, str]:
    """The new text of each manifest, by its path. Raises UsageError where one can't be edited."""
    from voicectl.manifest.adding import manifest_with
    from voicectl.manifest.editing import CannotEdit
    from voicectl.manifest.yaml_source import MAX_BYTES

    additions: dict[str, list[Addition]] = {}
    for of_part in _by_name(landed).values():
        part = of_part[0].incoming.part
        path = _manifest_of(project, catalog, part, manifest)
        additions.setdefault(path, []).append(_addition(catalog, part, of_part, posixpath.dirname(path)))
    texts = {}
    for path, of_file in additions.items():
        check_found(project, path, "--into")
        try:
            text = read_regular(project.root / path, MAX_BYTES).decode()
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} can't be read", "check its permissions") from error
        try:
            texts[path] = manifest_with(text, of_file)
        except CannotEdit as error:
            raise UsageError(f"{path} can't be edited: {error}", "name another file with --into") from None
    return texts


def _by_name(landed: Iterable[Landed]) -> dict[str, list[Landed]]:
    """The recordings of each voice."""
    found: dict[str, list[Landed]] = {}
    for one in landed:
        found.setdefault(one.incoming.part.name, []).append(one)
    return found


def _manifest_of(project: Project, catalog: Catalog, part: Part, manifest: str | None) -> str:
    voice = catalog.voices.get(part.name)
    if voice is not None:
        return voice.source.file
    return manifest or posixpath.normpath(posixpath.join(manifest_directory(project), f"{part.name}.yaml"))


def _addition(catalog: Catalog, part: Part, landed: Sequence[Landed], base: str) -> Addition:
    from voicectl.manifest.adding import Addition

    samples: list[Mapping[str, str]] = []
    for one in landed:
        sample = {"audio": posixpath.relpath(one.path, base or ".")}
        if one.words is not None:
            sample["transcript_file"] = posixpath.relpath(one.words, base or ".")
        elif one.incoming.take.transcript is not None:
            sample["transcript"] = one.incoming.take.transcript
        samples.append(sample)
    if part.name in catalog.voices:
        return Addition(part.name, {"samples": samples}, new=False)
    title = part.values.get("title") or part.name.replace("-", " ").replace("_", " ").title()
    return Addition(part.name, {"title": title, **part.values, "samples": samples}, new=True)


def _land(context: Context, project: Project, landed: Sequence[Landed], texts: Mapping[str, str]) -> None:
    """Move everything into place, and write the manifests. If anything fails, nothing is left. Raises UsageError."""
    moved: list[Path] = []
    written = Rewriting(project.root)
    try:
        for one in landed:
            target = project.root / one.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(target):
                raise UsageError(f"{one.path} exists already", "run it again: another run took the name")
            moved.append(target)
            shutil.move(one.staged, target)
        words = {one.words: one.incoming.take.transcript or "" for one in landed if one.words is not None}
        write_all(written, {path: f"{text}\n" for path, text in words.items()} | dict(texts))
        problem = refused(context, {})
        if problem:
            raise UsageError(f"the project would be invalid with it: {problem}", "nothing was written")
    except BaseException as error:
        written.undo()
        for target in moved:
            with contextlib.suppress(OSError):
                target.unlink()
        if isinstance(error, OSError):
            words_ = f"{SAMPLES}/ can't be written: {error.strerror or error}"
            raise UsageError(words_, "nothing was written; make room, or fix the permissions") from error
        raise


def _report(
    context: Context,
    catalog: Catalog,
    landed: Sequence[Landed],
    manifest: str | None,
    project: Project,
    *,
    would: bool,
) -> None:
    """What was written, voice by voice, and whose id will change."""
    from voicectl.report.escape import terminal

    lines = []
    parts = _by_name(landed)
    for name, of_part in parts.items():
        voice = catalog.voices.get(name)
        path = _manifest_of(project, catalog, of_part[0].incoming.part, manifest)
        lines.append(f"{name}{'' if voice else ' (new)'}  {path}")
        lines += [f"  {one.path}  from {terminal(one.incoming.take.source.name)}: {one.note}" for one in of_part]
        if voice is not None and voice.inputs is not None:
            lines.append("  Its id will change: the next apply makes a new model and retires the old one.")
    verb = "would be added" if would else "added"
    recordings = f"{len(landed)} recording{'' if len(landed) == 1 else 's'}"
    voices = f"{len(parts)} voice{'' if len(parts) == 1 else 's'}"
    lines.append(f"{recordings} of {voices} {verb}." + ("" if would else " Next: voicectl validate && voicectl plan"))
    printing.out("\n".join(lines) + "\n")


@contextlib.contextmanager
def _progress(context: Context, length: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, for a person who waits."""
    if length < 2 or context.quiet or printing.in_ci() or not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=length, label="Converting", file=sys.stderr) as bar:
        yield lambda: bar.update(1)
