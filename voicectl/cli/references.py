"""The samples that a voice speaks with before it has a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from voicectl.errors import VoicectlError

if TYPE_CHECKING:
    from voicectl.cli.recordings import Recordings
    from voicectl.manifest.project import Project
    from voicectl.model.voice import Sample, Voice
    from voicectl.provider.port import Upload

LONGEST = 120.0
"""Seconds of samples to send: the provider advises a minute or two in all."""
MAX_BYTES = 64 * 1024 * 1024
"""Of samples to send, all in memory: two minutes of studio sound (96 kHz, 24 bits, stereo) fit."""


class NotSpeakable(VoicectlError):
    """This voice can't speak this way."""

    code = "not_speakable"


def references_of(
    project: Project, voice: Voice, recordings: Recordings, warn: Callable[[str], None] = lambda words: None
) -> tuple[tuple[Upload, str], ...]:
    """Samples with their transcripts, as many as the provider advises and memory holds; at least one.

    `warn` gets a message if some are left out. Raises NotSpeakable.
    """
    usable = [sample for sample in voice.samples if sample.transcript is not None]
    if not usable:
        what = "no samples" if not voice.samples else "no transcripts"
        raise NotSpeakable(
            f"{voice.name} has {what}, and without both one can't hear it before its model exists",
            "add `transcript:` to its samples"
            if voice.samples
            else f"`voicectl say {voice.name}` speaks with its model",
        )
    chosen: list[Sample] = []
    seconds, size = 0.0, 0
    for sample in usable:
        seconds, size = seconds + (sample.seconds or 0.0), size + sample.size
        if chosen and (seconds > LONGEST or size > MAX_BYTES):
            break
        if size > MAX_BYTES:
            limit = f"{MAX_BYTES // 1024 // 1024} MiB"
            raise NotSpeakable(
                f"{sample.path} has {size:,} bytes, and an audition can send at most {limit} of samples",
                "cut it, or convert it to mp3, or let a shorter sample come first",
            )
        chosen.append(sample)
    if len(chosen) < len(usable):
        reason = "more than two minutes don't help" if seconds > LONGEST else "more don't fit into 64 MiB"
        warn(f"{len(chosen)} of {len(usable)} samples are sent: {reason}")
    pointers = [sample for sample in chosen if sample.pointer]
    brought = recordings.bring(pointers) if pointers else {}
    return tuple(_reference(project, brought.get(sample.digest, sample)) for sample in chosen)


def _reference(project: Project, sample: Sample) -> tuple[Upload, str]:
    from voicectl.provider.port import Upload

    name = f"{Path(sample.path).stem}.{sample.format}"
    return Upload(project.root / sample.path, name, "", sample.digest, sample.size), sample.transcript or ""
