"""What stands for `voicectl` on a PATH: hands everything to the server, passes signals on, ends as the command ended.

    python -IS client.py ADDRESS ARGUMENTS…

It imports nothing but the standard library, to begin in a moment.
"""

import json
import os
import signal
import socket
import struct
import sys

COMMAND = "voicectl"
"""What to run where it is no script."""
PASSED_ON = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_NUMBER = struct.Struct("!i")


def ask(address: str, command: list[str], *, cwd: str, env: dict[str, str], streams: list[int]) -> socket.socket:
    """Start a command; the connection on which the server answers."""
    umask = os.umask(0)
    os.umask(umask)
    ignored = [int(number) for number in PASSED_ON if signal.getsignal(number) is signal.SIG_IGN]
    order = json.dumps({"command": command, "cwd": cwd, "env": env, "umask": umask, "ignored": ignored}).encode()
    server = socket.socket(socket.AF_UNIX)
    server.connect(address)
    socket.send_fds(server, [_NUMBER.pack(len(order))], streams)
    server.sendall(order)
    return server


def pid_of(server: socket.socket) -> int:
    """The first answer: the command's pid."""
    return number_in(exactly(server, _NUMBER.size))


def end_of(server: socket.socket) -> int:
    """The second one, when it has ended: its exit code, or the negative number of a signal."""
    return number_in(exactly(server, _NUMBER.size))


def exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes."""
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError("the other side went away")
        data += more
    return data


def number_in(data: bytes) -> int:
    """A number as both sides send it."""
    number: int = _NUMBER.unpack(data)[0]
    return number


def of_number(number: int) -> bytes:
    """The bytes that are sent for a number."""
    return _NUMBER.pack(number)


def main(address: str, arguments: list[str]) -> None:
    """Be the command, as seen from outside."""
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    server = ask(address, [COMMAND, *arguments], cwd=os.getcwd(), env=dict(os.environ), streams=[0, 1, 2])
    pid = pid_of(server)
    for number in PASSED_ON:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: os.kill(pid, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    code = end_of(server)
    if code >= 0:
        os._exit(code)
    if -code != signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
