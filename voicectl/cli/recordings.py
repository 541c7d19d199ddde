"""The recordings of a checkout that has some of them as Git LFS pointers only."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from voicectl.cli import wiring
from voicectl.errors import InvalidFiles, Place, Problem
from voicectl.files import open_regular

if TYPE_CHECKING:
    from voicectl.audio.kinds import FileKind
    from voicectl.hosting.lfs import LfsObjects
    from voicectl.manifest.project import Project
    from voicectl.model.voice import Sample


class Recordings:
    """Gets files from Git LFS, and removes those that it fetched at the end."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._objects: LfsObjects | None = None

    def objects(self) -> LfsObjects:
        """The LFS objects of the repository around the project. Raises HostingError where there is none."""
        self._objects = self._objects or wiring.lfs(self._project)
        return self._objects

    def bring(self, samples: Sequence[Sample]) -> dict[str, Sample]:
        """The samples by digest, with the paths of their files. They were not looked at before, so they are now.

        Raises HostingError where one can't be had, and InvalidFiles where one is no recording.
        """
        from voicectl.audio.kinds import AUDIO, what_to_do
        from voicectl.hosting.lfs import ObjectsMissing, Pointed, are_pointers
        from voicectl.hosting.port import HostingError

        try:
            objects = self.objects()
        except HostingError as error:
            hint = "run it in a clone of your repository, or put the recordings in place of the pointers"
            raise ObjectsMissing(f"{are_pointers(len(samples))}, and {error.message}", hint) from error
        unique = {sample.digest: sample for sample in samples}
        wanted = [Pointed(sample.path, sample.digest, sample.size) for sample in unique.values()]
        found, wrong = {}, []
        paths = objects.bring(wanted)
        for digest, kind in _kinds(paths).items():
            sample, path = unique[digest], paths[digest]
            if kind.problem or kind.format not in AUDIO:
                words = kind.problem or f"is {kind.format}"
                hint = kind.hint or what_to_do(kind.format)
                wrong.append(
                    Problem(sample.source or Place(sample.path), f"samples.audio: {sample.path} {words}", hint)
                )
            form: Any = kind.format
            found[digest] = replace(sample, path=str(path), format=form, seconds=kind.seconds, pointer=False)
        if wrong:
            raise InvalidFiles(wrong)
        return found

    def here(self, sample: Sample) -> Path | None:
        """The file of a pointer if this clone has it already."""
        from voicectl.hosting.lfs import Pointed
        from voicectl.hosting.port import HostingError

        try:
            return self.objects().here(Pointed(sample.path, sample.digest, sample.size))
        except HostingError:
            return None

    def __enter__(self) -> Recordings:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._objects is not None:
            self._objects.forget()


def _kinds(paths: Mapping[str, Path]) -> dict[str, FileKind]:
    """What the files of these digests are; a decoder looks where headers are unusual, if there is one."""
    from voicectl.audio.probe import probe
    from voicectl.audio.verdict import Doubt, decide

    kinds = {}
    for digest, path in paths.items():
        with open(open_regular(path), "rb") as file:
            kinds[digest] = probe(file, os.fstat(file.fileno()).st_size)
    doubts = {digest: Doubt(str(paths[digest]), digest, kind) for digest, kind in kinds.items() if kind.unusual}
    return kinds | decide(doubts)
