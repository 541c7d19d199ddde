"""The samples, transcripts and covers that voices name: where they are, what they are, what is wrong with them."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from voicectl.audio.kinds import AUDIO, IMAGES, FileKind, what_to_do
from voicectl.errors import Place
from voicectl.files import read_regular
from voicectl.manifest.hashing import FileCache, FileFacts
from voicectl.manifest.layers import Declared
from voicectl.manifest.paths import PathRefused, ProjectPaths
from voicectl.manifest.pointer import is_pointer, other_pointer
from voicectl.manifest.problems import Problems, shown
from voicectl.model import canonical
from voicectl.model.voice import Cover, Sample

MAX_SECONDS = 270
MAX_TRANSCRIPT = 64 * 1024


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that may be read: its path relative to the project, and where a manifest names it."""

    path: str
    written: str
    place: Place


@dataclass(frozen=True, slots=True)
class NamedSample:
    """A sample's file and its transcript in canonical form."""

    file: NamedFile
    transcript: str | None


@dataclass(frozen=True, slots=True)
class NamedFiles:
    """All files of one voice that could be found."""

    samples: tuple[NamedSample, ...]
    cover: NamedFile | None

    def paths(self) -> Iterable[str]:
        """Every path whose content counts."""
        yield from (sample.file.path for sample in self.samples)
        if self.cover is not None:
            yield self.cover.path


def find_files(voice: Declared, paths: ProjectPaths, problems: Problems) -> NamedFiles:
    """The files that a voice names, with its transcripts read. Reports and leaves out what breaks a rule."""
    samples = []
    first: dict[str, int] = {}
    for index, entry in enumerate(voice.entry.samples):
        words = _transcript(voice, index, paths, problems)
        if not entry.audio:
            continue
        place = voice.own.place("samples", index, "audio")
        file = _find(paths, entry.audio, voice.own.base, place, "samples.audio", problems)
        if file is None:
            continue
        if file.path in first:
            _report_twice(file, first[file.path], problems)
        else:
            first[file.path] = place.line
            samples.append(NamedSample(file, words))
    return NamedFiles(tuple(samples), _cover_file(voice, paths, problems))


def _report_twice(file: NamedFile, line: int, problems: Problems) -> None:
    message = f"samples.audio: {shown(file.written)} is in this voice twice (line {line})"
    problems.error(file.place, message, "delete one of them")


def _find(paths: ProjectPaths, text: str, base: str, place: Place, field: str, problems: Problems) -> NamedFile | None:
    try:
        return NamedFile(paths.file(text, base), text, place)
    except PathRefused as error:
        problems.error(place, f"{field}: {error.message}", error.hint)
        return None


def _transcript(voice: Declared, index: int, paths: ProjectPaths, problems: Problems) -> str | None:
    entry = voice.entry.samples[index]
    if "transcript" in entry.model_fields_set:
        return canonical.text(entry.transcript)
    if not entry.transcript_file:
        return None
    place = voice.own.place("samples", index, "transcript_file")
    try:
        words = canonical.text(_read_transcript(paths, entry.transcript_file, voice.own.base))
        if not words:
            raise PathRefused(f"{shown(entry.transcript_file)} is empty", "write the words spoken into it")
    except PathRefused as error:
        problems.error(place, f"samples.transcript_file: {error.message}", error.hint)
        return None
    return words


def _cover_file(voice: Declared, paths: ProjectPaths, problems: Problems) -> NamedFile | None:
    layer = voice.layer_of("cover_image")
    if layer is None:
        return None
    text: str = voice.value("cover_image")
    return _find(paths, text, layer.base, layer.place("cover_image"), "cover_image", problems)


class FileReader:
    """Turns named files into samples and covers. It reads each file at most once; most come from the cache."""

    def __init__(self, cache: FileCache, min_seconds: float, problems: Problems) -> None:
        self._cache = cache
        self._min_seconds = min_seconds
        self._problems = problems
        self._facts: Mapping[str, FileFacts | OSError] = {}

    def read(self, named: Iterable[NamedFiles]) -> None:
        """Learn about all files. Those that are not in the cache are read side by side."""
        self._facts = self._cache.facts(path for files in named for path in files.paths())
        self._cache.save()

    def kind_of(self, path: str) -> FileKind | None:
        """What the file at a path of the project is, if it was read."""
        facts = self._facts.get(path)
        return facts.finding if isinstance(facts, FileFacts) else None

    def samples(self, files: NamedFiles) -> tuple[Sample, ...]:
        """The usable samples of one voice, in the manifest's order."""
        found: list[Sample] = []
        lines: dict[str, int] = {}
        for named in files.samples:
            facts = self._usable(named.file, "samples.audio", AUDIO)
            if facts is None:
                continue
            # The provider would train on the same clip twice, and the lockfile could not tell the two apart.
            if facts.digest in lines:
                message = f"samples.audio: {shown(named.file.written)} has the same content as the sample in line "
                self._problems.error(named.file.place, f"{message}{lines[facts.digest]}", "delete one of them")
                continue
            lines[facts.digest] = named.file.place.line
            self._warn_about(named.file, facts)
            kind: Any = _by_name(named.file.path) if facts.pointer else facts.finding.format
            found.append(
                Sample(
                    named.file.path,
                    facts.digest,
                    facts.size,
                    kind,
                    named.transcript,
                    facts.finding.seconds,
                    named.file.place,
                    facts.pointer,
                )
            )
        return tuple(found)

    def cover(self, files: NamedFiles) -> Cover | None:
        """The cover of one voice; None without a usable one."""
        if files.cover is None:
            return None
        facts = self._usable(files.cover, "cover_image", IMAGES)
        if facts is None:
            return None
        return Cover(files.cover.path, facts.digest, facts.size, facts.finding.format)

    def _usable(self, file: NamedFile, field: str, allowed: tuple[str, ...]) -> FileFacts | None:
        facts = self._facts.get(file.path)
        if facts is None or isinstance(facts, OSError):
            reason = facts.strerror if facts is not None and facts.strerror else "it is gone"
            message = f"{field}: {shown(file.written)} can't be read ({reason})"
            self._problems.error(file.place, message, "check the file and its permissions")
            return None
        finding = facts.finding
        if finding.problem:
            self._problems.error(file.place, f"{field}: {shown(file.written)} {finding.problem}", finding.hint)
        elif facts.pointer and allowed is not AUDIO:
            message = f"{field}: {shown(file.written)} is a Git LFS pointer, not the picture"
            hint = "run `git lfs pull`; or keep covers out of Git LFS (.gitattributes)"
            self._problems.error(file.place, message, hint)
        elif facts.pointer:
            return facts
        elif finding.format not in allowed:
            message = f"{field}: {shown(file.written)} is {finding.format}"
            hint = what_to_do(finding.format) if allowed is AUDIO else "convert it to png, jpeg, webp or gif"
            self._problems.error(file.place, message, hint)
        else:
            return facts
        return None

    def _warn_about(self, file: NamedFile, facts: FileFacts) -> None:
        if facts.pointer:
            return  # nobody has looked at its sound
        kind, seconds = facts.finding.format, facts.finding.seconds
        if not file.path.lower().endswith(f".{kind}"):
            message = f"samples.audio: {shown(file.written)} is in truth {kind}"
            self._problems.warn(file.place, message, f"let its name end in .{kind}")
        if facts.finding.unusual:
            message = f"samples.audio: {shown(file.written)} has an unusual header ({facts.finding.unusual})"
            self._problems.warn(file.place, message, "`voicectl lint` with voicectl[audio] can tell whether it plays")
            self._problems.passing = True
        if seconds is None:
            return
        if seconds < self._min_seconds:
            message = f"samples.audio: {shown(file.written)} lasts {_seconds(seconds)}"
            hint = f"{self._min_seconds:g} s or more make a better voice (policy.min_sample_seconds)"
            self._problems.warn(file.place, message, hint)
        elif seconds > MAX_SECONDS:
            message = f"samples.audio: {shown(file.written)} lasts {_seconds(seconds)}"
            self._problems.warn(file.place, message, f"the provider may refuse more than {MAX_SECONDS} s; cut it")


def _by_name(path: str) -> str:
    """The format that a file's name promises; what the file is, an upload will see."""
    ending = path.rpartition(".")[2].lower()
    return ending if ending in AUDIO else "wav"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s"


def _read_transcript(paths: ProjectPaths, text: str, base: str) -> str:
    """The text in a transcript file, not in canonical form yet. Raises PathRefused if it breaks a rule."""
    relative = paths.file(text, base)
    if not relative.endswith(".txt"):
        raise PathRefused(f"{shown(text)} leads to a file that does not end in .txt", "transcript files end in .txt")
    try:
        content = read_regular(paths.absolute(relative), MAX_TRANSCRIPT)
    except OSError as error:
        raise PathRefused(f"{shown(text)} can't be read", "check its permissions") from error
    if len(content) > MAX_TRANSCRIPT:
        raise PathRefused(f"{shown(text)} is larger than 64 KiB", "a transcript holds only the words of one sample")
    start = content.removeprefix(codecs.BOM_UTF8)
    if is_pointer(start):
        raise PathRefused(
            f"{shown(text)} is a Git LFS pointer, not the text",
            "run `git lfs pull`; or keep .txt files out of Git LFS (.gitattributes)",
        )
    other = other_pointer(start)
    if other is not None:
        raise PathRefused(f"{shown(text)} {other[0]}", other[1])
    try:
        words = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PathRefused(f"{shown(text)} is not UTF-8 text", "save it as UTF-8") from error
    if "\0" in words:
        raise PathRefused(f"{shown(text)} holds a NUL character", "save it as plain text")
    return words
