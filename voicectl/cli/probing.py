"""What `doctor --live` does: ask, make one throwaway model, say which assumptions hold, delete it."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import uuid
import zlib
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from voicectl.cli import printing, running, wiring
from voicectl.cli.context import Globals
from voicectl.cli.planning import agree
from voicectl.engine.probe import LAG, TITLE, Assumption, Material, leftovers, probe, settings_of
from voicectl.files import Scratch, read_regular, replace_file
from voicectl.manifest.project import Project
from voicectl.model.voice import Cover
from voicectl.provider.port import NotReadable, Provider, Upload
from voicectl.report.document import document
from voicectl.report.escape import terminal

FORMAT_VERSION = "1.0"
_MEMORY = "probe"
"""The file in `.voicectl/` that holds the id of a probe's model until it is deleted."""
_SIGNS = {"yes": ("✓", "green"), "no": ("✗", "red"), "unknown": ("?", "yellow")}


def live(settings: Globals, *, yes: bool, fmt: str) -> int:
    """Run the probe; 0, whatever holds. Raises NotConfirmed, ProviderError."""
    project = wiring.project(settings)
    host = wiring.identity(project).host
    what = f"make one private model in the account at {host}, send about thirty requests, and delete it"
    agree(f"doctor --live will {what}", yes, settings)
    lines = running.run(_run(project, settings))
    if fmt == "json":
        printing.out(document(_values(lines)))
        return 0
    paint = printing.style(settings)
    for line in lines:
        sign = paint.paint(*_SIGNS[line.holds])
        detail = f" ({terminal(line.detail)})" if line.detail else ""
        printing.out(f"{sign} {line.statement}{detail}\n")
    if settings_of(lines):
        printing.out("\nSave this with --format json, and try your pipeline on `voicectl emulator --like FILE`.\n")
    return 0


def _values(lines: list[Assumption]) -> dict[str, Any]:
    assumptions = [
        {"name": line.name, "statement": line.statement, "holds": line.holds, "detail": line.detail} for line in lines
    ]
    return {"format_version": FORMAT_VERSION, "assumptions": assumptions, "settings": settings_of(lines)}


async def _run(project: Project, settings: Globals) -> list[Assumption]:
    scratch = Scratch(project.root)
    async with wiring.provider(project, settings.log.reading()) as provider:
        await _clean_up(provider, scratch, settings)

        def remember(model_id: str) -> None:
            settings.log.note(f"the probe's model is {model_id}; it is deleted at the end")
            replace_file(scratch.make(_MEMORY), model_id.encode())

        with contextlib.ExitStack() as stack:
            lines = await probe(provider, _material(stack), remember, LAG)
        _forget(scratch)
    return lines


async def _clean_up(provider: Provider, scratch: Scratch, settings: Globals) -> None:
    """Delete what a probe that was killed has left, if its id was written down; others are only named."""
    left = _remembered(scratch)
    if left:
        model = None
        with contextlib.suppress(NotReadable):  # then it is gone, or somebody else's
            model = await provider.get(left)
        if model is not None and model.title.startswith(TITLE):
            settings.log.note(f"an earlier probe was ended early: its model {left} is deleted now")
            await provider.delete(left)
        _forget(scratch)
    others = [model_id for model_id in leftovers((await provider.list_models()).models) if model_id != left]
    if others:
        settings.log.warning(
            f"{', '.join(others)} may be of an earlier probe, by their title: look at them, and delete them by hand"
        )


def _remembered(scratch: Scratch) -> str:
    try:
        return read_regular(scratch.find(_MEMORY), 100).decode("ascii").strip()
    except (OSError, ValueError):
        return ""


def _forget(scratch: Scratch) -> None:
    with contextlib.suppress(OSError):
        scratch.find(_MEMORY).unlink()


def _material(stack: contextlib.ExitStack) -> Material:
    """The starter project's sample, and a picture of one pixel."""
    sample = stack.enter_context(as_file(files("voicectl.cli") / "starter_project" / "samples" / "narrator.mp3"))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    picture = _pixel()
    (folder / "cover.png").write_bytes(picture)
    digest = _digest(picture)
    return Material(
        sample=Upload(sample, "sample-1.mp3", "audio/mpeg", _digest(sample.read_bytes()), sample.stat().st_size),
        cover=Cover("cover.png", digest, len(picture), "image/png"),
        image=Upload(folder / "cover.png", "cover.png", "image/png", digest, len(picture)),
        token=uuid.uuid4().hex[:8],
    )


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _pixel() -> bytes:
    """A PNG of one grey pixel (W3C, "Portable Network Graphics", 5.3: length, type, data, CRC)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    header = (1).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", zlib.compress(b"\0\x80")) + chunk(b"IEND", b"")
