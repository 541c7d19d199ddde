"""Every command block of the README and the pages does what it says, typed into bash as it stands."""

from __future__ import annotations

import os
import pty
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import KEY
from tests.warm import warm
from voicectl.emulator.server import RunningEmulator

ROOT = Path(__file__).resolve().parents[1]
FILES = (ROOT / "README.md", *sorted((ROOT / "voicectl/pages").glob("*.md")))


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    language: str
    text: str
    place: str


@dataclass(frozen=True)
class Setting:
    """What a reader has before the block, and what must hold after it: shell, run before and after it in one shell."""

    before: str = ""
    after: str = ""
    replaced: tuple[tuple[str, str], ...] = ()
    """Words that can't stand on a machine where anything else runs; {PORT} is a free one."""
    typed: str = "yes\n"
    """What a person answers at the terminal."""


ACME = """
cp -r "$EXAMPLES/acme/." .
rm -rf .voicectl *.lock.json
sed -i.bak 's/^provider: .*/provider: fish/' voicectl.yaml && rm voicectl.yaml.bak
"""
APPLIED = ACME + "export VOICECTL_ENV=production\nvoicectl -q apply --yes > /dev/null\n"
REPOSITORY = """
git init -q -b main . && git init -q -b main --bare ../origin.git
git add -A && git commit -q -m base
git remote add origin "$(cd .. && pwd)/origin.git" && git push -q -u origin main
"""

SETTINGS = {
    # One voice was changed by hand, another's sample is another recording.
    "$ voicectl plan": Setting(
        APPLIED
        + """
        accueil=$(voicectl output --format json | python -c 'import json, sys; print(json.load(sys.stdin)["accueil"])')
        python - "$accueil" <<'EOF'
import os, sys, httpx
headers = {"Authorization": "Bearer " + os.environ["FISH_API_KEY"]}
url = os.environ["FISH_API_URL"] + "/model/" + sys.argv[1]
httpx.patch(url, json={"title": "Acme Accueil (essai)"}, headers=headers).raise_for_status()
EOF
        cp samples/narrator-2.mp3 samples/gatekeeper-2.mp3
        sed -i.bak 's/gatekeeper-1.opus/gatekeeper-2.mp3/' voices/game.yaml
        """
    ),
    "voicectl init my-voices && cd my-voices": Setting(
        after="""
        test "$(basename "$PWD")" = my-voices
        test "$(git log --format=%s)" = "First voice"
        test -f .voicectl/emulator.lock.json
        test ! -e voicectl.lock.json
        test -z "$(git status --porcelain)"
        """,
        typed="\nyes\n",
    ),
    "voicectl drift --format sarif > drift.sarif": Setting(
        APPLIED, 'grep -q \'"version": "2.1.0"\' drift.sarif && python -m json.tool drift.sarif > /dev/null'
    ),
    "git config merge.voicectl.driver": Setting(
        APPLIED + REPOSITORY,
        """
        git check-attr merge voicectl.production.lock.json | grep -x '.*: merge: voicectl'
        # Both sides wrote the lockfile: Git alone would stop at a conflict.
        git add -A && git commit -q -m driver && git checkout -q -b other
        sed -i.bak 's/A gruff guard/A kind guard/' voices/game.yaml && voicectl -q apply --yes
        git commit -q -a -m other && git checkout -q main
        sed -i.bak 's/Warm, mid-paced/Calm, slow/' voices/narration.yaml && voicectl -q apply --yes --only narrator
        git commit -q -a -m main && git merge -q -m both other
        voicectl -q apply --yes && voicectl plan --detailed-exitcode
        """,
    ),
    "ci/voicectl.sh apply": Setting(
        'cp -r "$EXAMPLES/gitops/." . && rm -rf .voicectl && export VOICECTL_ENV=production' + REPOSITORY,
        """
        grep -q "3 to create" voicectl-plan.md
        git -C ../origin.git log -1 --format=%s main | grep -Fx "voicectl: lockfile of acme.production [skip ci]"
        test -z "$(git status --porcelain)"
        git pull -q && voicectl plan --detailed-exitcode
        """,
    ),
    "voicectl add hero": Setting(
        """
        voicectl -q init --provider emulator . && mkdir masters
        cp "$EXAMPLES/acme/samples/narrator-1.wav" masters/hero-take1.flac
        cp "$EXAMPLES/acme/samples/narrator-2.mp3" masters/hero-take2.flac
        printf 'name;title;audio\\nvillain;The Villain;masters/hero-take1.flac\\n' > cast.csv
        """,
        "voicectl -q apply --yes && voicectl plan --detailed-exitcode && test -f samples/hero-2.mp3",
    ),
    "voicectl emulator --port": Setting(
        "trap 'kill $(jobs -p)' EXIT\n",
        """
        for attempt in $(seq 100); do
            (: > /dev/tcp/127.0.0.1/{PORT}) 2> /dev/null && break || sleep 0.1
        done
        test "$FISH_API_URL" = http://127.0.0.1:{PORT}
        """
        + ACME
        + "voicectl -q -e staging apply --yes && voicectl -e staging plan --detailed-exitcode",
        (("8765", "{PORT}"),),
    ),
}
"""By words of the block that no other block has."""


def blocks() -> Iterator[Block]:
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        for match in re.finditer(r"^```(\S*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            yield Block(match[1], match[2], f"{file.name}:{text.count(chr(10), 0, match.start()) + 1}")


COMMANDS = [block for block in blocks() if block.language in ("sh", "console")]


def setting_of(block: Block) -> Setting:
    found = [key for key in SETTINGS if key in block.text]
    assert len(found) == 1, f"{block.place}: just one entry of SETTINGS must fit this block, not {found}"
    return SETTINGS[found[0]]


def test_no_block_of_commands_goes_by_another_name() -> None:
    assert {block.language for block in blocks()} <= {"sh", "console", "yaml", "json", "python", "text"}


def test_every_setting_is_of_a_block() -> None:
    for words in SETTINGS:
        assert sum(words in block.text for block in COMMANDS) == 1, words


@pytest.mark.skipif(not shutil.which("bash") or not shutil.which("git"), reason="needs bash and git")
@pytest.mark.parametrize("block", COMMANDS, ids=lambda block: block.place.replace(":", "-"))
def test_a_block_runs(block: Block, tmp_path: Path, emulator: RunningEmulator) -> None:
    setting = setting_of(block)
    text, after = block.text, setting.after
    port = str(free_port())
    for old, new in setting.replaced:
        assert old in text
        text = text.replace(old, new.format(PORT=port))
    if block.language == "sh":
        script = "\n".join([setting.before, text, after.replace("{PORT}", port)])
        bash(script, tmp_path, emulator, setting.typed)
        return
    commands = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
    said = "".join(f"echo '\x02'\n{command}\n" for command, _ in commands)
    printed = bash(f"{setting.before}\n{said}{after}", tmp_path, emulator).split("\x02\n")[1:]
    assert [alike(output) for output in printed] == [alike(output) for _, output in commands]


def bash(script: str, directory: Path, emulator: RunningEmulator, typed: str = "yes\n") -> str:
    """Run a script that ends at the first failure; a person at the terminal answers what it asks."""
    home, work = directory / "home", directory / "work"
    home.mkdir()
    work.mkdir()
    who = {f"GIT_{role}_{key}": "t@example.com" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    environ = {
        "PATH": f"{warm().on_path()}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "EXAMPLES": str(ROOT / "examples"),
        "FISH_API_URL": emulator.url,
        "FISH_API_KEY": KEY,
        **who,
    }
    person, terminal = pty.openpty()
    os.write(person, typed.encode())
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=work, env=environ, stdin=terminal, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    finally:
        os.close(person)
        os.close(terminal)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n--- standard error\n{done.stderr}"
    return done.stdout


def alike(text: str) -> str:
    """What is another on every run is made alike: ids, times, the endpoint."""
    text = re.sub(r"\b[0-9a-f]{32}\b", "<id>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "<time>", text)
    return re.sub(r"127\.0\.0\.1:\d+|api\.fish\.audio", "<endpoint>", text).strip()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
