"""`voicectl` as a process that need not import itself: a child of one that has imported everything already.

Where tests start hundreds of processes, their imports cost more than what they do. What is started here has a pid,
arguments, an environment, a directory, streams, a umask and ignored signals like any process, and it ends by itself,
by an exit code or by a signal. It differs in this: it waits less (`pauses.py`), nothing is imported anew, hashes are
those of the parent, and session, process group and limits are the server's. So the promises of a start (imports, the
path, signals at any moment of it) are tested with real processes.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO

from tests.warm import client
from tests.warm.client import COMMAND as COMMAND


class Running:
    """A process that was started: what tests need of `subprocess.Popen`."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self.pid = client.pid_of(server)
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, or the negative number of the signal that ended it."""
        if self.returncode is None:
            self._server.settimeout(timeout)
            with self._server:  # a command that takes too long ends with it
                self.returncode = client.end_of(self._server)
        return self.returncode


@dataclass
class Warm:
    """A server, which forks for each command. It ends with the process that started it."""

    directory: Path
    owner: int = field(default_factory=os.getpid)

    def __post_init__(self) -> None:
        self.address = str(self.directory / "server")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm.server", self.address],
            cwd=Path(__file__).resolve().parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "the server did not start"
        self._process.stdout.close()

    def start(
        self,
        *arguments: str,
        what: str = COMMAND,
        cwd: Path,
        env: Mapping[str, str],
        streams: tuple[int | IO[bytes], int | IO[bytes], int | IO[bytes]],
    ) -> Running:
        """Run the command, or a script of the tests."""
        numbers = [each if isinstance(each, int) else each.fileno() for each in streams]
        return Running(client.ask(self.address, [what, *arguments], cwd=str(cwd), env=dict(env), streams=numbers))

    def on_path(self) -> str:
        """A directory for a PATH, whose `voicectl` is warm."""
        script = self.directory / "bin" / "voicectl"
        if not script.exists():
            script.parent.mkdir(exist_ok=True)
            words = " ".join(f"'{word}'" for word in (sys.executable, "-IS", client.__file__, self.address))
            script.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
            script.chmod(0o755)
        return str(script.parent)

    def stop(self) -> None:
        if os.getpid() != self.owner:
            return  # a fork of the process that started it
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        shutil.rmtree(self.directory, ignore_errors=True)


@cache
def warm() -> Warm:
    """This process's server, and that of its forks."""
    # A short path: the address of a socket may have about a hundred bytes.
    made = Warm(Path(tempfile.mkdtemp(prefix="voicectl-warm-")))
    atexit.register(made.stop)
    return made
