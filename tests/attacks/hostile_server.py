"""A server that answers with whatever bytes a test gives it, for as long as the other side listens."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache

Answer = Callable[[str, str], Iterable[bytes]]
"""From the method and the path of a request to the bytes of its answer."""


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Its address. It ends with the block, whatever it is sending then."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def accept() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, IndexError, ValueError):
            method, path = _request(connection)
            for piece in answer(method, path):
                if ended.is_set():
                    return
                connection.sendall(piece)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        ended.set()
        listening.close()


def _request(connection: socket.socket) -> tuple[str, str]:
    head, _, body = b"", b"", b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = head.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    method, path, *_ = head.decode().split(" ")
    return method, path


def head(status: int = 200, kind: str = "application/json", **more: str) -> bytes:
    """The head of an answer whose body ends with the connection."""
    lines = [f"HTTP/1.1 {status} Words", f"content-type: {kind}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def document(value: object, status: int = 200) -> Iterator[bytes]:
    """A JSON answer."""
    yield head(status) + json.dumps(value).encode()


def endless(status: int = 200, kind: str = "application/json") -> Iterator[bytes]:
    """A body without end."""
    yield head(status, kind)
    while True:
        yield b" " * 65536


@lru_cache
def _bomb(times: int) -> bytes:
    """A megabyte of gzip that holds a thousand, packed so many times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(b" " * 1024 * 1024) for _ in range(1024)) + packer.flush()
    for _ in range(times - 1):
        packed = gzip.compress(packed)
    return packed


def bomb(status: int = 200, kind: str = "application/json", times: int = 1) -> Iterator[bytes]:
    """A body that is small until it is unpacked."""
    yield head(status, kind, content_encoding=", ".join(["gzip"] * times)) + _bomb(times)


def trickle(first: bytes, pause: float = 0.1) -> Iterator[bytes]:
    """A byte at a time, for ever."""
    yield first
    while True:
        yield b"x"
        time.sleep(pause)
