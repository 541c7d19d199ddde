"""What a shell offers beyond commands and options, once the script of `voicectl completion` is in place.

A key press reports no errors, writes nothing and sends nothing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)

from voicectl.cli.context import Context


def voices(ctx: click.Context) -> set[str]:
    """The names in the manifests and in the lockfile, as far as either can be read."""
    from voicectl.cli import wiring

    context, names = ctx.find_root().ensure_object(Context), set[str]()
    # If no environment was chosen so far, the rest of the line may choose any.
    for environment in (context.environment,) if context.environment else environments(ctx) or (None,):
        each = replace(context, environment=environment)
        with suppress(Exception):
            lock, _ = wiring.store(wiring.project(each)).load()
            names |= set(lock.voices if lock else ())
        with suppress(Exception):
            names |= set(wiring.load(each, read_samples=False)[1].voices)
    return names


def environments(ctx: click.Context) -> tuple[str, ...]:
    """The environments of the project, as far as its file can be read."""
    from voicectl.manifest.project import environment_names, find_project

    with suppress(Exception):
        return environment_names(find_project(chdir=ctx.find_root().ensure_object(Context).chdir))
    return ()


class _Bash(BashComplete):
    """Bash splits `--format=json` into three words."""

    def get_completion_args(self) -> tuple[list[str], str]:
        args, incomplete = super().get_completion_args()
        return [
            word for before, word in pairwise(["", *args]) if word != "=" or not before.startswith("--")
        ], incomplete


class _WholeWords(ShellComplete):
    """The other shells replace the whole word `--format=json`, so we offer all of it."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[Any]]:
        found = super().get_completions(args, incomplete)
        option, sign, _ = incomplete.partition("=")
        if sign and option.startswith("--"):
            for item in found:
                if item.type == "plain":
                    item.value = f"{option}={item.value}"
        return found


class _Zsh(_WholeWords, ZshComplete):
    pass


class _Fish(_WholeWords, FishComplete):
    pass


def register() -> None:
    """Have click answer the shells this way; call it before the group runs."""
    for shell in (_Bash, _Zsh, _Fish):
        add_completion_class(shell)
