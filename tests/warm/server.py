"""Imports voicectl and forks for each command that it is asked for, until its standard input ends: `server.py ADDRESS`.

Each connection gets a keeper. It is a fork that starts the command as its own child, and says its pid and how it ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import threading
import time
from typing import Any

import voicectl
from tests.pauses import shorten
from tests.warm.client import COMMAND, PASSED_ON, exactly, number_in, of_number
from voicectl.__main__ import entry


def serve(address: str) -> tuple[dict[str, Any], list[int]] | None:
    """Wait for orders. Returns one in each process that is to carry it out, and none at the end."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        _ready()
        while True:
            readable, _, _ = select.select([listener.fileno(), 0], [], [])
            _reap(os.WNOHANG)
            if 0 in readable:
                break
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                return _keep(connection)
            connection.close()
    _reap(0)
    return None


def _ready() -> None:
    """Say so, and leave standard output to the commands."""
    os.write(1, b"ready\n")
    with open(os.devnull, "r+b", buffering=0) as nothing:
        os.dup2(nothing.fileno(), 1)


def _reap(options: int) -> None:
    """Take note of keepers that ended, so that what they used is counted."""
    try:
        while os.waitpid(-1, options) != (0, 0):
            pass
    except ChildProcessError:
        pass


def _keep(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Start what a connection asks for, in a child, in which this returns."""
    head, streams, _, _ = socket.recv_fds(connection, 4, 3)
    order = json.loads(exactly(connection, number_in(head)))
    pid = os.fork()
    if pid == 0:
        connection.close()
        return order, streams
    for stream in streams:
        os.close(stream)
    connection.sendall(of_number(pid))
    ended = threading.Event()

    def end_with_the_client() -> None:
        if not connection.recv(1) and not ended.is_set():
            os.kill(pid, signal.SIGKILL)

    threading.Thread(target=end_with_the_client, daemon=True).start()
    _, status = os.waitpid(pid, 0)
    ended.set()
    try:
        connection.sendall(of_number(os.waitstatus_to_exitcode(status)))
    finally:
        os._exit(0)


def become(order: dict[str, Any], streams: list[int]) -> None:
    """Take on what the client has."""
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    # Anew, for the ones that there are know what the server's streams could do.
    for name, mode, buffering in (("stdin", "r", -1), ("stdout", "w", -1), ("stderr", "w", 1)):
        old = getattr(sys, name)
        setattr(sys, name, open(old.fileno(), mode, buffering, old.encoding, old.errors, closefd=False))  # noqa: SIM115
    os.environ.clear()  # and no new mapping: functions know this one
    os.environ.update(order["env"])
    time.tzset()
    os.chdir(order["cwd"])
    os.umask(order["umask"])
    for number in PASSED_ON:
        default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if number in order["ignored"] else default)


def main(address: str) -> None:
    for module in pkgutil.walk_packages(voicectl.__path__, "voicectl."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    shorten()
    gc.collect()
    gc.freeze()
    found = serve(address)
    if found is None:
        return
    order, streams = found
    become(order, streams)
    what, *sys.argv[1:] = order["command"]
    sys.argv[0] = what
    if what == COMMAND:
        entry()
    else:
        runpy.run_path(what, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1])
