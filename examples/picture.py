"""Makes `picture.svg`, which the README shows: a plan, its apply and the empty plan, as a terminal shows them.

Everything in it was printed by the real command on the built-in emulator, in a temporary copy of `examples/acme`.
"""

from __future__ import annotations

import contextlib
import io
import os
import pty
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

sys.path.insert(0, str(Path(__file__).parent))
import demo

PICTURE = Path(__file__).with_name("picture.svg")
WIDTH = 100
THEME = TerminalTheme(
    (255, 255, 255),
    (36, 41, 47),
    [
        (36, 41, 47),
        (176, 32, 40),
        (17, 99, 41),
        (125, 78, 0),
        (9, 105, 218),
        (130, 80, 223),
        (27, 124, 131),
        (87, 96, 106),
    ],
)
# Rich's own format fetches a font from an address.
FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<title>voicectl plan, voicectl apply, voicectl plan</title>
<style>
.{unique_id}-matrix {{
  font: {char_height}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  line-height: {line_height}px;
}}
.{unique_id}-title {{ font: 18px sans-serif }}
svg > rect {{ stroke: #d0d7de }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    PICTURE.write_text(picture(), encoding="utf-8")


def picture() -> str:
    """The story's terminal as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    with tempfile.TemporaryDirectory(prefix="voicectl-picture-") as directory:
        project = Path(directory) / "acme"
        shutil.copytree(demo.ACME, project, ignore=shutil.ignore_patterns(".voicectl", "*.lock.json"))
        with contextlib.redirect_stdout(io.StringIO()):
            prepare(project)
        for arguments in (("plan",), ("apply", "--yes"), ("plan",)):
            console.print(Text.assemble(("$ ", "bold blue"), (" ".join(("voicectl", *arguments)), "bold")))
            console.print(Text.from_ansi(shown(project, *arguments)))
    return console.export_svg(title="acme", theme=THEME, code_format=FORMAT, unique_id="voicectl")


def prepare(project: Path) -> None:
    """Voices that were applied; then one is renamed by hand, and another's sample is recorded anew."""
    demo.voicectl(project, "apply", "--yes")
    demo.by_hand(project, "accueil", {"title": "Acme Accueil (essai)"})
    shutil.copy(project / "samples/narrator-2.mp3", project / "samples/gatekeeper-2.mp3")
    demo.edit(project / "voices/game.yaml", "gatekeeper-1.opus", "gatekeeper-2.mp3")


def shown(project: Path, *arguments: str) -> str:
    """What a terminal is sent: results with their colours; progress, which is drawn over, is left out."""
    reader, terminal = pty.openpty()
    environ = {**os.environ, "VOICECTL_ENV": "production", "COLUMNS": str(WIDTH)}
    environ.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "voicectl", *arguments]
    process = subprocess.Popen(command, cwd=project, env=environ, stdout=terminal, stderr=subprocess.DEVNULL)
    os.close(terminal)
    parts = []
    # At its end, a terminal's reader gets an error on Linux and nothing on macOS.
    with contextlib.suppress(OSError):
        while part := os.read(reader, 65536):
            parts.append(part)
    os.close(reader)
    if process.wait() != 0:
        sys.exit(f"voicectl {arguments[0]} ended with {process.returncode}")
    return b"".join(parts).decode().replace("\r\n", "\n")


if __name__ == "__main__":
    main()
