"""Files on their way out: streamed from disk, counted, and hashed again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import BinaryIO

from voicectl.files import open_regular
from voicectl.provider.fish.http import httpx
from voicectl.provider.port import InputChanged, Progress, Upload

PIECE = 64 * 1024
"""The fewest bytes to send at once, and the size of reads."""


class HashedFile:
    """A file that is read once from start to end, as httpx reads it for a multipart body.

    It hands out the last bytes only if the whole file is what was planned. Otherwise it raises InputChanged, and the
    provider makes nothing of the incomplete body.
    """

    def __init__(self, upload: Upload, progress: Progress) -> None:
        self.upload = upload
        self._progress = progress
        self._hash = hashlib.sha256()
        self._left = upload.size
        try:
            self._file: BinaryIO = open(open_regular(upload.path), "rb")
        except OSError as error:
            raise _changed(upload) from error
        if os.fstat(self._file.fileno()).st_size != upload.size:
            self._file.close()
            raise _changed(upload)

    def fileno(self) -> int:
        """Lets httpx find the length."""
        return self._file.fileno()

    def read(self, size: int = -1) -> bytes:
        """The next bytes. Raises InputChanged."""
        try:
            data = self._file.read(size)
        except OSError as error:  # a disk or a network file system failed in the middle
            words = f"{self.upload.path.name} can't be read: {error.strerror or error}"
            raise InputChanged(words, "check the file and its disk, then run again") from error
        self._hash.update(data)
        self._left -= len(data)
        ended = not data or self._left <= 0
        if ended and (self._left != 0 or "sha256:" + self._hash.hexdigest() != self.upload.digest):
            raise _changed(self.upload)
        self._progress(len(data))
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_whole(upload: Upload) -> bytes:
    """All of a small file. Raises InputChanged."""
    file = HashedFile(upload, lambda size: None)
    try:
        return file.read(upload.size + 1)
    finally:
        file.close()


class OpenUploads:
    """All files of one request, opened before anything is sent and closed at the end."""

    def __init__(self, fields: Iterable[tuple[str, Upload]], progress: Progress) -> None:
        self._fields = list(fields)
        self._progress = progress
        self._stack = ExitStack()
        self._files: list[HashedFile] = []

    def __enter__(self) -> OpenUploads:
        with ExitStack() as opened:  # closes them again if one can't be opened
            for _, upload in self._fields:
                file = HashedFile(upload, self._progress)
                opened.callback(file.close)
                self._files.append(file)
            self._stack = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def parts(self) -> list[tuple[str, tuple[str, HashedFile, str]]]:
        """The multipart fields in httpx's form."""
        return [
            (field, (file.upload.name, file, file.upload.media_type))
            for (field, _), file in zip(self._fields, self._files, strict=True)
        ]


class Gathered(httpx.AsyncByteStream):
    """A body in larger pieces. httpx yields two or three for each form field, and each would cost a send."""

    def __init__(self, stream: object) -> None:
        assert isinstance(stream, httpx.AsyncByteStream)
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        gathered, size = [], 0
        async for chunk in self._stream:
            gathered.append(chunk)
            size += len(chunk)
            if size >= PIECE:
                yield b"".join(gathered)
                gathered, size = [], 0
        if gathered:
            yield b"".join(gathered)


def _changed(upload: Upload) -> InputChanged:
    return InputChanged(
        f"{upload.path.name} changed while it was being uploaded, or since the plan was made",
        "let whatever writes it finish, then plan again; if nothing does, delete .voicectl/cache",
    )
