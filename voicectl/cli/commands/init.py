"""`voicectl init`: the files in `starter_project`, under a catalog name of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from voicectl.cli import printing
from voicectl.cli.context import Context
from voicectl.cli.options import directories, subcommand
from voicectl.errors import UsageError
from voicectl.files import Rewriting

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_PLACEHOLDER = b"catalog: starter"


@subcommand(name="init", help="Write a project that validates, with the emulator as provider. Never overwrites.")
@click.argument(
    "directory", type=click.Path(path_type=Path), metavar="[DIR]", default=Path("."), shell_complete=directories
)
@click.pass_obj
def command(context: Context, directory: Path) -> int:
    target = (context.chdir or Path()) / directory
    for written in write_starter(target):
        context.log.note(f"wrote {written}")
    where = "" if target.resolve() == Path.cwd() else f"cd {target} && "
    printing.out(f"Next: {where}voicectl validate && voicectl apply\n")
    return 0


def write_starter(directory: Path) -> list[str]:
    """Write every file of the starter project; the paths, relative to the directory.

    Raises UsageError if one of them exists or can't be written; then it has written nothing.
    """
    from importlib.resources import files

    found = dict(_files(files("voicectl.cli") / "starter_project", PurePosixPath()))
    try:
        existing = sorted(str(path) for path in found if (directory / path).exists())
    except OSError as error:
        raise UsageError(f"{directory} can't be a directory: {error.strerror}", "choose another name") from error
    if existing:
        raise UsageError(
            f"{directory} already has {', '.join(existing)}", "nothing was written; choose another directory"
        )
    named = (_PLACEHOLDER, f"catalog: {catalog_name(directory)}".encode())
    try:
        Rewriting(directory).write({str(path): content.replace(*named) for path, content in found.items()})
    except OSError as error:
        raise UsageError(
            f"{directory} can't be written: {error.strerror or error}", "choose another directory"
        ) from error
    return sorted(str(path) for path in found)


def catalog_name(directory: Path) -> str:
    """A catalog's name from a directory's: `My Voices` gives `my-voices`."""
    slug = re.sub(r"[^a-z0-9]+", "-", directory.resolve().name.lower()).strip("-")[:40].strip("-")
    return slug or "voices"


def _files(directory: Traversable, below: PurePosixPath) -> Iterator[tuple[PurePosixPath, bytes]]:
    for entry in directory.iterdir():
        if entry.is_dir():
            yield from _files(entry, below / entry.name)
        else:
            yield below / entry.name, entry.read_bytes()
