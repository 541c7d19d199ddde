"""Recordings taking their places in a project: their names in `samples/`, and the manifests that name them."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from voicectl.cli.context import Context
from voicectl.cli.writing import check_found, manifest_directory, refused, write_all
from voicectl.errors import UsageError
from voicectl.files import Rewriting, read_regular

if TYPE_CHECKING:
    from voicectl.audio.intake import Done, Order
    from voicectl.manifest.adding import Addition
    from voicectl.manifest.cast import Part, Take
    from voicectl.manifest.project import Project
    from voicectl.model.catalog import Catalog

SAMPLES = "samples"
"""The directory for recordings, in the project."""


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
    manifest: str
    """The path of its voice's manifest."""
    note: str


def in_place(
    project: Project, catalog: Catalog, done: Sequence[tuple[Incoming, Done | None]], manifest: str | None
) -> list[Landed]:
    """The recordings with names in `samples/` that are not taken yet.

    New voices go into `manifest`, or each into its own.
    """
    landed = []
    taken = _taken(project.root)
    for one, result in done:
        name = one.part.name
        taken[name] += 1
        stem = f"{SAMPLES}/{name}-{taken[name]}"
        words = f"{stem}.txt" if one.take.beside is not None else None
        note = "copied"
        if one.order.form is not None:
            note = "converted"
            if result is not None:
                gain = f", {result.gain:+.1f} dB" if result.gain else ""
                note = f"converted, {result.seconds:.1f} s{gain}{_faults(result)}"
        staged = Path(one.order.target)
        path = _manifest_of(project, catalog, one.part, manifest)
        landed.append(Landed(one, staged, f"{stem}{staged.suffix}", words, path, note))
    return landed


def _faults(done: Done) -> str:
    """What lint could say of the master, and not of what it became."""
    cut = f"; it breaks off: {done.missing:.1f} s are missing at its end" if done.missing else ""
    return cut + (f"; {done.damaged} of its packets can't be decoded" if done.damaged else "")


def _taken(root: Path) -> Counter[str]:
    """The highest number of the files `samples/NAME-1`, `samples/NAME-2` … for each name; 0 for all others."""
    taken: Counter[str] = Counter()
    with contextlib.suppress(OSError):
        for entry in os.scandir(root / SAMPLES):
            # Names are in lower case, and some file systems do not tell A from a.
            found = re.fullmatch(r"(.+)-([0-9]{1,9})(\.[^.]*)?", entry.name.lower())
            if found:
                taken[found[1]] = max(taken[found[1]], int(found[2]))
    return taken


def by_voice(landed: Sequence[Landed]) -> dict[str, list[Landed]]:
    """The recordings of each voice."""
    voices: dict[str, list[Landed]] = {}
    for one in landed:
        voices.setdefault(one.incoming.part.name, []).append(one)
    return voices


def manifests(project: Project, catalog: Catalog, landed: Sequence[Landed]) -> dict[str, str]:
    """The new text of each manifest, by its path. Raises UsageError where one can't be edited."""
    from voicectl.manifest.adding import manifest_with
    from voicectl.manifest.editing import CannotEdit
    from voicectl.manifest.yaml_source import MAX_BYTES

    additions: dict[str, list[Addition]] = {}
    for of_part in by_voice(landed).values():
        path = of_part[0].manifest
        additions.setdefault(path, []).append(_addition(catalog, of_part, posixpath.dirname(path)))
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
            # A voice that is there stays in its file.
            by_hand = "write its voices and samples one below the other, or add these by hand"
            hint = "name another file with --into" if all(one.new for one in of_file) else by_hand
            raise UsageError(f"{path} can't be edited: {error}", hint) from None
    return texts


def _manifest_of(project: Project, catalog: Catalog, part: Part, manifest: str | None) -> str:
    voice = catalog.voices.get(part.name)
    if voice is not None:
        return voice.source.file
    return manifest or posixpath.normpath(posixpath.join(manifest_directory(project), f"{part.name}.yaml"))


def _addition(catalog: Catalog, landed: Sequence[Landed], base: str) -> Addition:
    from voicectl.manifest.adding import Addition

    part = landed[0].incoming.part
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


def land(context: Context, project: Project, landed: Sequence[Landed], texts: Mapping[str, str]) -> None:
    """Move everything into place, and write the manifests. If anything fails, nothing is left. Raises UsageError."""
    moved: list[Path] = []
    written = Rewriting(project.root)
    folder = project.root / SAMPLES
    is_new = not os.path.lexists(folder)
    try:
        folder.mkdir(exist_ok=True)
        for one in landed:
            target = project.root / one.path
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
        if is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            words_ = f"{SAMPLES}/ can't be written: {error.strerror or error}"
            raise UsageError(words_, "nothing was written; make room, or fix the permissions") from error
        raise
