"""Completion in real shells: what is on the command line after the key was pressed."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.warm import warm

REAL = str(Path(sys.executable).parent)
SHELLS = ("bash", "zsh", "fish")
EACH = pytest.mark.parametrize("shell", SHELLS)

BASH = r"""eval "$(voicectl completion bash)"
PS1= PS2=
bind 'set bell-style none'
bind '"\e*": insert-completions'
"""
ZSH = r"""autoload -Uz compinit && compinit -u -D
eval "$(voicectl completion zsh)"
_insert_all() { _main_complete; compstate[insert]=all; compstate[list]= }
zle -C insert-all complete-word _insert_all
bindkey -e
bindkey '^[*' insert-all
PS1= PS2= PROMPT_EOL_MARK=
"""
SETUP = {"bash": BASH, "zsh": ZSH}


def environment(home: Path, **more: str) -> dict[str, str]:
    path = f"{warm().on_path()}:{REAL}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "TERM": "dumb", "INPUTRC": os.devnull, **more}


def offered(shell: str, lines: list[str], project: Project, **environ: str) -> list[list[str]]:
    """What the shell puts in place of each line's last word, sorted; the word itself where it knows nothing."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    env = environment(project.root.parent, **environ)
    if shell == "fish":
        asks = "".join(f"echo '<'; complete -C '{line}';" for line in lines)
        answers = run(["fish", "--no-config", "-c", f"voicectl completion fish | source; {asks}"], project, env)
        # An option or a file may be followed by a tab and what it is.
        found = [[word.partition("\t")[0] for word in each.split("\n") if word] for each in answers.split("<\n")[1:]]
    else:
        # A terminal, and somebody who types: each line, the key for all completions, and printf before it all.
        keys = "".join(f"{line}\x1b*\x01printf '<%s>' \necho\n" for line in lines)
        person, terminal = pty.openpty()
        os.write(person, (SETUP[shell] + keys + "exit\n").encode())
        plain = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"]}[shell]
        try:
            answers = run([shell, *plain, "-i"], project, env, terminal)
        finally:
            os.close(person)
            os.close(terminal)
        typed = [re.findall(r"<([^>]*)>", each) for each in answers.splitlines()]
        found = [words[line.count(" ") :] for line, words in zip(lines, typed, strict=True)]
    assert len(found) == len(lines), answers
    return [
        sorted(word.rstrip("/") for word in words) or [line.split(" ")[-1]]
        for line, words in zip(lines, found, strict=True)
    ]


def run(command: list[str], project: Project, env: dict[str, str], stdin: int = subprocess.DEVNULL) -> str:
    done = subprocess.run(
        command, cwd=project.root, env=env, stdin=stdin, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout


@pytest.fixture
def acme(local: Project) -> Project:
    """Two voices, one of them applied, in two environments; and files to choose from."""
    local.config(provider="emulator", environments={"production": None, "staging": None})
    local.voices({"narrator": {}})
    local.run("-e", "production", "apply", "--yes").expect(0)
    local.voices({"narrator": {}, "nightowl": {}})
    local.write("plan-a.json", "{}")
    return local


OFFERED = {
    "voicectl pl": ["plan"],
    "voicectl plan --det": ["--detailed-exitcode"],
    "voicectl plan --format ": ["json", "markdown", "text"],
    "voicectl plan --format=m": ["--format=markdown"],
    "voicectl --env=staging plan --on-drift k": ["keep"],
    "voicectl state ": ["merge", "move", "rebuild", "unlock"],
    "voicectl state rebuild --y": ["--yes"],
    "voicectl apply plan-": ["plan-a.json"],
    "voicectl -C sam": ["samples"],
    "voicectl -C voi": ["voices"],
    "voicectl -e ": ["production", "staging"],
    "voicectl show n": ["narrator", "nightowl"],
    "voicectl say na": ["narrator"],
    "voicectl --env=staging plan --only n": ["narrator", "nightowl"],
    "voicectl show x": ["x"],
}


@EACH
def test_what_is_offered(shell: str, acme: Project) -> None:
    assert dict(zip(OFFERED, offered(shell, list(OFFERED), acme), strict=True)) == OFFERED


def test_fish_loads_the_script_from_where_the_readme_puts_it(acme: Project) -> None:
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    home = acme.root.parent
    script = "mkdir -p ~/.config/fish/completions; voicectl completion fish > ~/.config/fish/completions/voicectl.fish"
    env = environment(home, PATH=f"{REAL}:{os.environ['PATH']}")
    subprocess.run(["bash", "-c", script], cwd=acme.root, env=env, check=True)
    assert run(["fish", "-c", "complete -C 'voicectl pul'"], acme, env).startswith("pull\t")


@EACH
def test_the_environment_of_the_shell_counts(shell: str, acme: Project) -> None:
    acme.config(provider="emulator", environments={"production": None, "staging": {"voices": {}}})
    acme.voices({"narrator": {}, "nightowl": {"environments": ["staging"]}})
    assert offered(shell, ["voicectl show n"], acme, VOICECTL_ENV="production") == [["narrator"]]


def test_a_lockfile_knows_the_voices_of_manifests_that_are_broken(acme: Project) -> None:
    acme.write("voices/all.yaml", "voices: {")
    assert asked(acme, "voicectl show ", 2) == ["plain,narrator"]


HOSTILE = ["$(touch owned)", "a b", "a\nplain,b", "\x1b[31m", "`id`", "*", "../x"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_strangers_names_reach_no_command_line(name: str, local: Project) -> None:
    """What is offered may be typed in by the shell as it stands."""
    local.config(provider="emulator", environments={name: None, "staging": None})
    local.voices({name: {"samples": []}, "narrator": {}})
    assert set(asked(local, "voicectl -e ", 2)) <= {"plain,staging"}
    assert set(asked(local, "voicectl show ", 2)) <= {"plain,narrator"}


@pytest.mark.parametrize("line", ["voicectl show ", "voicectl -e "])
@pytest.mark.parametrize("text", [None, "", "catalog: [", "catalog: acme\nmanifests: [/etc/*]\n", "- 1\n", "\x00"])
def test_a_broken_project_offers_nothing_and_says_nothing(line: str, text: str | None, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    project.root.mkdir()
    if text is not None:
        project.write("voicectl.yaml", text)
    assert asked(project, line, line.count(" ")) == []


def test_nothing_is_written_and_nothing_sent(local: Project) -> None:
    local.config(provider="fish")
    local.voices({"narrator": {}})
    before = sorted(local.root.rglob("*"))
    # Nothing listens there: a request would be an error, and take its time.
    env = {"FISH_API_URL": "http://127.0.0.1:9", "FISH_API_KEY": "k", "PATH": f"{REAL}:{os.environ['PATH']}"}
    assert asked(local, "voicectl say ", 2, **env) == ["plain,narrator"]
    assert sorted(local.root.rglob("*")) == before


def asked(project: Project, line: str, word: int, **environ: str) -> list[str]:
    """What the command answers the script of bash; it may say nothing else, and never fails."""
    more = {"COMP_WORDS": line, "COMP_CWORD": str(word), "_VOICECTL_COMPLETE": "bash_complete"}
    env = {**environment(project.root), **more, **environ}
    done = subprocess.run(
        ["sh", "-c", "exec voicectl"], cwd=project.root, env=env,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return [line for line in done.stdout.split("\n") if line]
