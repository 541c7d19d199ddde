"""`voicectl say` and `voicectl audition`: words in, a file of audio out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from voicectl.cli import wiring
from voicectl.cli.context import Context
from voicectl.cli.options import subcommand, voice_names
from voicectl.cli.recordings import Recordings
from voicectl.cli.references import NotSpeakable, references_of
from voicectl.errors import InvalidFiles, UsageError, VoicectlError
from voicectl.files import replace_file, replacing

if TYPE_CHECKING:
    from voicectl.manifest.project import Project
    from voicectl.model.lock import Record
    from voicectl.provider.port import AudioFormat, Speech

F = TypeVar("F", bound=Callable[..., Any])

MAX_TEXT = 1024 * 1024
"""Bytes of a text: an hour of speech is some 60 kB."""
_HEAD = 512
"""Bytes that are enough to recognise a format."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for. `text` `-` is standard input; `format` None follows the ending of `out`."""

    text: str
    out: Path
    format: str | None
    speech_model: str | None


class NoSound(VoicectlError):
    """The answer is not the audio that we asked for; nothing was written."""

    code = "no_sound"


def speech_options(function: F) -> F:
    """What `say` and `audition` take."""
    options = [
        click.argument("name", shell_complete=voice_names),
        click.argument("text"),
        click.option(
            "-o", "--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="Where the audio goes."
        ),
        click.option(
            "--format", "fmt", type=click.Choice(["mp3", "wav", "opus", "pcm"]), help="Default: the file's ending."
        ),
        click.option(
            "--model",
            "speech_model",
            metavar="M",
            help="The provider's speech model, such as s2.1-pro or s2.1-pro-free. Unknown ones count as s2.1-pro.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@subcommand(name="say", help="Speak with a voice's model, by the recorded id.")
@speech_options
@click.option("--record", is_flag=True, help="Write beside the audio, as FILE.json, what it was made with.")
@click.pass_obj
def say(
    context: Context, /, name: str, text: str, out: Path, fmt: str | None, speech_model: str | None, record: bool
) -> int:
    run_say(context, name, Wanted(text, context.path(out), fmt, speech_model), record=record)
    return 0


@subcommand(name="audition", help="Speak with a voice's samples, before any model exists.")
@speech_options
@click.pass_obj
def audition(context: Context, /, name: str, text: str, out: Path, fmt: str | None, speech_model: str | None) -> int:
    run_audition(context, name, Wanted(text, context.path(out), fmt, speech_model))
    return 0


def run_say(context: Context, name: str, wanted: Wanted, *, record: bool = False) -> None:
    """Speak with the recorded model. Raises NotSpeakable unless it is trained.

    With `record`, a file beside the audio says what it was made with.
    """
    from voicectl.manifest.problems import did_you_mean
    from voicectl.provider.port import Rejected, Speech

    project = wiring.project(context)
    store = wiring.store(project)
    lock, _ = store.load()
    records = lock.voices if lock else {}
    if name not in records:
        raise NotSpeakable(f"{name} has no recorded model", did_you_mean(name, records, "run `voicectl apply` first"))
    model = records[name]
    if model.state != "trained":
        hint = f"`voicectl audition {name}` speaks with its samples"
        raise NotSpeakable(f"the model of {name} is {model.state}", hint)
    speech_model = wanted.speech_model or wiring.speech_models(context).get(name)
    speech = Speech(_text(wanted), _format(wanted), speech_model, model_id=model.id)
    try:
        _speak(project, speech, wanted, context)
        if record:
            _record(name, model, speech, wanted, context)
    except Rejected as error:
        # The provider was seen to answer 400 with these words for a voice that is gone.
        if error.status != 404 and "reference not found" not in error.message.lower():
            raise
        raise NotSpeakable(
            f"the model of {name} ({model.id}) is gone from the account", "run `voicectl plan`"
        ) from error


def _record(name: str, model: Record, speech: Speech, wanted: Wanted, context: Context) -> None:
    """Say beside the audio what it was made with, so that anybody can tell later."""
    from voicectl.model import canonical
    from voicectl.report.document import document
    from voicectl.state.codec import now

    values = {
        "format_version": "1.0",
        "voice": name,
        "id": model.id,
        "generation": model.generation,
        "inputs": model.inputs,
        "speech_model": speech.speech_model,
        "text": canonical.bytes_digest(speech.text.encode()),
        "audio": canonical.bytes_digest(wanted.out.read_bytes()),
        "at": now().isoformat(timespec="seconds").replace("+00:00", "Z"),
        "run": context.run,
    }
    path = wanted.out.with_name(wanted.out.name + ".json")
    try:
        replace_file(path, document(values).encode())
    except OSError as error:
        words = f"{path} can't be written: {error.strerror or error}"
        raise UsageError(words, "the audio itself was written") from error
    context.log.note(f"wrote {path}")


def run_audition(context: Context, name: str, wanted: Wanted) -> None:
    """Speak with the manifest's samples. Raises NotSpeakable if none has a transcript."""
    from voicectl.manifest.problems import did_you_mean
    from voicectl.provider.port import Speech

    project, catalog = wiring.load(context)
    if name not in catalog.voices:
        raise NotSpeakable(f"there is no voice {name!r}", did_you_mean(name, catalog.voices))
    with Recordings(project) as recordings:
        references = references_of(project, catalog.voices[name], recordings, context.log.warning)
        speech_model = wanted.speech_model or catalog.voices[name].speech_model
        speech = Speech(_text(wanted), _format(wanted), speech_model, references=references)
        _speak(project, speech, wanted, context)


def _text(wanted: Wanted) -> str:
    text = wanted.text
    if text == "-":
        data = sys.stdin.buffer.read(MAX_TEXT + 1) if hasattr(sys.stdin, "buffer") else sys.stdin.read().encode()
        if len(data) > MAX_TEXT:
            raise UsageError("the text on standard input is larger than 1 MiB", "split it into several")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise UsageError("the text on standard input is not UTF-8", "convert it to UTF-8") from None
    if not text.strip():
        raise UsageError("there is nothing to say", "give a text, or `-` and the text on standard input")
    return text


def _format(wanted: Wanted) -> AudioFormat:
    from typing import get_args

    from voicectl.provider.port import AudioFormat

    formats: tuple[AudioFormat, ...] = get_args(AudioFormat)
    given = wanted.format or wanted.out.suffix.removeprefix(".").lower()
    for known in formats:
        if given == known:
            return known
    raise UsageError(
        f"{wanted.out.name} does not show the audio format",
        f"let it end in one of {', '.join(formats)}, or add --format",
    )


def _refuse_own_files(project: Project, out: Path, context: Context) -> None:
    """Audio must not replace a file of the project. Raises UsageError."""
    from voicectl.manifest.discover import PROJECT_FILE, find_manifests

    if not out.exists():
        return  # so most runs need not read, and hash, the whole catalog
    own = {PROJECT_FILE, project.state, *find_manifests(project.root, project.manifests)[0]}
    try:
        _, catalog = wiring.load(context)
        own |= {sample.path for voice in catalog.voices.values() for sample in voice.samples}
        own |= {voice.cover.path for voice in catalog.voices.values() if voice.cover}
    except InvalidFiles:
        pass  # speaking needs no valid manifests; we just don't know which files they name
    if any(out.resolve() == (project.root / path).resolve() for path in own):
        raise UsageError(f"-o {out} is a file of the project", "name another file")


def _speak(project: Project, speech: Speech, wanted: Wanted, context: Context) -> None:
    _refuse_own_files(project, wanted.out, context)

    async def speak(file: BinaryIO) -> None:
        async with wiring.provider(project, context.log.reading()) as provider:
            await provider.speak(speech, file.write)

    try:
        with replacing(wanted.out) as file:
            wiring.run(speak(file))
            size = file.tell()
            _check_sound(file, speech.format)
    except OSError as error:
        raise UsageError(
            f"-o {wanted.out} can't be written: {error.strerror or error}", "name a file that can be"
        ) from error
    context.log.note(f"wrote {wanted.out} ({size:,} bytes)")


def _check_sound(file: BinaryIO, asked: AudioFormat) -> None:
    """The answer must be audio in the format that we asked for. Raises NoSound, which quotes none of it."""
    from voicectl.audio.kinds import kind_of

    file.seek(0)
    head = file.read(_HEAD)
    hint = "try again; is FISH_API_URL the API, or is a proxy in the way?"
    if not head:
        raise NoSound("the answer holds no audio: it is empty", hint)
    # Raw samples have no header and may be any bytes: only a beginning that is all text is surely no sound.
    found = kind_of(head)
    if found != asked and (asked != "pcm" or found == "a text file"):
        raise NoSound(f"the answer is not {asked}: it is {found}", hint)
