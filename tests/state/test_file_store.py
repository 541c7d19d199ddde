"""The contract of StateStore, held by FileStore; a new adapter joins by a line in `store`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.memory import ACCOUNT, IDENTITY, START, inputs_of
from voicectl.errors import StateConflict, StateError, StateLocked, StateNotSaved, VoicectlError
from voicectl.files import Scratch
from voicectl.model.lock import Applied, Blocked, Lock, Pending, Record, RecordedSample, Removed, Retired
from voicectl.state.codec import decode, encode
from voicectl.state.file import FileStore
from voicectl.state.port import ABSENT, Holder, StateStore

NAME = "voicectl.lock.json"
GONE = Retired("m1", 1, inputs_of("one"), START, START + timedelta(days=7), deleting=True)
FULL = Lock(
    "acme",
    "staging",
    replace(IDENTITY, account=ACCOUNT),
    voices={
        "b": Record(
            "created",
            "m2",
            generation=2,
            inputs=inputs_of("two"),
            samples=(RecordedSample(inputs_of("x"), None),),
            applied=Applied(title="Ünïcode 🎙", tags=("x", "y"), visibility="unlist"),
            blocked={"visibility": Blocked("public", "unlist"), "tags": Blocked(("x",), ())},
            pending=Pending("m3", 3, inputs_of("three")),
            retired=(GONE,),
        ),
        "a": Record("external", "m2", state="training"),
    },
    removed={"gone": Removed((replace(GONE, id="m4", inputs=None, deleting=False),))},
)


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    return file_store(tmp_path)


def file_store(root: Path) -> FileStore:
    return FileStore(root / NAME, NAME, Scratch(root))


def nobody(holder: Holder | None) -> None:
    raise AssertionError(f"nobody holds the lease, but {holder}")


def test_nothing_is_there_at_first(store: StateStore) -> None:
    assert store.load() == (None, ABSENT)


def test_what_was_saved_is_loaded(store: StateStore) -> None:
    version = store.save(FULL, ABSENT)
    assert store.load() == (FULL, version)


def test_equal_locks_have_one_version_and_others_have_another(store: StateStore) -> None:
    first = store.save(FULL, ABSENT)
    turned = replace(FULL, voices=dict(reversed(list(FULL.voices.items()))))
    assert store.save(turned, first) == first
    second = store.save(replace(FULL, removed={}), first)
    assert second != first
    assert store.save(FULL, second) == first


@pytest.mark.parametrize("expected", [ABSENT, "0" * 64])
def test_a_save_over_another_version_is_a_conflict(store: StateStore, expected: str) -> None:
    version = store.save(FULL, ABSENT)
    with pytest.raises(StateConflict):
        store.save(replace(FULL, voices={}), expected)
    assert store.load() == (FULL, version)


def test_a_lease_keeps_a_second_run_out_and_names_the_first(store: StateStore) -> None:
    heard: list[Holder | None] = []
    with store.lease("voicectl apply", 0, nobody):
        with pytest.raises(StateLocked, match="voicectl apply"), store.lease("other", 0, heard.append):
            pytest.fail("two held the lease")
        assert [holder and holder.command for holder in heard] == ["voicectl apply"]
        assert heard[0] is not None
        assert heard[0].pid == os.getpid()
    with store.lease("other", 0, nobody):
        pass


def test_a_lease_ends_with_an_error_too(store: StateStore) -> None:
    with pytest.raises(KeyError), store.lease("a", 0, nobody):
        raise KeyError
    with store.lease("b", 0, nobody):
        pass


@pytest.mark.parametrize("there", [False, True], ids=["no state yet", "a state"])
def test_proof_writes_as_much_as_a_save_and_changes_nothing(store: StateStore, there: bool) -> None:
    version = store.save(FULL, ABSENT) if there else ABSENT
    store.prove(10_000)
    assert store.load() == ((FULL if there else None), version)


# From here on: what only a file can do.


def test_a_lease_frees_itself_when_its_holder_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom voicectl.state.file import FileStore\n"
        "from voicectl.files import Scratch\n"
        f"root = Path(sys.argv[1])\nstore = FileStore(root / {NAME!r}, {NAME!r}, Scratch(root))\n"
        "with store.lease('held', 0, lambda holder: None):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    store = file_store(tmp_path)
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StateLocked, match=f"pid {holder.pid}"), store.lease("next", 0, lambda _: None):
            pytest.fail("two held the lease")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with store.lease("next", 5, lambda _: None):
            assert json.loads((tmp_path / ".voicectl" / f"{NAME}.holder").read_text())["command"] == "next"


def test_a_file_is_sorted_indented_and_untouched_when_nothing_changed(tmp_path: Path) -> None:
    store = file_store(tmp_path)
    version = store.save(FULL, ABSENT)
    path = tmp_path / NAME
    data, before = path.read_bytes(), path.stat()
    assert data.endswith(b"}\n")
    assert json.dumps(json.loads(data), indent=2, sort_keys=True, ensure_ascii=False) + "\n" == data.decode()
    store.save(FULL, version)
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_save_that_breaks_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = file_store(tmp_path)
    version = store.save(FULL, ABSENT)
    data = (tmp_path / NAME).read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    for broken in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, broken, full)
            with pytest.raises(StateNotSaved, match="No space left"):
                store.save(replace(FULL, voices={}), version)
        assert {path.name for path in tmp_path.iterdir()} == {NAME, ".voicectl"}
        assert (tmp_path / NAME).read_bytes() == data


def test_proof_fails_where_a_save_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = file_store(tmp_path)
    version = store.save(FULL, ABSENT)
    size, written = len((tmp_path / NAME).read_bytes()), 0

    def count(number: int) -> bytes:
        nonlocal written
        written += number
        return bytes(number)

    monkeypatch.setattr(os, "urandom", count)
    store.prove(1000)
    assert written >= size + 1000
    assert store.save(FULL, version) == version
    for denied in ("fsync", "access"):
        with monkeypatch.context() as patch:
            patch.setattr(os, denied, _refusing(denied))
            with pytest.raises(StateNotSaved, match=r"No space left|Permission denied"):
                store.prove()
        assert {path.name for path in tmp_path.iterdir()} == {NAME, ".voicectl"}


def _refusing(name: str) -> Callable[..., bool]:
    def refuse(*_: Any) -> bool:
        if name == "access":
            return False
        raise OSError(28, "No space left on device")

    return refuse


def test_a_save_keeps_the_files_mode(tmp_path: Path) -> None:
    store = file_store(tmp_path)
    version = store.save(FULL, ABSENT)
    (tmp_path / NAME).chmod(0o640)
    store.save(replace(FULL, voices={}), version)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o640


def test_a_directory_in_the_files_place_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(StateError, match="can't be read"):
        file_store(tmp_path).load()


def _changed(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda lock: lock.update(values)


def _voice(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda lock: lock["voices"]["b"].update(values)


def _naive(lock: dict[str, Any]) -> None:
    lock["voices"]["b"]["retired"][0]["delete_after"] = "2026-11-29T10:00:00"


def _no_version_but_a_voice_of_that_name(lock: dict[str, Any]) -> None:
    del lock["format_version"]
    lock["voices"]["format_version"] = lock["voices"].pop("b")


def _far(lock: dict[str, Any]) -> None:
    lock["voices"]["b"]["retired"][0]["delete_after"] = "9999-12-31T23:59:59Z"


def _ancient(lock: dict[str, Any]) -> None:
    lock["voices"]["b"]["retired"][0]["retired_at"] = "0001-01-01T00:00:00+14:00"


def _no_account(lock: dict[str, Any]) -> None:
    lock["provider"]["account"] = None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_changed(format_version=2), "format version 2 is newer"),
        (_changed(format_version=None), "format_version: this key is missing"),
        (_no_version_but_a_voice_of_that_name, "format_version: this key is missing"),
        (_changed(format_version="1"), "format_version: this value has the wrong type"),
        (_changed(catalog=None), "catalog: this value has the wrong type"),
        (_changed(surprise=1), "surprise: unknown key"),
        (_voice(surprise=1), "voices.b.surprise: unknown key"),
        (_voice(id="../../etc"), "voices.b.id: voicectl can't have written this id or digest"),
        (_voice(id="m4"), "model m4 is recorded twice"),
        (_voice(inputs="md5:1"), "voices.b.inputs: voicectl can't have written this id or digest"),
        (_voice(origin="stolen"), "voices.b.origin: this value has the wrong type"),
        (_naive, "model m1: a time without a zone"),
        (_far, "can't be: it is not in this or the next century"),
        (_ancient, "can't be: it is not in this or the next century"),
        (_voice(retain="P999999999D"), "voices.b.retain: this number or time is too large"),
        (_voice(retain="-P1D"), "voices.b.retain: this number or time is too small"),
        (_voice(retain="P99999999999999D"), "voices.b.retain: voicectl can't have written this time span"),
        (_no_account, "ids are recorded, but no account"),
    ],
)
def test_a_lockfile_that_says_something_impossible(change: Callable[[dict[str, Any]], None], message: str) -> None:
    values = json.loads(encode(FULL))
    change(values)
    refused(json.dumps(values).encode(), message)


CONFLICT = b"{\n<<<<<<< HEAD\n=======\n>>>>>>> theirs\n}\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", ":1: the lockfile is empty"),
        (b" \n", "the lockfile is empty"),
        (encode(FULL)[:-40], "the lockfile is not complete JSON"),
        (b"\xff\xfe\x00", "the lockfile is not complete JSON"),
        (b"[" * 100_000, "the lockfile is not complete JSON"),
        (CONFLICT, ":2: the lockfile holds merge-conflict marks"),
        (b"[]", "this value has the wrong type"),
        (b"null", "this value has the wrong type"),
    ],
)
def test_a_lockfile_that_is_none(data: bytes, message: str) -> None:
    refused(data, message)


def refused(data: bytes, message: str) -> None:
    with pytest.raises(VoicectlError) as caught:
        decode(data, NAME)
    assert isinstance(caught.value, StateError)
    assert message in caught.value.message
    assert caught.value.message.startswith(NAME)
    assert caught.value.hint
