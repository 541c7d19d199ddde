"""What voices say on a page: spoken once, and kept by what it was made from, since every request costs credit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from voicectl.cli import wiring
from voicectl.cli.context import Context
from voicectl.cli.references import NotSpeakable, references_of
from voicectl.files import Scratch, replacing

if TYPE_CHECKING:
    from voicectl.cli.cards import Sources
    from voicectl.manifest.project import Project
    from voicectl.provider.port import Speech


@dataclass(frozen=True, slots=True)
class Texts:
    """What to say: with the voices' models, and with their samples."""

    say: str | None
    audition: str | None


@dataclass(frozen=True, slots=True)
class Utterance:
    """One text that one voice says: `key` tells apart what it is made from, `path` is where it is kept."""

    kind: Literal["say", "audition"]
    voice: str
    text: str
    key: str
    path: Path
    speech_model: str | None
    speech: Speech

    @property
    def kept(self) -> bool:
        """Whether an earlier run has spoken it."""
        return self.path.is_file() and self.path.stat().st_size > 0


def utterances(sources: Sources, names: Iterable[str], texts: Texts) -> Iterator[Utterance]:
    """What there is to speak. A voice without a trained model says nothing, nor do samples without transcripts."""
    from voicectl.provider.port import Speech

    say, audition, project = texts.say, texts.audition, sources.gallery.project
    scratch = Scratch(project.root)
    for name in dict.fromkeys(names):
        voice, record = sources.catalog.voices.get(name), sources.lock.voices.get(name)
        model = voice.speech_model if voice else None
        if say is not None and record is not None and record.state == "trained":
            key = _key("say", record.id, say, model)
            path = scratch.make("cache", "speech", f"{key}.mp3")
            yield Utterance("say", name, say, key, path, model, Speech(say, "mp3", model, model_id=record.id))
        if audition is not None and voice is not None and voice.samples:
            try:
                references = references_of(project, voice, sources.gallery.recordings)
            except NotSpeakable:
                continue
            key = _key("audition", voice.inputs or "", audition, model)
            path = scratch.make("cache", "speech", f"{key}.mp3")
            speech = Speech(audition, "mp3", model, references=references)
            yield Utterance("audition", name, audition, key, path, model, speech)


def speak(context: Context, project: Project, new: Sequence[Utterance]) -> None:
    """Speak, one after the other, and keep each. Raises ProviderError."""

    async def every() -> None:
        async with wiring.provider(project, context.log.reading()) as provider:
            for each in new:
                with replacing(each.path) as file:
                    await provider.speak(each.speech, file.write)
                context.log.note(f"{each.voice} has spoken")

    if new:
        wiring.run(every())


def _key(*parts: str | None) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
