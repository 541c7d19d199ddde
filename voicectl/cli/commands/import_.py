"""`voicectl import`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from voicectl.cli.context import Context
from voicectl.cli.options import directories, subcommand


def _pair(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for value in values:
        name, _, model_id = value.partition("=")
        if not re.fullmatch(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", name) or not re.fullmatch(
            "[0-9a-f]{32}", model_id
        ):
            raise click.BadParameter(f"{value!r} is not NAME=ID, with an id of 32 characters of 0-9 and a-f.")
        if name in pairs:
            raise click.BadParameter(f"{name!r} is given twice.")
        pairs[name] = model_id
    return pairs


@subcommand(name="import", help="Write manifests for existing models. The next plan adopts them.")
@click.argument("models", metavar="NAME=ID…", nargs=-1, callback=_pair)
@click.option("--all", "everything", is_flag=True, help="All models of the account that no manifest claims.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    shell_complete=directories,
    help="Where to write; default: with the others.",
)
@click.pass_obj
def command(context: Context, /, models: dict[str, str], everything: bool, out: Path | None) -> int:
    from voicectl.cli import importing
    from voicectl.errors import UsageError

    if everything == bool(models):
        raise UsageError("name models as NAME=ID, or ask for --all", "`voicectl drift --unmanaged` lists them")
    importing.run(context, None if everything else models, out)
    return 0
