"""Files on their way out."""

from __future__ import annotations

import errno
import hashlib
import io
from pathlib import Path
from typing import Any

import pytest

from voicectl.provider.fish.uploads import HashedFile
from voicectl.provider.port import InputChanged, Upload


class Failing(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise OSError(errno.EIO, "Input/output error")


def test_a_disk_that_fails_in_the_middle_is_that_files_error_only(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF")
    digest = "sha256:" + hashlib.sha256(b"RIFF").hexdigest()
    file: Any = HashedFile(Upload(path, "a.wav", "audio/wav", digest, 4), lambda size: None)
    file._file.close()
    file._file = Failing()
    with pytest.raises(InputChanged, match=r"a\.wav can't be read: Input/output error"):
        file.read()
