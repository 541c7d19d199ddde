"""The measurements of many recordings, each taken once: from earlier runs, else by workers here or elsewhere."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from voicectl.audio.cluster import Cluster
from voicectl.audio.measure import VERSION, measure
from voicectl.audio.worker import Processes
from voicectl.errors import VoicectlError
from voicectl.files import CacheFile, digest_of, open_regular
from voicectl.model import canonical
from voicectl.model.recording import Measured, Unheard

Heard = Measured | Unheard
Work = Mapping[str, Path]
"""Recordings by their digests."""
Workers = Callable[[Work], Iterator[tuple[str, Heard]]]
MAX_BYTES = 1024**3
"""The largest recording that is looked at; an hour of 24-bit stereo has that size."""
_MAX_KEPT = 40_000
_CHANGED = Unheard(
    "is not the file that its digest names: it changed just now, or its Git LFS object is damaged",
    "let whatever writes it finish, or run `git lfs fsck --objects`, and run it again",
)


class NoDecoder(VoicectlError):
    """`voicectl[audio]` is not installed."""

    code = "no_decoder"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} needs a decoder, which is not installed", "pip install 'voicectl[audio]'")


def has_decoder() -> bool:
    """Whether `voicectl[audio]` is installed. This does not import it."""
    from importlib.util import find_spec

    return find_spec("av") is not None and find_spec("webrtcvad") is not None


class Kept:
    """Measurements of earlier runs, in `.voicectl/cache/`, by digest: the same bytes always measure the same."""

    def __init__(self, root: Path) -> None:
        self._file = CacheFile(root, "lint.json")
        self._entries = self._file.read_entries(VERSION, "heard")

    def of(self, digest: str) -> Measured | None:
        """The measurements of a recording, if they are known."""
        entry = self._entries.get(digest)
        return None if entry is None else measured_from(entry)

    def add(self, heard: Mapping[str, Heard]) -> None:
        """Keep what could be heard. The oldest go where there are too many."""
        new = {digest: asdict(one) for digest, one in heard.items() if isinstance(one, Measured)}
        if new:
            entries = [*self._entries.items(), *new.items()][-_MAX_KEPT:]
            self._file.write_entries(VERSION, "heard", dict(entries))


def hear_all(recordings: Work, kept: Kept, workers: Workers, progress: Callable[[int, int], None]) -> dict[str, Heard]:
    """What was heard of each recording. `progress` is called with how many are done, and of how many.

    Raises ClusterFailed, OSError.
    """
    found: dict[str, Heard] = {}
    for digest in recordings:
        known = kept.of(digest)
        if known is not None:
            found[digest] = known
    left = {digest: path for digest, path in recordings.items() if digest not in found}
    new: dict[str, Heard] = {}
    try:
        for digest, heard in workers(left) if left else ():
            new[digest] = heard
            progress(len(found) + len(new), len(recordings))
    finally:
        kept.add(new)  # also what an interrupted run has heard
    return found | new


def here(workers: int | None = None) -> Workers:
    """Processes of this machine."""

    def each(work: Work) -> Iterator[tuple[str, Heard]]:
        given = {digest: (str(path), digest) for digest, path in work.items()}
        return Processes(measure_file, workers).each(given)

    return each


def on_cluster(address: str) -> Workers:
    """A Dask cluster. A recording travels there as its bytes."""

    def each(work: Work) -> Iterator[tuple[str, Heard]]:
        return Cluster(measure_bytes, address).each({d: partial(_read, path, d) for d, path in work.items()})

    return each


def measure_file(given: tuple[str, str]) -> Heard:
    """Measure the file at a path, which must have the given digest."""
    path, digest = given
    try:
        with open(open_regular(path), "rb") as file:
            if digest_of(file) != digest:
                return _CHANGED
            return _measured(file, file.tell())
    except OSError as error:
        return Unheard(f"can't be read ({error.strerror or error})", "check the file and its disk")


def measure_bytes(data: bytes) -> Heard:
    """The same for the bytes of a recording."""
    return _measured(io.BytesIO(data), len(data))


def _measured(file: BinaryIO, size: int) -> Heard:
    from voicectl.audio.decode import Unplayable

    try:
        return measure(file, size)
    except Unplayable as error:
        return Unheard(str(error), "export it again from the master")


def _read(path: Path, digest: str) -> bytes | Unheard:
    with open(open_regular(path), "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        return Unheard("is too large to send to a cluster", "look at it without --scheduler")
    return data if canonical.bytes_digest(data) == digest else _CHANGED


def measured_from(values: Any) -> Measured | None:
    """Measurements from JSON, which anybody may have written; None for what are none."""
    from pydantic import ValidationError

    try:
        found: Measured = _adapter().validate_python(values)
    except ValidationError:
        return None
    return found


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Measured)
