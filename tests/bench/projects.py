"""Projects to measure with."""

from __future__ import annotations

import random
import wave
from pathlib import Path


def write_project(root: Path, voices: int, size: int, concurrency: int | str = 4) -> Path:
    """A project of so many voices with one sample each, of random bytes; returns its manifest.

    Large catalogs are spread over manifests of 5,000 voices, since one may hold 1 MiB.
    """
    for name in ("voices", "samples"):
        (root / name).mkdir(parents=True)
    (root / "voicectl.yaml").write_text(f"catalog: bench\nconcurrency: {concurrency}\n", encoding="utf-8")
    noise = random.Random(1)
    for start in range(0, voices, 5000):
        lines = ["voices:"]
        for number in range(start, min(voices, start + 5000)):
            name = f"voice-{number:05}"
            with wave.open(str(root / f"samples/{name}.wav"), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes(noise.randbytes(size - size % 2))
            lines += [f"  {name}:", f"    title: Voice {number}", "    tags: [bench]"]
            lines += ["    samples:", f"      - {{audio: ../samples/{name}.wav, transcript: Words of {number}.}}"]
        (root / f"voices/from-{start:05}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def edit(root: Path, old: str, new: str) -> None:
    """Replace a text in every manifest."""
    for path in (root / "voices").iterdir():
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def write_large(root: Path, samples: int, size: int) -> None:
    """A project of one voice with large samples, mostly holes in the file system; no two alike."""
    for name in ("voices", "samples"):
        (root / name).mkdir(parents=True)
    (root / "voicectl.yaml").write_text("catalog: bench\n", encoding="utf-8")
    lines = ["voices:", "  large:", "    title: Large", "    samples:"]
    for number in range(samples):
        _sparse_wav(root / f"samples/{number}.wav", size, number)
        lines += [f"      - {{audio: ../samples/{number}.wav, transcript: Words.}}"]
    (root / "voices/all.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _sparse_wav(path: Path, size: int, seed: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, min(192_000, max(8000, size // 400)), 0, "NONE", ""))
        file.writeframes(seed.to_bytes(4, "little"))
    data = size - size % 2
    with path.open("r+b") as file:
        file.truncate(44 + data)
        file.seek(4)
        file.write((36 + data).to_bytes(4, "little"))
        file.seek(40)
        file.write(data.to_bytes(4, "little"))
