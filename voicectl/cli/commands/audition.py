"""`voicectl audition`."""

from __future__ import annotations

from pathlib import Path

import click

from voicectl.cli.context import Context
from voicectl.cli.options import speech_options, subcommand


@subcommand(name="audition", help="Speak with a voice's samples, before any model exists.")
@speech_options
@click.pass_obj
def command(context: Context, /, name: str, text: str, out: Path, fmt: str | None, speech_model: str | None) -> int:
    from voicectl.cli import speaking

    speaking.audition(context, name, speaking.Wanted(text, context.path(out), fmt, speech_model))
    return 0
