"""The story of one voice catalog, told with the real command on the built-in emulator.

Works on a temporary copy of `examples/acme`; needs no key and touches nothing outside that copy.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ACME = Path(__file__).parent / "acme"
BOLD, DIM, END = ("\x1b[1m", "\x1b[2m", "\x1b[0m") if sys.stdout.isatty() else ("", "", "")
EMULATOR_KEY = "emulator-key"
"""With this key the served emulator shows the account that `provider: emulator` works in."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="voicectl-demo-") as directory:
        project = Path(directory) / "acme"
        shutil.copytree(ACME, project, ignore=shutil.ignore_patterns(".voicectl", "*.lock.json"))
        tell(project)


def tell(project: Path) -> None:
    say("Acme keeps its voices in Git: manifests, samples, transcripts. Are they in order?")
    voicectl(project, "validate")
    say("What would become of them? A plan only reads.")
    voicectl(project, "plan")
    say("Make it so. Models are created private, trained, then shown to whom they are meant for.")
    voicectl(project, "apply", "--yes")
    say("A plan right after an apply is empty.")
    voicectl(project, "plan", "--detailed-exitcode")

    say("Now two people are at work. One edits a manifest in Git: gatekeeper gets another description.")
    edit(project / "voices/game.yaml", "A gruff guard for the second act.", "A gruff guard with a soft heart.")
    say("The other renames a voice in the web app, behind our back. (Here: a PATCH to the provider's API.)")
    by_hand(project, "accueil", {"title": "Acme Accueil (essai)"})
    say("The plan tells the two apart: one comes from Git, one is drift.")
    voicectl(project, "plan")
    voicectl(project, "apply", "--yes")

    say("The gatekeeper is recorded anew. Samples can't be changed on a model, so it must be replaced.")
    sample = project / "samples/gatekeeper-1.opus"
    before = sample.read_bytes()
    shutil.copy(project / "samples/narrator-2.mp3", project / "samples/gatekeeper-2.mp3")
    edit(project / "voices/game.yaml", "gatekeeper-1.opus", "gatekeeper-2.mp3")
    edit(project / "voices/game.yaml", "gatekeeper-1.txt", "narrator-2.txt")
    voicectl(project, "apply", "--yes")
    voicectl(project, "show", "gatekeeper")

    say("The director wants the old recording back: git revert. The old model was only retired: its id returns.")
    edit(project / "voices/game.yaml", "gatekeeper-2.mp3", "gatekeeper-1.opus")
    edit(project / "voices/game.yaml", "narrator-2.txt", "gatekeeper-1.txt")
    assert sample.read_bytes() == before
    voicectl(project, "apply", "--yes")

    say("Applications read the ids from the lockfile.")
    voicectl(project, "output")
    print(NEXT)


NEXT = f"""
{BOLD}That was the whole job, on the emulator: nothing real was touched.{END}
With a Fish Audio key, in a directory of your own:

    . {sys.prefix}/bin/activate
    voicectl init my-voices && cd my-voices     # a first voice; put your own samples in
    sed -i.bak 's/^provider: .*/provider: fish/' voicectl.yaml
    export FISH_API_KEY=…                       # from your Fish Audio account
    voicectl doctor                             # is everything in place?
    voicectl plan                               # reads only
    voicectl apply                              # asks first
"""


def say(text: str) -> None:
    print(f"\n{BOLD}# {text}{END}", flush=True)


def voicectl(project: Path, *arguments: str) -> str:
    """Run the command as a person would, show it, and stop the story if it fails."""
    print(f"{DIM}$ voicectl {' '.join(arguments)}{END}", flush=True)
    environ = {**os.environ, "VOICECTL_ENV": "production"}
    command = [sys.executable, "-m", "voicectl", *arguments]
    done = subprocess.run(
        command, cwd=project, env=environ, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    print(done.stdout, end="", flush=True)
    if done.returncode != 0:
        sys.exit(f"voicectl {arguments[0]} ended with {done.returncode}")
    return done.stdout


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path} does not hold {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    print(f"{DIM}  {path.name}: {old} → {new}{END}")


def by_hand(project: Path, name: str, values: dict[str, str]) -> None:
    """Change a model as the web app would: over HTTP, in the account that the project works in."""
    lock = json.loads((project / ".voicectl/emulator.production.lock.json").read_text(encoding="utf-8"))
    with served(project / ".voicectl/emulator.db") as url:
        request = urllib.request.Request(
            f"{url}/model/{lock['voices'][name]['id']}",
            data=json.dumps(values).encode(),
            headers={"Authorization": f"Bearer {EMULATOR_KEY}", "Content-Type": "application/json"},
            method="PATCH",
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
    print(f"{DIM}  {name}: {json.dumps(values, ensure_ascii=False)}{END}")


@contextmanager
def served(database: Path) -> Iterator[str]:
    """The emulator on a free port, on a project's own database."""
    command = [sys.executable, "-m", "voicectl", "--quiet", "emulator", "--port", "0", "--db", str(database)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    main()
