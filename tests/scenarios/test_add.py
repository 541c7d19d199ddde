"""Recordings come in: copied, converted, a voice or a whole cast, and nothing half done."""

from __future__ import annotations

import csv
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock

from tests.audio import sounds
from tests.conftest import Project
from voicectl.audio import worker
from voicectl.audio.intake import CEILING, TARGET
from voicectl.audio.measure import measure
from voicectl.cli.commands import add

pytest.importorskip("av", reason="voicectl[audio] is not installed")
pytest.importorskip("webrtcvad", reason="voicectl[audio] is not installed")


def encoded(sound: sounds.Sound, container: str, codec: str, rate: int = sounds.RATE) -> bytes:
    """Sound in a container that the provider does not take."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format=container) as target:
        stream: Any = target.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(sound))
        frame.planes[0].update(sound.tobytes())
        frame.sample_rate = sounds.RATE
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate, frame_size=4096)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    return out.getvalue()


@pytest.fixture
def masters(tmp_path: Path) -> Path:
    """Studio masters, outside of any project."""
    folder = tmp_path / "masters"
    folder.mkdir()
    clean = sounds.speech()
    (folder / "a.flac").write_bytes(encoded(clean, "flac", "flac"))
    (folder / "quiet.aiff").write_bytes(encoded(sounds.louder(clean, -20), "aiff", "pcm_s16be"))
    (folder / "padded.wav").write_bytes(sounds.wav(sounds.silence(2) + clean + sounds.silence(3)))
    (folder / "plain.wav").write_bytes(sounds.wav(clean))
    return folder


def manifest(project: Project, file: str) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load((project.root / file).read_text(encoding="utf-8"))["voices"]
    return value


def measured(path: Path) -> Any:
    with path.open("rb") as file:
        return measure(file, path.stat().st_size)


def everything(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".voicectl" not in path.parts
    }


def test_what_the_provider_takes_is_copied_as_it_is(project: Project, masters: Path) -> None:
    done = project.run("add", "narrator", str(masters / "plain.wav"), "--transcript", "Good: morning #1").expect(0)
    assert (project.root / "samples/narrator-1.wav").read_bytes() == (masters / "plain.wav").read_bytes()
    assert manifest(project, "voices/narrator.yaml") == {
        "narrator": {
            "title": "Narrator",
            "samples": [{"audio": "../samples/narrator-1.wav", "transcript": "Good: morning #1"}],
        }
    }
    assert "1 recording of 1 voice added" in done.out
    project.run("validate").expect(0)


def test_everything_else_becomes_wav_or_what_is_asked_for(project: Project, masters: Path) -> None:
    (masters / "a.txt").write_text("The words.\r\n", encoding="utf-8")
    project.run("add", "narrator", str(masters / "a.flac"), "--title", "Märchen").expect(0)
    found = measured(project.root / "samples/narrator-1.wav")
    assert (found.codec, found.rate, found.channels) == ("pcm_s16le", 44_100, 1)
    assert found.seconds == pytest.approx(measured(masters / "a.flac").seconds, abs=0.01)
    assert (project.root / "samples/narrator-1.txt").read_text() == "The words.\n"
    assert manifest(project, "voices/narrator.yaml")["narrator"]["title"] == "Märchen"
    for form, codec in (("mp3", "mp3"), ("m4a", "aac"), ("opus", "opus")):
        project.run("add", f"as-{form}", str(masters / "a.flac"), "--as", form).expect(0)
        assert measured(project.root / f"samples/as-{form}-1.{form}").codec == codec
    project.run("validate").expect(0)


def test_quiet_recordings_get_louder_and_nothing_clips(project: Project, masters: Path) -> None:
    project.run("add", "a", str(masters / "quiet.aiff")).expect(0)
    found = measured(project.root / "samples/a-1.wav")
    assert found.loudness <= TARGET + 0.5
    assert found.loudness > measured(masters / "quiet.aiff").loudness + 15
    assert found.true_peak <= CEILING + 0.2
    assert found.flat_peaks == 0


def test_silence_is_cut_only_when_asked(project: Project, masters: Path) -> None:
    project.run("add", "a", str(masters / "padded.wav")).expect(0)
    project.run("add", "b", str(masters / "padded.wav"), "--trim").expect(0)
    whole, cut = (measured(project.root / f"samples/{name}-1.wav") for name in "ab")
    assert whole.head == pytest.approx(2, abs=0.2)
    assert cut.head < 0.4
    assert cut.tail < 0.6
    assert cut.seconds == pytest.approx(whole.seconds - whole.head - whole.tail + 0.5, abs=0.1)


def test_an_existing_voice_gets_more_samples_and_the_id_is_spoken_of(project: Project, masters: Path) -> None:
    project.voices({"host": {}})
    text = (project.root / "voices/all.yaml").read_text()
    done = project.run("add", "host", str(masters / "plain.wav")).expect(0)
    assert "Its id will change" in done.out
    assert manifest(project, "voices/all.yaml")["host"]["samples"][1] == {"audio": "../samples/host-1.wav"}
    assert text.splitlines()[0] in (project.root / "voices/all.yaml").read_text()
    before = everything(project.root)
    again = project.run("add", "host", str(masters / "plain.wav")).expect(0)
    assert "Nothing to add" in again.out
    assert everything(project.root) == before


def test_nothing_is_overwritten(project: Project, masters: Path) -> None:
    project.sample("a-1.wav")
    project.write("samples/a-2.txt", "other words")
    project.run("add", "a", str(masters / "plain.wav")).expect(0)
    assert (project.root / "samples/a-2.txt").read_text() == "other words"
    assert (project.root / "samples/a-3.wav").exists()


def test_names_with_dots_get_more_samples(project: Project, masters: Path) -> None:
    project.run("add", "v1.old", str(masters / "plain.wav")).expect(0)
    project.run("add", "v1.old", str(masters / "padded.wav")).expect(0)
    assert (project.root / "samples/v1.old-2.wav").exists()


def test_two_runs_lose_nothing_of_each_other(project: Project, masters: Path) -> None:
    for number in range(300):
        for who in "ab":
            (masters / f"{who}-{number}.wav").write_bytes(
                sounds.wav(sounds.tone(0.1, 200 + number + 400 * (who == "a")))
            )
    running = []
    for who in "ab":
        rows = [["name", "audio"], *[[f"{who}{number}", f"{who}-{number}.wav"] for number in range(300)]]
        command = [sys.executable, "-m", "voicectl", "add", "--into", "voices/all.yaml", "--from"]
        given = str(table(masters / f"{who}.csv", rows))
        running.append(subprocess.Popen([*command, given], cwd=project.root, stdout=subprocess.DEVNULL))
    assert [one.wait(60) for one in running] == [0, 0]
    assert len(manifest(project, "voices/all.yaml")) == 600


def test_a_run_that_writes_is_waited_for(project: Project, masters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicectl.cli.commands.add._PATIENCE", 0.1)
    project.run("add", "a", str(masters / "plain.wav")).expect(0)
    before = everything(project.root)
    with FileLock(project.root / ".voicectl/add.lock"):
        assert "another `voicectl add`" in project.run("add", "b", str(masters / "plain.wav")).expect(4).err
    assert everything(project.root) == before


def test_what_another_run_adds_meanwhile_counts(
    project: Project, masters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert = add._carried_out

    def meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(add, "_carried_out", convert)
        project.run("add", "a", str(masters / "padded.wav")).expect(0)
        return convert(*given)

    monkeypatch.setattr(add, "_carried_out", meanwhile)
    project.run("add", "a", str(masters / "plain.wav")).expect(0)
    assert len(manifest(project, "voices/a.yaml")["a"]["samples"]) == 2


def test_a_name_that_was_taken_meanwhile_is_left_alone(
    project: Project, masters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicectl.cli.landing._taken", lambda _: Counter())  # it looked before the other run wrote
    project.sample("a-1.wav")
    before = everything(project.root)
    assert "a-1.wav exists already" in project.run("add", "a", str(masters / "plain.wav")).expect(1).err
    assert everything(project.root) == before


def test_a_master_that_breaks_off_is_named(project: Project, masters: Path) -> None:
    data = (masters / "a.flac").read_bytes()
    (masters / "half.flac").write_bytes(data[: len(data) // 2])
    done = project.run("add", "a", str(masters / "half.flac")).expect(0)
    assert "it breaks off" in done.out
    assert "breaks off" not in project.run("add", "b", str(masters / "a.flac")).expect(0).out


def test_a_dry_run_knows_what_is_there(project: Project, masters: Path) -> None:
    project.run("add", "a", str(masters / "plain.wav")).expect(0)
    assert "Nothing to add" in project.run("add", "a", str(masters / "plain.wav"), "--dry-run").expect(0).out
    assert list((project.root / ".voicectl/add").iterdir()) == []


def test_a_name_with_dots_is_numbered_like_any_other(project: Project, masters: Path) -> None:
    project.sample("a.b-1.wav")
    project.run("add", "a.b", str(masters / "plain.wav")).expect(0)
    assert (project.root / "samples/a.b-2.wav").exists()


def test_a_recording_that_a_cast_names_twice_comes_in_once(project: Project, masters: Path) -> None:
    plain = masters / "plain.wav"
    project.write("cast.csv", f"name,audio\na,{plain}\nb,{plain}\na,{plain}\n")
    done = project.run("add", "--from", "cast.csv").expect(0)
    assert "2 recordings of 2 voices added" in done.out
    assert "a has plain.wav already" in done.err


def test_a_dry_run_writes_nothing(project: Project, masters: Path) -> None:
    project.voices({"host": {}})
    before = everything(project.root)
    done = project.run("add", "narrator", str(masters / "a.flac"), "--dry-run").expect(0)
    assert "samples/narrator-1.wav  from a.flac: converted" in done.out
    assert "would be added" in done.out
    assert everything(project.root) == before


def test_a_project_that_would_be_invalid_stays_as_it_was(project: Project, masters: Path) -> None:
    project.voices({"host": {"samples": [{"audio": project.sample("h.wav"), "transcript": "Words."}]}})
    before = everything(project.root)
    done = project.run("add", "host", str(masters / "plain.wav")).expect(1)
    assert "this sample has no transcript" in done.err
    assert "nothing was written" in done.err
    assert everything(project.root) == before


def table(path: Path, rows: list[list[str]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


COLUMNS = ["name", "title", "description", "tags", "visibility", "audio", "transcript", "speaker", "granted_on",
           "expires_on", "metadata.owner"]  # fmt: skip


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16")])
def test_a_cast_of_forty_to_an_applied_catalog_in_two_commands(
    project: Project, masters: Path, delimiter: str, encoding: str
) -> None:
    clean = sounds.part(sounds.speech(), 0, 11)
    rows = [COLUMNS]
    count = 40 if delimiter == "," else 3
    for number in range(count):
        (masters / f"{number}.flac").write_bytes(encoded(sounds.louder(clean, -number / 10), "flac", "flac"))
        rows.append([
            f"v{number}", f"声 {number}", 'A "quoted", long; text', "brave,old", "private", f"{number}.flac",
            f"Words of {number}", "Jane Roe", "2026-01-01", "2028-01-01", "audio-team",
        ])  # fmt: skip
    rows.append(["v0", "", "", "", "", "plain.wav", "More words", "", "", "", ""])
    project.run("add", "--from", str(table(masters / "cast.csv", rows, delimiter, encoding))).expect(0)
    project.apply()
    assert len(project.lock["voices"]) == count
    voice = manifest(project, "voices/v0.yaml")["v0"]
    assert voice["title"] == "声 0"
    assert voice["tags"] == ["brave", "old"]
    assert voice["metadata"] == {"owner": "audio-team"}
    assert voice["consent"]["speaker"] == "Jane Roe"
    assert [sample["transcript"] for sample in voice["samples"]] == ["Words of 0", "More words"]
    project.settled()


def test_a_folder_is_a_cast(project: Project, masters: Path) -> None:
    cast = masters / "cast"
    (cast / "Old Man").mkdir(parents=True)
    shutil.copy(masters / "a.flac", cast / "Old Man/take one.flac")
    shutil.copy(masters / "plain.wav", cast / "host-1.wav")
    shutil.copy(masters / "padded.wav", cast / "host-2.wav")
    (cast / "notes.pdf").write_bytes(b"%PDF")
    project.run("add", "--from", str(cast)).expect(0)
    assert len(manifest(project, "voices/host.yaml")["host"]["samples"]) == 2
    assert manifest(project, "voices/old-man.yaml")["old-man"]["title"] == "Old Man"


@pytest.mark.parametrize(
    ("rows", "place", "words"),
    [
        ([["name", "title", "audio", "visibilty"]], "cast.csv:1:1", "did you mean 'visibility'?"),
        ([["name", "title"], ["a", "T"]], "cast.csv:1:1", "the column 'audio' is missing"),
        ([["name", "audio", "name"]], "cast.csv:1:1", "two columns are called 'name'"),
        ([["name", "audio"], ["a", "gone.flac"]], "cast.csv:2:1", "there is no such file"),
        ([["name", "audio"], ["a", "."]], "cast.csv:2:1", "is not a regular file"),
        ([["name", "audio"], ["語り手", "plain.wav"]], "cast.csv:2:1", "can't be a voice's name"),
        ([["name", "audio"], ["", "plain.wav"]], "cast.csv:2:1", "name: must not be empty"),
        ([["name", "audio"], ["a"]], "cast.csv:2:1", "audio: must not be empty"),
        ([["name", "audio"], ["a", "plain.wav", "x"]], "cast.csv:2:1", "has 3 cells, and the first line 2"),
        (
            [["name", "title", "audio"], ["a", "T", "plain.wav"], ["a", "U", "a.flac"]],
            "cast.csv:3:1", "'U', but line 2 says 'T'",
        ),
        ([["name", "audio", "visibility"], ["a", "plain.wav", "unlisted"]], "cast.csv:2:1", "did you mean 'unlist'?"),
        ([["name", "audio", "granted_on"], ["a", "plain.wav", "1.2.2026"]], "cast.csv:2:1", "is not a date"),
        ([["name", "audio", "expires_on"], ["a", "plain.wav", "2026-01-01"]], "cast.csv:2:1", "need its speaker"),
        ([["name", "audio"], ["a", "plain.wav"], ["b", "text.flac"]], "cast.csv:3:1", "text.flac"),
        ([["name", "audio"]], "cast.csv:1:1", "names no recordings"),
        ([["name", "audio"], ["a", "plain.wav"], *[["b", "a.flac"]] * 20_000], "cast.csv:20002:1", "split the table"),
        ([["name", "audio", ""], ["a", "plain.wav", "x"]], "cast.csv:2:1", "'x' is in a column without a name"),
        (
            [["name", "audio", "transcript"], ["a", "plain.wav", "A"], ["b", "a.flac", "w" * 200_000]],
            "cast.csv:3:1", "can't be read as CSV from here on",
        ),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_row_by_row_and_nothing_is_done(
    project: Project, masters: Path, rows: list[list[str]], place: str, words: str
) -> None:
    (masters / "text.flac").write_text("no sound\n" * 100)
    table(masters / "cast.csv", rows)
    before = everything(project.root)
    done = project.run("add", "--from", str(masters / "cast.csv")).expect(1)
    assert f"{masters}/{place}" in done.err
    assert words in done.err
    assert everything(project.root) == before


def test_what_surely_is_no_sound_is_named_at_once(
    project: Project, masters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "Processes", None)  # nobody asks the decoder
    for name, content, words in (
        ("a.wav", b"only words\n", "is a text file"),
        ("b.mp3", b"PK\x03\x04" + bytes(99), "is a zip archive"),
        ("c.wav", b"%PDF-1.7\n", "is a PDF"),
        ("d.opus", b"\x89PNG\r\n\x1a\n" + bytes(99), "is image/png"),
        ("e.wav", b"/annex/objects/SHA256E-s1--0.wav\n", "is a git-annex pointer"),
        ("f.wav", b"", "is empty"),
    ):
        (masters / name).write_bytes(content)
        done = project.run("add", "v", str(masters / name)).expect(1)
        assert f"audio: {name} {words}" in done.err


def test_a_file_with_an_unusual_header_becomes_a_plain_one(project: Project, masters: Path) -> None:
    plain = (masters / "plain.wav").read_bytes()
    (masters / "odd.wav").write_bytes(plain + plain[36:])  # a second chunk of sound
    assert "converted" in project.run("add", "v", str(masters / "odd.wav")).expect(0).out
    project.run("validate").expect(0)


def test_a_quote_that_does_not_end_swallows_no_rows(project: Project, masters: Path) -> None:
    text = 'name,audio,transcript\na,plain.wav,"Hello.\nb,a.flac,Good morning.\n'
    (masters / "cast.csv").write_text(text, encoding="utf-8")
    before = everything(project.root)
    done = project.run("add", "--from", str(masters / "cast.csv")).expect(1)
    assert "cast.csv:2:1: can't be read as CSV from here on" in done.err
    assert everything(project.root) == before


def test_empty_columns_of_a_spreadsheet_do_no_harm(project: Project, masters: Path) -> None:
    table(masters / "cast.csv", [["name", "audio", "", ""], ["a", "plain.wav", "", ""]])
    project.run("add", "--from", str(masters / "cast.csv")).expect(0)


def test_a_folder_without_recordings_is_named(project: Project, tmp_path: Path) -> None:
    (tmp_path / "cast/Empty Room").mkdir(parents=True)
    done = project.run("add", "--from", str(tmp_path / "cast")).expect(1)
    assert "holds no recordings" in done.err


def test_a_folder_that_can_not_be_read_is_named(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cast/host").mkdir(parents=True)
    listed = Path.iterdir

    def iterdir(path: Path) -> Any:
        if path.name == "host":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    done = project.run("add", "--from", str(tmp_path / "cast")).expect(1)
    assert f"{tmp_path}/cast/host:1:1: can't be read (Permission denied)" in done.err


def test_devices_and_pipes_are_not_opened(project: Project, masters: Path) -> None:
    os.mkfifo(masters / "pipe.wav")
    for path in ("/dev/zero", str(masters / "pipe.wav"), str(masters)):
        assert "is not a regular file" in project.run("add", "a", path).expect(1).err
    (masters / "pointer.wav").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n")
    assert "Git LFS pointer" in project.run("add", "a", str(masters / "pointer.wav")).expect(1).err


def test_a_full_disk_leaves_nothing_half_done(project: Project, masters: Path) -> None:
    """The largest file that a process may write stands in for the end of a disk."""
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2);"
        "from voicectl.cli.main import main; sys.exit(main(sys.argv[2:]))"
    )
    before = everything(project.root)
    for name, limit in (("a.flac", 300_000), ("a.flac", 20_000), ("a.flac", 100_000), ("plain.wav", 300_000)):
        done = subprocess.run(
            [sys.executable, "-c", script, str(limit), "add", "a", str(masters / name)],
            cwd=project.root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "can't be written" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
        assert everything(project.root) == before


def test_a_killed_run_leaves_the_project_as_it_was(project: Project, masters: Path) -> None:
    long = sounds.speech() * 60
    (masters / "long.flac").write_bytes(encoded(long, "flac", "flac"))
    before = everything(project.root)
    command = [sys.executable, "-m", "voicectl", "add", "a", str(masters / "long.flac")]
    with subprocess.Popen(command, cwd=project.root, start_new_session=True) as running:
        end = time.monotonic() + 30
        while not list(project.root.glob(".voicectl/add/*/*")):
            assert time.monotonic() < end
            time.sleep(0.02)
        os.killpg(running.pid, signal.SIGKILL)
    assert everything(project.root) == before
    project.run("add", "a", str(masters / "plain.wav")).expect(0)


def test_a_decoder_that_fails_to_load_is_named(
    project: Project, masters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MEMORY", 140 * 1024**2)  # too little even to load it
    monkeypatch.setattr(worker, "PATIENCE", 5.0)
    before = everything(project.root)
    done = project.run("add", "a", str(masters / "a.flac")).expect(1)
    assert "a.flac can't be decoded" in done.err
    assert everything(project.root) == before


def test_without_the_decoder_what_needs_none_still_comes_in(
    project: Project, masters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicectl.audio.hearing.has_decoder", lambda: False)
    project.run("add", "a", str(masters / "plain.wav")).expect(0)
    done = project.run("add", "b", str(masters / "a.flac")).expect(1)
    assert "converting a.flac needs a decoder" in done.err
    assert "voicectl[audio]" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name a voice and its recordings"),
        (["a"], "name a voice and its recordings"),
        (["a", "x.wav", "--from", "y.csv"], "leave NAME and the others out"),
        (["a", "x.wav", "y.wav", "--transcript", "t"], "--transcript is the text of one recording"),
        (["a", "plain.wav", "--into", "/tmp/x.yaml"], "is outside the project"),
        (["a", "plain.wav", "--into", "elsewhere.yaml"], "matches none of the globs"),
        (["A", "plain.wav"], "can't be a voice's name"),
    ],
)
def test_bad_command_lines(project: Project, masters: Path, arguments: list[str], words: str) -> None:
    shutil.copy(masters / "plain.wav", project.root / "plain.wav")
    before = everything(project.root)
    assert words in project.run("add", *arguments).expect(1).err
    assert everything(project.root) == before
