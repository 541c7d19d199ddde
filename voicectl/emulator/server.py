"""The emulator on a TCP port: until a signal for the command line, in a thread for tests."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from starlette.applications import Starlette
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import Server, ServerState

from voicectl.emulator.app import create_app
from voicectl.emulator.gate import HANG_UP
from voicectl.emulator.requestlog import RequestLog
from voicectl.emulator.settings import Settings
from voicectl.emulator.store import Store
from voicectl.errors import UsageError

_BACKLOG = 512
_KEEP_ALIVE_SECONDS = 75
_GRACE_SECONDS = 2.0


class _Protocol(H11Protocol):
    """uvicorn's HTTP protocol, which lets the application end a connection without an answer."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, {**app_state, HANG_UP: self.hang_up}, _loop)
        self.logger = _logger

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Sends small answers at once, which asyncio does only for sockets that name their protocol."""
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)

    def hang_up(self, gently: bool) -> None:
        """Closes the connection: gently after all sent data has gone out, or at once with a TCP reset."""
        if gently:
            self.transport.close()
            return
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class _Server(Server):
    """uvicorn's server under its owner's control: it leaves signals alone, and ends as soon as `end` is called."""

    def __init__(self, app: Any, on_ready: Callable[[], None], grace: float = 0.0) -> None:
        config = Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # of uvicorn itself; what the application raises is logged
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        super().__init__(config)
        self._on_ready = on_ready
        self._grace = grace
        self._end = asyncio.Event()

    def end(self) -> None:
        """Ends it. To be called in the thread of its event loop."""
        self._end.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves them to the owner."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to accept connections."""
        await super().startup(sockets)
        self._on_ready()

    async def main_loop(self) -> None:
        """Waits for the end. uvicorn's own loop polls ten times a second, and every test would wait for that."""
        await self._end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts no more, gives requests in flight some time, then cuts off all connections.

        uvicorn's own would answer 500 to the remaining requests.
        """
        for server in self.servers:
            server.close()
        if self._grace and self.server_state.tasks:
            await asyncio.wait(set(self.server_state.tasks), timeout=self._grace)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
        tasks = set(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)


class _NoCancellations(logging.Filter):
    """Keeps the end of requests that a stop cuts off out of the log: it is not an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


_logger = logging.getLogger("voicectl.emulator")
_logger.addFilter(_NoCancellations())


def serve(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 0,
    db: Path | None = None,
    on_ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serves until SIGINT or SIGTERM, then returns. Port 0 picks a free one; no `db` keeps all in memory.

    Calls `on_ready` with the URL once it listens. Call it in the main thread. Raises UsageError if the port or the file
    can't be used.
    """
    sock = _bind(host, port)
    try:
        store = Store(db)
        try:
            asyncio.run(_serve_until_signal(create_app(store, settings), sock, lambda: on_ready(_url(sock))))
        finally:
            store.close()
    finally:
        sock.close()


async def _serve_until_signal(app: Starlette, sock: socket.socket, ready: Callable[[], None]) -> None:
    loop, server = asyncio.get_running_loop(), _Server(app, ready, _GRACE_SECONDS)

    def on_signal(number: int, frame: Any) -> None:
        loop.call_soon_threadsafe(server.end)

    # Ignored signals stay ignored: Ctrl-C must not end a shell's background job.
    signals = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, on_signal) for number in signals}
    try:
        await server.serve(sockets=[sock])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class RunningEmulator:
    """An emulator in a thread of this process, on a free loopback port, for tests.

        with RunningEmulator(Settings(latency=5)) as emulator:
            client = httpx.Client(base_url=emulator.url)

    You can replace `settings` while it runs, and `wrap` it into an ASGI application of your own. Stopping cuts off
    requests in flight.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        db: Path | None = None,
        port: int = 0,
        wrap: Callable[[Starlette], Any] = lambda app: app,
    ) -> None:
        self._socket = _bind("127.0.0.1", port)
        self.url = _url(self._socket)
        try:
            self.store = Store(db)
        except UsageError:
            self._socket.close()
            raise
        self.app = create_app(self.store, settings)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._server = _Server(wrap(self.app), self._ready.set)
        self._thread = threading.Thread(target=self._run, name="voicectl-emulator", daemon=True)

    @property
    def log(self) -> RequestLog:
        """The log of all requests so far."""
        log = self.app.state.log
        assert isinstance(log, RequestLog)
        return log

    @property
    def settings(self) -> Settings:
        """The settings that the next request meets."""
        settings = self.app.state.settings
        assert isinstance(settings, Settings)
        return settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.app.state.settings = settings

    def start(self) -> None:
        """Starts the thread and returns when the port answers."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Ends the thread and closes port and store. Stopping twice does no harm."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._server.end)
            self._thread.join()
        self._socket.close()
        self.store.close()

    def __enter__(self) -> RunningEmulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._server.serve(sockets=[self._socket]))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()
            self._ready.set()


def _bind(host: str, port: int) -> socket.socket:
    address, hint = f"{host}:{port}", "choose another host or port; port 0 picks a free one"
    # The resolver takes a port modulo 65536 instead of refusing it.
    if not 0 <= port <= 65535:
        raise UsageError(f"{address}: can't be listened on: the port is not from 0 to 65535", hint)
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(place[:2], family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise UsageError(f"{address}: the port is in use", hint) from None
        raise UsageError(f"{address}: can't be listened on: {error}", hint) from None


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
