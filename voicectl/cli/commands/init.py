"""`voicectl init`: the files in `starter_project`, under a catalog name of their own."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Set
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

import click

from voicectl.cli import printing
from voicectl.cli.context import Context
from voicectl.cli.options import directories, subcommand
from voicectl.errors import UsageError
from voicectl.files import Rewriting
from voicectl.manifest.discover import PROJECT_FILE

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_PLACEHOLDER = b"catalog: starter"
_EMULATOR = re.compile(rb"provider: emulator.*")
_FISH = b"provider: fish # set FISH_API_KEY; `voicectl doctor` says what is missing"
Provider = Literal["emulator", "fish"]


@subcommand(name="init", help="Write a project that validates. Never overwrites.")
@click.option(
    "--provider", type=click.Choice(["emulator", "fish"]),
    help="Where its voices go. Asked on a terminal; else the emulator, where nothing is real.",
)  # fmt: skip
@click.option("--from-account", is_flag=True, help="Begin with every model of the account, one file a voice.")
@click.option(
    "--from", "cast", type=click.Path(path_type=Path), metavar="CSV|DIR",
    help="Begin with these recordings, as `add --from` takes them.",
)  # fmt: skip
@click.argument(
    "directory", type=click.Path(path_type=Path), metavar="[DIR]", default=Path("."), shell_complete=directories
)
@click.pass_obj
def command(
    context: Context, /, directory: Path, provider: Provider | None, from_account: bool, cast: Path | None
) -> int:
    if from_account and (cast is not None or provider == "emulator"):
        raise UsageError("--from-account begins with the models of an account", "leave --from and the emulator out")
    target = context.path(directory)
    chosen = provider or ("fish" if from_account else _asked(context))
    begin = _recordings(context.path(cast)) if cast is not None else _models if from_account else None
    for written in write_starter(target, chosen, voices=begin is None):
        context.log.note(f"wrote {written}")
    if begin is not None:
        context.chdir = target
        before = set(target.glob("voices/*"))
        with contextlib.ExitStack() as failed:
            failed.callback(_withdraw, target, before)
            begin(context)
            failed.pop_all()
    where = "" if target.resolve() == Path.cwd() else f"cd {target} && "
    then = "voicectl doctor" if chosen == "fish" else "voicectl apply"
    printing.out(f"Next: {where}voicectl validate && {then}\n")
    return 0


def _withdraw(target: Path, before: Set[Path]) -> None:
    """Remove the project file of a beginning that brought no voices, so that the same command can run again."""
    if set(target.glob("voices/*")) <= before:
        (target / PROJECT_FILE).unlink(missing_ok=True)


def _recordings(source: Path) -> Callable[[Context], None]:
    """What adds a table's or a folder's recordings to the new project. Raises InvalidFiles for a bad table."""
    from voicectl.cli.commands import add

    parts = add.parts_of(source)
    return lambda context: add.run(context, parts, None, None, trim=False, dry_run=False)


def _models(context: Context) -> None:
    """Import every model of the account into the new project."""
    from voicectl.cli.commands import import_

    import_.run(context, None, None)


def _asked(context: Context) -> Provider:
    """What a person at the terminal chooses; the emulator where nobody is, or says nothing. Raises UsageError."""
    if not sys.stdin.isatty() or printing.in_ci():
        return "emulator"
    context.log.question("Provider? Type 'fish' for your Fish Audio account, Enter for the emulator (nothing real)")
    answer = sys.stdin.readline().strip().lower()
    if answer in ("", "emulator"):
        return "emulator"
    if answer == "fish":
        return "fish"
    raise UsageError(f"{answer!r} is no provider, so nothing was written", "choose --provider emulator or fish")


def write_starter(directory: Path, provider: Provider = "emulator", *, voices: bool = True) -> list[str]:
    """Write every file of the starter project, without `voices` the project file alone; the paths in the directory.

    Raises UsageError if one of them exists or can't be written; then it has written nothing.
    """
    from importlib.resources import files

    every = dict(_files(files("voicectl.cli") / "starter_project", PurePosixPath()))
    found = every if voices else {PurePosixPath(PROJECT_FILE): every[PurePosixPath(PROJECT_FILE)]}
    try:
        existing = sorted(str(path) for path in found if (directory / path).exists())
    except OSError as error:
        raise UsageError(f"{directory} can't be a directory: {error.strerror}", "choose another name") from error
    if existing:
        raise UsageError(
            f"{directory} already has {', '.join(existing)}", "nothing was written; choose another directory"
        )
    named = (_PLACEHOLDER, f"catalog: {catalog_name(directory)}".encode())
    texts = {str(path): content.replace(*named) for path, content in found.items()}
    if provider == "fish":
        texts[PROJECT_FILE] = _EMULATOR.sub(_FISH, texts[PROJECT_FILE])
    try:
        Rewriting(directory).write(texts)
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
