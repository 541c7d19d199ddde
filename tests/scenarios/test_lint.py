"""How samples sound: the whole command on recordings with faults, in parts, from memory and on a cluster."""

from __future__ import annotations

import json
import math
import os
import signal
import struct
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.audio import sounds
from tests.conftest import ROOT, Project
from voicectl.cli.commands.schema import schema

pytest.importorskip("av", reason="voicectl[audio] is not installed")
pytest.importorskip("webrtcvad", reason="voicectl[audio] is not installed")

FAULTS: dict[str, Callable[[sounds.Sound], sounds.Sound]] = {
    "silent": lambda clean: sounds.silence(12),
    "quiet": lambda clean: sounds.louder(clean, -25),
    "clipping": lambda clean: sounds.louder(clean, 12),
    "noise": lambda clean: sounds.noisy(clean, -38),
    "head": lambda clean: sounds.silence(2) + clean,
    "tail": lambda clean: clean + sounds.silence(3),
    "pause": lambda clean: sounds.part(clean, 0, 6) + sounds.silence(3) + sounds.part(clean, 6, 12),
    "dc_offset": lambda clean: sounds.shifted(clean, 0.1),
    "speech": lambda clean: sounds.tone(12),
}


@pytest.fixture
def clean() -> sounds.Sound:
    return sounds.speech()


def put(project: Project, name: str, data: bytes) -> str:
    target = project.root / "samples" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return f"../samples/{name}"


def rules(done: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for finding in done.json["findings"]:
        found.setdefault(finding["voice"], set()).add(finding["rule"])
    return found


def test_every_fault_is_found_and_clean_speech_passes(project: Project, clean: sounds.Sound) -> None:
    voices: dict[str, Any] = {}
    for name, make in FAULTS.items():
        voices[name.replace("_", "-")] = {"samples": [{"audio": put(project, f"{name}.wav", sounds.wav(make(clean)))}]}
    low = sounds.wav(sounds.halved(clean), 8000)
    voices["low"] = {"samples": [{"audio": put(project, "low.wav", low)}]}
    for path in sounds.SAMPLES.iterdir():  # English and French
        if path.suffix != ".txt" and path != sounds.SPEECH:
            voices[path.stem] = {"samples": [{"audio": put(project, path.name, path.read_bytes())}]}
    project.voices(voices)
    done = project.run("lint", "--format", "json").expect(1)
    jsonschema.validate(done.json, schema("lint"))
    found = rules(done)
    copies = {"near_copy", "same_recording"}  # most of them are made from one recording
    assert {name: found[name.replace("_", "-")] & {name} for name in FAULTS} == {name: {name} for name in FAULTS}
    assert found["low"] - copies == {"sample_rate"}
    assert all(not found.get(path.stem, set()) for path in sounds.SAMPLES.iterdir() if path != sounds.SPEECH)


def test_the_exit_code_follows_fail_on(project: Project, clean: sounds.Sound) -> None:
    project.voices({"a": {"samples": [{"audio": put(project, "a.wav", sounds.wav(sounds.louder(clean, -25)))}]}})
    assert "is quiet" in project.run("lint").expect(0).out
    project.run("lint", "--fail-on", "warning").expect(1)
    project.config(policy={"lint": {"quiet": "error"}})
    project.run("lint").expect(1)
    project.run("lint", "--fail-on", "never").expect(0)
    project.config(policy={"lint": {"quiet": "off"}})
    assert "0 errors, 0 warnings" in project.run("lint").expect(0).out


def test_annotations_and_sarif_point_at_the_samples_line(project: Project, clean: sounds.Sound) -> None:
    put(project, "a.wav", sounds.wav(sounds.louder(clean, -25)))
    project.write("voices/a.yaml", "voices:\n  a:\n    title: A\n    samples:\n      - audio: ../samples/a.wav\n")
    done = project.run("lint", "--format", "github", "--report", "sarif=lint.sarif", "--report", "markdown=lint.md")
    assert done.expect(0).out.startswith("::warning file=voices/a.yaml,line=5,col=1::samples/a.wav: is quiet")
    (run,) = json.loads((project.root / "lint.sarif").read_text())["runs"]
    (result,) = run["results"]
    assert result["ruleId"] == "quiet"
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 5
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "quiet"
    assert "is quiet" in (project.root / "lint.md").read_text()


def test_a_recording_is_decoded_once(project: Project, clean: sounds.Sound, monkeypatch: pytest.MonkeyPatch) -> None:
    project.voices({"a": {"samples": [{"audio": put(project, "a.wav", sounds.wav(clean))}]}})
    first = project.run("lint", "--format", "json").expect(0)

    def none_again(*args: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr("voicectl.audio.hearing.Processes", none_again)
    assert project.run("lint", "--format", "json").expect(0).json == first.json
    cache = project.root / ".voicectl/cache/lint.json"
    cache.write_text("[]")  # a damaged cache is no result
    assert "decoded again" in project.run("lint").expect(1).err


def test_shards_together_are_the_whole(project: Project, clean: sounds.Sound) -> None:
    loud = {name: sounds.louder(clean, -number) for number, name in enumerate("abcde")}
    samples = [{"audio": put(project, f"{name}.wav", sounds.wav(sound))} for name, sound in loud.items()]
    project.voices({"one": {"samples": samples[:3]}, "two": {"samples": samples[3:]}})
    whole = project.run("lint", "--format", "json").expect(1).json
    assert {finding["rule"] for finding in whole["findings"]} == {"same_recording", "near_copy"}
    files = []
    for number in (1, 2, 3):
        done = project.run("lint", "--shard", f"{number}/3", "--format", "json").expect(0)
        assert done.json["shard"] == f"{number}/3"
        files.append(project.root / f"{number}.json")
        files[-1].write_text(done.out)
    measured = [sample["audio"] for file in files for sample in json.loads(file.read_text())["samples"]]
    assert len(measured) == len(set(measured)) == 5, "every sample has exactly one result"
    merges = [word for file in files for word in ("--merge", file.name)]
    assert project.run("lint", *merges, "--format", "json").expect(1).json == whole
    failed = project.run("lint", *merges[:-2]).expect(1)
    assert "lack" in failed.err
    files[0].write_text("{}")
    assert "is no report" in project.run("lint", *merges).expect(1).err


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "1/0", "a/b", "1/3/5"])
def test_a_shard_is_a_part(project: Project, shard: str) -> None:
    assert "is not I/N" in project.run("lint", "--shard", shard).expect(1).err


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("envelope", "abc"),
        ("envelope", "é"),
        ("envelope", "AAAA" * 1_000_000),
        ("loudness", float("nan")),
        ("seconds", float("inf")),
        ("seconds", -5.0),
        ("channels", 10**400),
        ("damaged", -1),
    ],
)
def test_measurements_that_no_recording_has_count_as_none(
    project: Project, clean: sounds.Sound, field: str, value: Any
) -> None:
    project.voices({"one": {"samples": [{"audio": put(project, "one.wav", sounds.wav(clean))}]}})
    before = project.run("lint", "--format", "json").expect(0)
    cache = project.root / ".voicectl/cache/lint.json"
    kept = json.loads(cache.read_text())
    for entry in kept["heard"].values():
        entry[field] = value
    cache.write_text(json.dumps(kept))
    assert project.run("lint", "--format", "json").expect(0).out == before.out
    report = before.json
    report["samples"][0]["measured"][field] = value
    project.write("foreign.json", json.dumps(report))
    done = project.run("lint", "--merge", str(project.root / "foreign.json")).expect(1)
    assert "is no report of" in done.err


def test_samples_that_are_no_numbers_make_a_report_of_numbers(project: Project) -> None:
    sound = array("f", [math.nan, math.inf] * 44_100 * 6).tobytes()
    form = struct.pack("<HHIIHH", 3, 1, 44_100, 4 * 44_100, 4, 32)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(sound)) + sound
    project.voices(
        {"one": {"samples": [{"audio": put(project, "a.wav", b"RIFF" + struct.pack("<I", len(chunks)) + chunks)}]}}
    )
    done = project.run("lint", "--format", "json").expect(1)
    assert "NaN" not in done.out
    assert "Infinity" not in done.out


def test_a_scheduler_that_is_not_there_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="voicectl[dask] is not installed")
    project.voices({"a": {}})
    monkeypatch.setattr("voicectl.audio.cluster._CONNECT_SECONDS", 1)
    done = project.run("lint", "--scheduler", "tcp://127.0.0.1:9").expect(1)
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in done.err


@pytest.mark.parametrize("address", ["", "garbage", "tcp://[::1", "http://host:8786", "inproc://x", "tcp://\x1b[31m:1"])
def test_a_scheduler_that_can_not_be_one_is_refused_at_once(project: Project, address: str) -> None:
    pytest.importorskip("distributed", reason="voicectl[dask] is not installed")
    project.voices({"a": {}})
    done = project.run("lint", "--scheduler", address).expect(1)
    assert "is no address of a scheduler" in done.err
    assert "\x1b" not in done.err


def test_without_the_decoder_the_way_out_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.voices({"a": {}})
    monkeypatch.setattr("voicectl.audio.hearing.has_decoder", lambda: False)
    done = project.run("lint", "--format", "json").expect(1)
    assert done.json["error"]["code"] == "no_decoder"
    assert "voicectl[audio]" in done.err


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers, each a process of its own."""
    pytest.importorskip("distributed", reason="voicectl[dask] is not installed")
    where = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path, "env": environ}
    plain = ["--no-dashboard", "--host", "127.0.0.1"]
    started = [subprocess.Popen([*command, "--port", "0", *plain, "--scheduler-file", str(where)], **quiet)]  # type: ignore[call-overload]
    try:
        wait_for(lambda: where.exists() and bool(where.read_text()))
        address = json.loads(where.read_text())["address"]
        for _ in range(2):
            worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"]
            started.append(subprocess.Popen([*worker, *plain], **quiet))  # type: ignore[call-overload]
        wait_for(lambda: workers_of(address) == 2)
        yield address, started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


def workers_of(address: str) -> int:
    from distributed import Client

    connect: Any = Client
    with connect(address, timeout=20, set_as_default=False) as client:
        return len(client.scheduler_info()["workers"])


def wait_for(condition: Callable[[], bool], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not start"
        time.sleep(0.1)


def test_a_cluster_whose_worker_is_killed_gives_every_sample_one_result(
    project: Project, clean: sounds.Sound, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    address, workers = cluster
    samples = [
        {"audio": put(project, f"{number}.wav", sounds.wav(sounds.louder(clean, -number / 10)))} for number in range(40)
    ]
    project.voices({"one": {"samples": samples[:20]}, "two": {"samples": samples[20:]}})
    command = [sys.executable, "-m", "voicectl", "lint", "--scheduler", address, "--format", "json"]
    with subprocess.Popen(command, cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        cache = project.root / ".voicectl/cache"
        time.sleep(1.5)
        workers[0].send_signal(signal.SIGKILL)
        out, err = running.communicate(timeout=90)
    assert running.returncode == 1, err  # they are copies of one another
    found = json.loads(out)["samples"]
    assert len(found) == 40
    assert all(sample["measured"] for sample in found)
    assert (cache / "lint.json").exists()
