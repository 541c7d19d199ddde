"""Some six hundred files that are odd in one way each, and what is right for each: containers × codecs × mutations.

`python -m tests.audio.corpus` prints where the probe, the decoder, tinytag and soxi disagree.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tinytag import TinyTag

from tests.audio import corpus_mp4, corpus_streams, corpus_wav
from tests.audio.probing import probed, verdict_on
from tests.audio.variant import SECONDS, Variant
from voicectl.audio.decode import Sound, Unplayable, hear


def variants() -> Iterator[Variant]:
    """All of them."""
    yield from corpus_wav.variants()
    yield from corpus_streams.variants()
    for kind, base, content, verdict in corpus_mp4.variants():
        yield Variant(f"m4a: {kind}", base, "m4a", content, verdict, SECONDS)


def heard(content: bytes) -> Sound | str:
    """The decoder's answer."""
    try:
        return hear(io.BytesIO(content))
    except Unplayable as error:
        return str(error)


def by_tinytag(variant: Variant) -> float | None:
    """tinytag's answer."""
    try:
        return TinyTag.get(f"a.{variant.form}", file_obj=io.BytesIO(variant.content), tags=False).duration
    except Exception:
        return None


def by_sox(all_variants: list[Variant]) -> list[float | None]:
    """soxi's answers; all None where it is missing. It reads no MPEG-4."""
    program = shutil.which("soxi")
    if program is None:
        return [None] * len(all_variants)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:

        def ask(numbered: tuple[int, Variant]) -> float | None:
            number, variant = numbered
            path = Path(folder, f"{number}.{variant.form}")
            if variant.form == "m4a":
                return None
            path.write_bytes(variant.content)
            done = subprocess.run([program, "-D", path], capture_output=True, text=True, check=False)
            return float(done.stdout) if done.returncode == 0 and done.stdout.strip() else None

        return list(pool.map(ask, enumerate(all_variants)))


def tolerance(rate: int | None) -> float:
    """Seconds that are no difference: a tenth, or what encoders put before and behind the sound (two frames)."""
    return max(0.1, 2048 / (rate or 48_000))


def _agree(found: float | None, right: float, rate: int | None = None) -> str:
    if found is None:
        return "no answer"
    return "right" if abs(found - right) <= tolerance(rate) else f"off by {found - right:+.1f} s"


def table() -> str:
    """Where they disagree, by kind: the decoder's seconds are what is right."""
    every = list(variants())
    rows: dict[str, dict[tuple[str, ...], int]] = defaultdict(lambda: defaultdict(int))
    for variant, sox in zip(every, by_sox(every), strict=True):
        sound = heard(variant.content)
        right = sound.seconds if isinstance(sound, Sound) else 0.0
        decoder = f"{sound.codec} {right:.1f} s" if isinstance(sound, Sound) else "can't play it"
        found = probed(variant.content)
        ours = {
            "plays": "right" if variant.deaf else _agree(found.seconds, right, found.rate),
            "odd": f"unusual: {found.unusual}",
            "named": f"named {found.format}",
            "refused": "refused",
        }[verdict_on(found)]
        tags = _agree(by_tinytag(variant), right)
        soxi = "no answer" if variant.form == "m4a" else _agree(sox, right)
        if {ours, tags, soxi} - {"right"} and not (variant.form == "m4a" and {ours, tags} == {"right"}):
            rows[variant.kind][ours, decoder, tags, soxi] += 1
    lines = [
        f"{len(every)} files.",
        "",
        "| kind | files | probe | decoder | tinytag | soxi |",
        "|---|---|---|---|---|---|",
    ]
    for kind, answers in rows.items():
        columns = [sorted({answer[column] for answer in answers}) for column in range(4)]
        shown = (" / ".join(column[:3]) + (" …" if len(column) > 3 else "") for column in columns)
        lines.append(f"| {kind} | {sum(answers.values())} | {' | '.join(shown)} |")
    return "\n".join(lines)


def main(show: Callable[[str], object] = sys.stdout.write) -> None:
    """Print the table."""
    show(table() + "\n")


if __name__ == "__main__":
    main()
