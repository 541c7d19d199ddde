"""`voicectl add`: bring recordings into the project, and the voices that they belong to."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voicectl.cli import printing, wiring
from voicectl.cli.context import Context
from voicectl.cli.landing import Incoming, Landed, by_voice, in_place, land, manifests
from voicectl.cli.options import subcommand, voice_names
from voicectl.cli.writing import inside
from voicectl.errors import InvalidFiles, Problem, TryAgain, UsageError, counted
from voicectl.files import NAME, Scratch, digest_of, open_regular

if TYPE_CHECKING:
    from voicectl.audio.intake import Done, Form
    from voicectl.manifest.cast import Part, Take
    from voicectl.manifest.project import Project
    from voicectl.model.catalog import Catalog

_STAGING = "add"
_LOCK = "add.lock"
_PATIENCE = 60.0
"""Seconds to wait for another run that writes."""


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
    from voicectl.manifest.cast import from_files

    if cast is not None and (name or title or transcript):
        raise UsageError("--from names all voices, titles and transcripts itself", "leave NAME and the others out")
    if cast is None and (not name or not files):
        raise UsageError("name a voice and its recordings", "`voicectl add narrator take1.wav`, or --from cast.csv")
    if transcript is not None and len(files) != 1:
        raise UsageError("--transcript is the text of one recording", "put a .txt file beside each recording instead")
    if cast is None:
        assert name is not None
        part, problems = from_files(name, [context.path(file) for file in files], transcript, title)
        problems.refuse()
        parts = [part]
    else:
        parts = parts_of(context.path(cast))
    run(context, parts, into, form, trim=trim, dry_run=dry_run)
    return 0


def parts_of(source: Path) -> list[Part]:
    """The voices of a table or a folder. Raises InvalidFiles."""
    from voicectl.manifest.cast import from_folder, from_table

    parts, problems = from_folder(source) if source.is_dir() else from_table(source)
    problems.refuse()
    return parts


def run(
    context: Context, parts: Sequence[Part], into: Path | None, form: Form | None, *, trim: bool, dry_run: bool
) -> None:
    """Convert what has to be, move all into place, write the manifests: all of it, or nothing.

    Raises InvalidFiles (with the row or file that is wrong), UsageError, NoDecoder.
    """
    project, catalog = wiring.load(context, may_be_empty=True)
    manifest = None if into is None else inside(project, context, into, "--into")
    staging = _staging(project)
    try:
        incoming = _orders(parts, staging, form, trim=trim)
        if dry_run:
            fresh = _fresh(context, catalog, incoming, written=False)
            landed = in_place(project, catalog, [(one, None) for one in fresh], manifest)
            manifests(project, catalog, landed)
        else:
            done = _carried_out(context, incoming)
            with _alone(project):
                # What others have added meanwhile stays, and counts.
                project, catalog = wiring.load(context, may_be_empty=True)
                fresh = _fresh(context, catalog, incoming, written=True)
                landed = in_place(project, catalog, [(one, done[one.order.target]) for one in fresh], manifest)
                if landed:
                    land(context, project, landed, manifests(project, catalog, landed))
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    if not landed:
        printing.out("Nothing to add: every recording is in its voice already.\n")
        return
    _report(catalog, landed, would=dry_run)


@contextlib.contextmanager
def _alone(project: Project) -> Iterator[None]:
    """While no other run writes into this project: it reads manifests, and writes them back. Raises TryAgain."""
    from filelock import FileLock, Timeout

    try:
        lock = FileLock(Scratch(project.root).make(_LOCK))
        lock.acquire(timeout=_PATIENCE)
    except Timeout:
        raise TryAgain("another `voicectl add` writes into this project", "run it again when that has ended") from None
    except OSError as error:
        raise _no_scratch(error) from error
    try:
        yield
    finally:
        lock.release()


def _no_scratch(error: OSError) -> UsageError:
    words = f"{NAME}/ can't be written: {error.strerror or error}"
    return UsageError(words, "make room, or fix its permissions")


def _staging(project: Project) -> Path:
    """A directory for this run's files in `.voicectl/`. Raises UsageError."""
    try:
        return Scratch(project.root).own(_STAGING)
    except OSError as error:
        raise _no_scratch(error) from error


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
            into: Form | None = None if copied else form or "wav"
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


def _carried_out(context: Context, incoming: Sequence[Incoming]) -> dict[str, Done]:
    """Copy and convert: what became of each, by its target. Raises InvalidFiles with all that failed."""
    from voicectl.audio.intake import carry_out
    from voicectl.model.recording import Unheard

    with _progress(context, len(incoming)) as advance:
        results = carry_out({key: one.order for key, one in enumerate(incoming)}, advance)
    wrong = []
    done = {}
    for key, one in enumerate(incoming):
        result = results[key]
        if isinstance(result, Unheard):
            wrong.append(Problem(one.take.place, f"audio: {one.take.source.name} {result.message}", result.hint))
        else:
            done[one.order.target] = result
    if wrong:
        raise InvalidFiles(wrong)
    return done


def _fresh(context: Context, catalog: Catalog, incoming: Sequence[Incoming], *, written: bool) -> list[Incoming]:
    """Those that their voices do not have already, each once; says which are left out.

    If they are not `written` yet, nobody knows what a conversion will be: it counts as fresh.
    """
    fresh = []
    known: dict[str, set[str]] = {}
    for one in incoming:
        voice = catalog.voices.get(one.part.name)
        digests = known.setdefault(one.part.name, {sample.digest for sample in voice.samples} if voice else set())
        if written or one.order.form is None:
            digest = _digest(one.order.target if written else one.order.source)
            if digest in digests:
                context.log.note(f"{one.part.name} has {one.take.source.name} already, so it stays as it is")
                continue
            digests.add(digest)
        fresh.append(one)
    return fresh


def _digest(path: str) -> str:
    with open(open_regular(path), "rb") as file:
        return digest_of(file)


def _report(catalog: Catalog, landed: Sequence[Landed], *, would: bool) -> None:
    """What was written, voice by voice, and whose id will change."""
    from voicectl.report.escape import terminal

    lines = []
    parts = by_voice(landed)
    for name, of_part in parts.items():
        voice = catalog.voices.get(name)
        lines.append(f"{name}{'' if voice else ' (new)'}  {of_part[0].manifest}")
        lines += [f"  {one.path}  from {terminal(one.incoming.take.source.name)}: {one.note}" for one in of_part]
        if voice is not None and voice.inputs is not None:
            lines.append("  Its id will change: the next apply makes a new model and retires the old one.")
    verb = "would be added" if would else "added"
    total = f"{counted(len(landed), 'recording')} of {counted(len(parts), 'voice')}"
    lines.append(f"{total} {verb}." + ("" if would else " Next: voicectl validate && voicectl plan"))
    printing.out("\n".join(lines) + "\n")


@contextlib.contextmanager
def _progress(context: Context, length: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, for a person who waits."""
    if length < 2 or context.quiet or printing.in_ci() or not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=length, label="Converting", file=sys.stderr) as bar:
        yield lambda: bar.update(1)
