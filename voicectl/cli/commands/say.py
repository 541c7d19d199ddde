"""`voicectl say`."""

from __future__ import annotations

from pathlib import Path

import click

from voicectl.cli.context import Globals
from voicectl.cli.options import speech_options, subcommand


@subcommand(name="say", help="Speak with a voice's model, by the recorded id.")
@speech_options
@click.pass_obj
def command(settings: Globals, /, name: str, text: str, out: Path, fmt: str | None, speech_model: str | None) -> int:
    from voicectl.cli import speaking

    speaking.say(settings, name, speaking.Wanted(text, settings.path(out), fmt, speech_model))
    return 0
