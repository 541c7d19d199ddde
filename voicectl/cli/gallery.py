"""The recordings of a page: found now or in Git, copied beside it, and measured where there is a decoder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from voicectl.cli.recordings import Recordings
from voicectl.errors import UsageError
from voicectl.model.lint import Rules
from voicectl.report.preview_html import Piece, Player, wave

if TYPE_CHECKING:
    from voicectl.audio.hearing import Heard
    from voicectl.cli.past import Past
    from voicectl.manifest.project import Project
    from voicectl.model.catalog import Catalog
    from voicectl.model.lock import Record
    from voicectl.model.voice import Sample, Voice
    from voicectl.plan.plan import SampleSide

AUDIO = "audio"
_ENDINGS = ("wav", "mp3", "m4a", "opus", "ogg", "flac")


@dataclass(slots=True)
class Gallery:
    """What was found of the recordings, by digest: the copy beside the page, else why there is none."""

    project: Project
    out: Path
    past: Past
    recordings: Recordings
    copies: dict[str, str] = field(default_factory=dict)
    """Paths relative to the page."""
    missing: dict[str, str] = field(default_factory=dict)
    heard: dict[str, Heard] = field(default_factory=dict)
    decoder: bool = True

    def gather(self, samples: Iterable[Sample], earlier: Iterable[tuple[SampleSide, Record | None]]) -> None:
        """Find and copy these recordings, then measure them all."""
        present = {sample.digest: sample for sample in samples}
        for sample in present.values():
            self._copy_present(sample)
        for side, record in earlier:
            if side.audio not in self.copies and side.audio not in self.missing:
                data = self.past.recording(side, record, self.recordings)
                if data is None:
                    self.missing[side.audio] = "this earlier recording is not in Git here, so nobody can play it"
                else:
                    self._write(side.audio, side.file or "", data)
        self._measure()

    def add(self, name: str, file: Path) -> str:
        """Copy a file that is no recording beside the page; its path there."""
        (self.out / AUDIO).mkdir(exist_ok=True)
        shutil.copyfile(file, self.out / AUDIO / name)
        return f"{AUDIO}/{name}"

    def _copy_present(self, sample: Sample) -> None:
        from voicectl.hosting.port import HostingError

        path = self.project.root / sample.path
        if sample.pointer:
            try:
                path = Path(self.recordings.bring([sample])[sample.digest].path)
            except (HostingError, UsageError) as error:
                self.missing[sample.digest] = f"a Git LFS pointer: {error.message}"
                return
        try:
            target = self._place(sample.digest, sample.path)
            shutil.copyfile(path, self.out / target)
        except OSError as error:
            self.missing[sample.digest] = f"can't be copied ({error.strerror or error})"
            return
        self.copies[sample.digest] = target

    def _write(self, digest: str, name: str, data: bytes) -> None:
        target = self._place(digest, name)
        (self.out / target).write_bytes(data)
        self.copies[digest] = target

    def _place(self, digest: str, name: str) -> str:
        ending = name.rpartition(".")[2].lower()
        (self.out / AUDIO).mkdir(exist_ok=True)
        return f"{AUDIO}/{digest.removeprefix('sha256:')[:24]}.{ending if ending in _ENDINGS else 'bin'}"

    def _measure(self) -> None:
        from voicectl.audio.hearing import Kept, has_decoder, hear_all, here

        self.decoder = has_decoder()
        if self.decoder and self.copies:
            files = {digest: self.out / path for digest, path in self.copies.items()}
            self.heard = hear_all(files, Kept(self.project.root), here(), lambda done, of: None)

    def now(self, sample: Sample, findings: Mapping[str, Sequence[str]], words: tuple[Piece, ...]) -> Player:
        """A recording of the manifests."""
        label = f"{sample.path}" + (f" ({sample.seconds:.1f} s)" if sample.seconds is not None else "")
        return self._shown(sample.digest, label, words, tuple(findings.get(sample.digest, ())))

    def was(self, side: SampleSide, words: tuple[Piece, ...]) -> Player:
        """A recording of an earlier state."""
        name = side.file or f"{side.audio[:19]}…"
        label = f"{name} ({side.seconds:.1f} s)" if side.seconds is not None else name
        return self._shown(side.audio, label, words, ())

    def _shown(self, digest: str, label: str, words: tuple[Piece, ...], findings: tuple[str, ...]) -> Player:
        from voicectl.model.recording import Measured

        notes = [self.missing[digest]] if digest in self.missing else []
        heard = self.heard.get(digest)
        curve = ""
        if isinstance(heard, Measured):
            loudness = "silent" if heard.loudness is None else f"{heard.loudness:.1f} LUFS"
            notes.append(f"{heard.seconds:.1f} s, {loudness}, {heard.rate:,} Hz, {heard.codec}")
            curve = wave(heard.envelope)
        elif not self.decoder and digest in self.copies:
            notes.append("no waveform: it needs voicectl[audio]")
        return Player(label, self.copies.get(digest, ""), curve, tuple(notes), findings, words)


def findings_of(voices: Iterable[Voice], gallery: Gallery, catalog: Catalog) -> dict[str, list[str]]:
    """What lint says of each recording that was measured, by digest."""
    from voicectl.audio.advice import findings
    from voicectl.model.recording import Measured, Recording

    recordings = [
        Recording.of(voice, sample, heard)
        for voice in voices
        for sample in voice.samples
        if isinstance(heard := gallery.heard.get(sample.digest), Measured)
    ]
    by_path = {recording.path: recording.digest for recording in recordings}
    found: dict[str, dict[str, None]] = {}
    for one in findings(recordings, Rules(catalog.policy.lint), together=False):
        if one.path is not None:
            # Several voices may have the same recording: each finding once.
            found.setdefault(by_path[one.path], {})[f"{one.message} [{one.rule}]"] = None
    return {digest: list(words) for digest, words in found.items()}


def empty_directory(out: Path, marker: str) -> None:
    """Make the directory of a page, or empty one that holds an earlier page and nothing else. Raises UsageError."""
    try:
        if out.is_symlink() or (out.exists() and not out.is_dir()):
            raise UsageError(f"--out {out} is no directory", "name a directory that does not exist yet")
        if out.is_dir() and os.listdir(out):
            if not (out / marker).is_file():
                raise UsageError(
                    f"--out {out} holds something else", "name a directory that is empty, or does not exist yet"
                )
            for entry in out.iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        out.mkdir(parents=True, exist_ok=True)
        (out / marker).write_text("Written by `voicectl preview`, which may delete everything here.\n")
    except OSError as error:
        words = f"--out {out} can't be written: {error.strerror or error}"
        raise UsageError(words, "name another directory") from error
