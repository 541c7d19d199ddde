"""What a machine or a caller lacks is told as such: no internal error, no traceback, and what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Done, Project


def shell(project: Project, command: str) -> Done:
    """A line of a shell, in which `$V` is voicectl."""
    environ = {**os.environ, **project.environ, "V": f"{sys.executable} -m voicectl"}
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=project.root,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "internal error" not in done.stderr
    assert "Traceback" not in done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("$V apply <&-", 3, "nobody is here to confirm"),
        ("$V apply --yes -q <&- && $V destroy <&-", 3, "nobody is here to confirm"),
        ("$V apply --yes <&-", 0, ""),
        ("$V validate <&- >&-", 0, ""),
        ("$V say a - -o x.mp3 <&-", 1, "no recorded model"),
    ],
)
def test_standard_input_is_closed(local: Project, command: str, code: int, words: str) -> None:
    local.voices({"a": {}})
    assert words in shell(local, command).expect(code).err


@pytest.mark.parametrize("command", ["plan", "apply --yes", "validate", "init there", "drift"])
def test_the_working_directory_is_gone(local: Project, command: str) -> None:
    (local.root / "gone").mkdir()
    done = shell(local, f"cd gone && rmdir ../gone && $V {command}").expect(1)
    assert "the working directory does not exist any more" in done.err
    assert "change to a directory that does" in done.err
    assert shell(local, "mkdir gone && cd gone && rmdir ../gone && $V --version").expect(0).out.startswith("voicectl ")


@pytest.mark.parametrize("option", ["--wait", "--lock-timeout"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "1e999", "1e9", "soon"])
def test_no_time_to_wait(local: Project, option: str, value: str) -> None:
    local.voices({"a": {}})
    done = local.run("apply", "--yes", f"{option}={value}").expect(1)
    assert f"Invalid value for '{option}'" in done.err
    assert "seconds from 0 to 604800" in done.err or value == "soon"
    assert "see `voicectl apply --help`" in done.err
    assert not local.lock_path.exists()


def test_a_lockfile_with_a_time_beyond_all_calendars(local: Project) -> None:
    local.voices({"a": {}, "b": {}})
    local.apply()
    lock = local.lock
    lock["voices"]["a"]["retain"] = "P999999999D"
    local.lock_path.write_text(json.dumps(lock), encoding="utf-8")
    local.voices({"b": {}})
    for command in ("plan", "apply --yes", "drift", "destroy --confirm acme"):
        done = shell(local, f"$V {command}").expect(1)
        assert "emulator.lock.json: voices.a.retain: this number or time is too large" in done.err
        assert "restore it from Git" in done.err


RAISING = """
import sys
from voicectl.cli.commands import drift
def raising(*arguments, **options):
    raise {error}
drift.observed = raising
sys.argv = ["voicectl", "drift", *sys.argv[1:]]
from voicectl.__main__ import entry
entry()
"""


@pytest.mark.parametrize(
    ("error", "words", "hint"),
    [
        ("MemoryError()", "there is not enough memory", "--only"),
        ("RecursionError('maximum recursion depth exceeded')", "nested too deeply", "look for a file"),
    ],
)
def test_the_machine_is_too_small(local: Project, tmp_path: Path, error: str, words: str, hint: str) -> None:
    local.voices({"a": {}})
    script = tmp_path / "raising.py"
    script.write_text(RAISING.format(error=error), encoding="utf-8")
    done = local.spawn_script(str(script)).expect(1)
    assert words in done.err
    assert hint in done.err
    assert "internal error" not in done.err
    assert words in local.spawn_script(str(script), "--format", "json").expect(1).json["error"]["message"]
