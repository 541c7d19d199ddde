"""Earlier recordings and their words, as Git has them: found by the digests that the lockfile recorded."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voicectl.cli import wiring
from voicectl.errors import UsageError
from voicectl.manifest import yaml_source
from voicectl.manifest.pointer import BadPointer, is_pointer, read_pointer
from voicectl.model import canonical

if TYPE_CHECKING:
    from voicectl.cli.recordings import Recordings
    from voicectl.hosting.git import Repository
    from voicectl.manifest.project import Project
    from voicectl.model.lock import Lock, Record, RecordedSample
    from voicectl.plan.plan import Change, Plan, SampleChange, SampleSide

_MOST = 200
"""Changes that are looked up: a plan of thousands names files and digests, and need not wait for Git."""


class Past:
    """What a project's repository remembers. Without Git it remembers nothing.

    `base` is a revision to look at first, such as the branch that a pull request is for. Raises UsageError where there
    is none, and HostingError where there is no Git to look for it.
    """

    def __init__(self, project: Project, base: str | None = None) -> None:
        from voicectl.hosting.port import HostingError

        self._base = base
        self._repository: Repository | None = None
        try:
            self._repository = wiring.repository(project)
        except HostingError:
            if base is not None:
                raise
        if base is not None and self._repository is not None and self._repository.commit_of(base) is None:
            raise UsageError(
                f"--base {base}: this clone has no such commit or branch",
                "fetch it first (`git fetch origin BRANCH`, then --base origin/BRANCH), or leave --base out",
            )
        self._manifests: dict[tuple[str, str], Mapping[str, Any]] = {}

    def with_words(self, plan: Plan, lock: Lock) -> Plan:
        """The plan with the earlier transcripts put in, where Git has them."""
        if self._repository is None:
            return plan
        changes = []
        left = _MOST
        for change in plan.changes:
            record = lock.voices.get(change.previous_name or change.name)
            if record is not None and left and any(_other_words(each) for each in change.samples):
                left -= 1
                change = replace(change, samples=tuple(self._told(each, change, record) for each in change.samples))
            changes.append(change)
        return replace(plan, changes=tuple(changes))

    def recording(self, side: SampleSide, record: Record | None, recordings: Recordings) -> bytes | None:
        """The bytes of an earlier recording, by its digest; None where Git does not have them here."""
        if self._repository is None or side.file is None:
            return None
        for revision in self._revisions(record):
            data = self._repository.read(revision, self._repository.prefix + side.file)
            if data is None:
                continue
            if is_pointer(data):
                data = _pointed(data, side, recordings)
                if data is not None:
                    return data
            elif canonical.bytes_digest(data) == side.audio:
                return data
        return None

    def _revisions(self, record: Record | None) -> Iterator[str]:
        applied = record.changed.commit if record and record.changed else None
        # In a checkout of a pull request HEAD is its merge, and the first parent what it is merged into.
        yield from dict.fromkeys(each for each in (self._base, applied, "HEAD", "HEAD^") if each)

    def _told(self, each: SampleChange, change: Change, record: Record) -> SampleChange:
        was = each.was
        if was is None or not _other_words(each):
            return each
        recorded = next((sample for sample in record.samples if sample.audio == was.audio), None)
        if recorded is None or recorded.transcript is None:
            return each
        now = each.now.transcript if each.now else None
        # The same words, spoken again, need no Git.
        same = now is not None and canonical.text_digest(now) == recorded.transcript
        words = now if same else self._words(change, was, recorded, record)
        return replace(each, was=replace(was, transcript=words)) if words else each

    def _words(self, change: Change, was: SampleSide, recorded: RecordedSample, record: Record) -> str | None:
        if change.source is None or self._repository is None:
            return None
        for revision in self._revisions(record):
            for text in self._transcripts(change, was, revision):
                if canonical.text_digest(text) == recorded.transcript:
                    return text
        return None

    def _transcripts(self, change: Change, was: SampleSide, revision: str) -> Iterator[str]:
        """The transcripts that an earlier manifest gave to this recording."""
        assert change.source is not None
        assert self._repository is not None
        base = posixpath.dirname(change.source.file)
        voices = self._voices(revision, change.source.file)
        for sample in _samples(voices, change.previous_name or change.name):
            path = posixpath.normpath(posixpath.join(base, str(sample.get("audio", ""))))
            if was.file is not None and path != was.file:
                continue
            if isinstance(sample.get("transcript"), str):
                yield canonical.text(sample["transcript"])
            elif isinstance(sample.get("transcript_file"), str):
                file = posixpath.normpath(posixpath.join(base, sample["transcript_file"]))
                words = self._repository.read(revision, self._repository.prefix + file)
                if words is not None:
                    yield canonical.text(words.decode("utf-8-sig", "replace"))

    def _voices(self, revision: str, file: str) -> Mapping[str, Any]:
        """The voices of an earlier manifest, which is read once for all of them."""
        known = self._manifests.get((revision, file))
        if known is None:
            assert self._repository is not None
            data = self._repository.read(revision, self._repository.prefix + file)
            document = yaml_source.parse("manifest", data)[0] if data is not None else None
            values = document.data if document is not None else None
            voices = values.get("voices") if isinstance(values, dict) else None
            known = self._manifests[revision, file] = voices if isinstance(voices, dict) else {}
        return known


def _pointed(data: bytes, side: SampleSide, recordings: Recordings) -> bytes | None:
    """The recording that a Git LFS pointer stands for; None if it is another one, or can't be had."""
    from voicectl.hosting.lfs import Pointed
    from voicectl.hosting.port import HostingError

    try:
        pointer = read_pointer(data)
        if pointer.digest != side.audio or side.file is None:
            return None
        found = recordings.objects().bring([Pointed(side.file, pointer.digest, pointer.size)])
    except (BadPointer, HostingError):
        return None
    return found[pointer.digest].read_bytes()


def _other_words(each: SampleChange) -> bool:
    return each.was is not None and each.now is not None and each.now.transcript is not None


def _samples(voices: Mapping[str, Any], name: str) -> Sequence[dict[str, Any]]:
    voice = voices.get(name)
    samples = voice.get("samples") if isinstance(voice, dict) else None
    return [each for each in samples if isinstance(each, dict)] if isinstance(samples, list) else ()
