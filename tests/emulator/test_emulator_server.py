"""The emulator as a process of its own: ports, signals, sudden death, shared files, big uploads."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from voicectl.emulator.app import in_process_transport
from voicectl.emulator.server import RunningEmulator, serve
from voicectl.emulator.settings import Settings
from voicectl.emulator.store import Store
from voicectl.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import resource, sys
from pathlib import Path
from voicectl.emulator.server import serve
from voicectl.emulator.settings import Settings
serve(Settings(), db=Path(sys.argv[1]), on_ready=lambda url: print(url, flush=True))
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
"""
HEADERS = {"authorization": "Bearer k"}
FIELDS = {"type": "tts", "train_mode": "fast", "title": "T", "visibility": "private"}


class Process:
    def __init__(self, db: Path) -> None:
        self.run = subprocess.Popen(
            [sys.executable, "-B", "-c", PROGRAM, db],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.run.stdout is not None
        self.url = self.run.stdout.readline().strip()
        self.http = httpx.Client(base_url=self.url, headers=HEADERS, verify=False, timeout=20)

    def end(self, number: int) -> tuple[int, str, str]:
        self.run.send_signal(number)
        out, err = self.run.communicate(timeout=10)
        self.http.close()
        return self.run.returncode, out, err


@pytest.fixture
def start() -> Iterator[Any]:
    started: list[Process] = []

    def begin(db: Path) -> Process:
        started.append(Process(db))
        return started[-1]

    yield begin
    for process in started:
        if process.run.poll() is None:
            process.end(signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_normally(start: Any, tmp_path: Path, number: int) -> None:
    process = start(tmp_path / "db")
    assert process.http.get("/model").status_code == 200
    began = time.monotonic()
    code, out, err = process.end(number)
    assert (code, err) == (0, "")
    assert out.startswith("peak")
    assert time.monotonic() - began < 30
    with pytest.raises(httpx.ConnectError):
        httpx.get(process.url, verify=False)


def test_what_was_answered_survives_sigkill(start: Any, tmp_path: Path) -> None:
    process = start(tmp_path / "db")
    ids = []
    stop = threading.Event()

    def create() -> None:
        try:
            while not stop.is_set():
                answer = process.http.post("/model", data=FIELDS, files={"voices": b"v"})
                ids.append(answer.json()["_id"])
        except httpx.TransportError:
            pass

    threads = [threading.Thread(target=create) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    process.run.kill()
    stop.set()
    for thread in threads:
        thread.join()
    process.end(signal.SIGKILL)
    assert len(ids) > 10
    kept = {model["_id"] for model in start(tmp_path / "db").http.get("/_emulator/models").json()["items"]}
    assert set(ids) <= kept
    assert len(kept) <= len(ids) + len(threads)


def test_two_processes_share_a_file(start: Any, tmp_path: Path) -> None:
    one, two = start(tmp_path / "db"), start(tmp_path / "db")

    def create(process: Process) -> None:
        for _ in range(60):
            assert process.http.post("/model", data=FIELDS, files={"voices": b"v"}).status_code == 201

    threads = [threading.Thread(target=create, args=(process,)) for process in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    params = {"self": "true", "page_size": 100, "sort_by": "created_at"}
    pages = [process.http.get("/model", params=params).json() for process in (one, two)]
    assert [page["total"] for page in pages] == [120, 120]
    assert [item["_id"] for item in pages[0]["items"]] == [item["_id"] for item in pages[1]["items"]]
    times = [model["created_at"] for model in one.http.get("/_emulator/models").json()["items"]]
    assert len(set(times)) == 120


def test_a_big_upload_is_not_held_in_memory(start: Any, tmp_path: Path) -> None:
    peaks = []
    for size in (50_000, 50_000_000):
        process = start(tmp_path / f"db-{size}")
        sample = tmp_path / f"{size}.wav"
        with sample.open("wb") as file:
            file.truncate(size)
        with sample.open("rb") as one, sample.open("rb") as two:
            answer = process.http.post("/model", data=FIELDS, files=[("voices", one), ("voices", two)])
        assert answer.status_code == 201
        assert [a["duration_ms"] for a in answer.json()["quality"]["audios"]] == [size * 1000 // 16000] * 2
        _, out, _ = process.end(signal.SIGINT)
        peaks.append(int(out.split()[1]))
    small, big = peaks
    assert big - small < 30_000, "kilobytes: 100 MB of samples must not show"


def test_a_port_in_use_is_an_error_with_advice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}: the port is in use") as caught:
            serve(Settings(), port=port)
        assert caught.value.hint
        with pytest.raises(UsageError, match="in use"):
            RunningEmulator(port=port)


@pytest.mark.parametrize(("host", "port"), [("host.invalid", 0), ("127.0.0.1", 99999), ("203.0.113.1", 0)])
def test_an_impossible_address_is_an_error_with_advice(host: str, port: int) -> None:
    with pytest.raises(UsageError, match="can't be listened on") as caught:
        serve(Settings(), host=host, port=port)
    assert caught.value.hint


def test_a_file_that_is_no_database_is_an_error_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("important notes, not a database\n" * 100)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="can't be used"):
        Store(path)
    assert path.read_bytes() == before
    with pytest.raises(UsageError, match="can't be"):
        Store(tmp_path)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "other.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE models (x)")
    db.commit()
    db.close()
    with pytest.raises(UsageError, match="another program's"):
        Store(path)
    db = sqlite3.connect(path)
    assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("models",)]
    db.close()


def test_it_stops_with_requests_in_flight(caplog: pytest.LogCaptureFixture) -> None:
    outcome: list[Exception] = []
    with RunningEmulator(Settings(latency=30_000)) as emulator:

        def ask() -> None:
            try:
                httpx.get(emulator.url + "/model", headers=HEADERS, timeout=20, verify=False)
            except httpx.TransportError as error:
                outcome.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        while not emulator.log.entries():
            time.sleep(0.005)
        began = time.monotonic()
    thread.join()
    assert time.monotonic() - began < 15
    assert len(outcome) == 1
    assert caplog.records == []
    emulator.stop()


def test_in_process_keeps_its_file_from_run_to_run(tmp_path: Path) -> None:
    db = tmp_path / "deep" / "emulator.db"

    async def run() -> int:
        transport = in_process_transport(db)
        async with httpx.AsyncClient(transport=transport, base_url="http://emulator", headers=HEADERS) as client:
            answer = await client.post("/model", data=FIELDS, files={"voices": b"v"})
            assert answer.status_code == 201
            found = await client.get("/model", params={"self": "true"})
        return int(found.json()["total"])

    assert [asyncio.run(run()), asyncio.run(run())] == [1, 2]
    assert sorted(path.name for path in db.parent.iterdir()) == ["emulator.db"]
