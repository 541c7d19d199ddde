"""`voicectl emulator`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from voicectl.cli.context import Context
from voicectl.cli.options import subcommand
from voicectl.errors import UsageError


@subcommand(name="emulator", help="Serve the provider's API on this machine, for trials and tests. Nothing real.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--db", type=click.Path(path_type=Path), metavar="FILE", help="Keep models in this file.")
@click.option("--faults", type=click.Path(path_type=Path), metavar="FILE", help="Misbehave as this YAML file says.")
@click.option("--like", type=click.Path(path_type=Path), metavar="FILE", help="Behave as `doctor --live` found.")
@click.option("--latency", type=click.FloatRange(min=0), metavar="MS", help="Answer after so many milliseconds.")
@click.option(
    "--concurrency-limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="429 beyond N requests at once.",
)
@click.pass_obj
def command(
    context: Context,
    host: str,
    port: int,
    db: Path | None,
    faults: Path | None,
    like: Path | None,
    latency: float | None,
    concurrency_limit: int | None,
) -> int:
    from voicectl.cli import printing
    from voicectl.emulator.server import serve
    from voicectl.emulator.settings import Settings

    if faults and like:
        raise UsageError("--faults and --like exclude each other", "copy the JSON's `settings` into the YAML file")
    ordered = Settings.from_yaml(faults) if faults else Settings.from_findings(like) if like else Settings()
    if latency is not None:
        ordered = replace(ordered, latency=latency)
    if concurrency_limit is not None:
        ordered = replace(ordered, concurrency_limit=concurrency_limit)

    def ready(url: str) -> None:
        printing.out(url + "\n")
        key = ordered.keys[0] if ordered.keys else "any-key"
        context.log.note(f"use it with: export FISH_API_URL={url} FISH_API_KEY={key}   (Ctrl-C ends it)", ours=True)

    serve(ordered, host, port, db, ready)
    return 0
