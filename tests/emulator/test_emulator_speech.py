"""POST /v1/tts: playable audio in every format."""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from tinytag import TinyTag

SHORT, LONG = "Hello there.", "Hello there. " * 20
FORMATS = ("wav", "pcm", "mp3", "opus")
PROBE = shutil.which("ffprobe")
PLAYER = shutil.which("ffmpeg")


def speak(api: Any, text: str = SHORT, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    return api.http.post("/v1/tts", json={"text": text, **fields}, headers=headers or {})


@pytest.mark.parametrize("wanted", FORMATS)
def test_longer_texts_take_longer(api: Any, wanted: str) -> None:
    short, long = (speak(api, text, format=wanted) for text in (SHORT, LONG))
    assert short.status_code == long.status_code == 200
    assert short.headers["content-type"].startswith("audio/")
    assert short.headers["transfer-encoding"] == "chunked"
    assert len(long.content) > 5 * len(short.content) > 0


@pytest.mark.parametrize("rate", [8000, 44100])
def test_wav_is_a_wave_file_of_the_right_length(api: Any, rate: int) -> None:
    content = speak(api, LONG, format="wav", sample_rate=rate).content
    with wave.open(io.BytesIO(content)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (rate, 1, 2)
        frames = sound.readframes(10**9)
        assert len(frames) / 2 / rate == pytest.approx(len(LONG) * 0.06, abs=0.01)
        assert any(frames)
    assert content[4:8] == content[40:44] == b"\xff" * 4, "sizes are placeholders: the audio is streamed"


@pytest.mark.skipif(not PROBE or not PLAYER, reason="needs ffmpeg and ffprobe")
@pytest.mark.parametrize("wanted", ["wav", "mp3", "opus"])
def test_a_player_decodes_it_without_complaint(api: Any, wanted: str, tmp_path: Any) -> None:
    path = tmp_path / f"speech.{wanted}"
    path.write_bytes(speak(api, LONG, format=wanted).content)
    # The sizes of a wav are placeholders, so its last packet is shorter than they say; it plays all the same.
    strict = [] if wanted == "wav" else ["-xerror"]
    played = subprocess.run(
        [str(PLAYER), "-v", "error", *strict, "-i", path, "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (played.returncode, played.stderr) == (0, "")
    probe = [str(PROBE), "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path]
    seconds = float(subprocess.run(probe, capture_output=True, text=True, check=True).stdout)
    assert seconds == pytest.approx(len(LONG) * 0.06, abs=0.2)


def test_mp3_frames_and_opus_pages_parse(api: Any, tmp_path: Any) -> None:
    for wanted, bitrate in (("mp3", 64), ("mp3", 192), ("opus", None)):
        path = tmp_path / f"x-{bitrate}.{wanted}"
        path.write_bytes(speak(api, LONG, format=wanted, mp3_bitrate=bitrate or 128).content)
        tag = TinyTag.get(path)
        assert tag.duration == pytest.approx(len(LONG) * 0.06, abs=0.2)
        assert bitrate is None or tag.bitrate == pytest.approx(bitrate, abs=1)


def test_a_voice_must_be_there_trained_and_visible(api: Any, other: Any, emulator: Any) -> None:
    mine = api.made()["_id"]
    assert speak(api, reference_id=mine).status_code == 200
    assert speak(other, reference_id=mine).status_code == 403
    unknown = speak(api, reference_id="0" * 32)
    assert (unknown.status_code, unknown.json()) == (400, {"status": 400, "message": "Reference not found"})
    assert api.http.get(f"/model/{mine}").json()["task_count"] == 1
    emulator.store.update(mine, {"state": "failed"})
    emulator.settings = replace(emulator.settings, error_reasons=True)
    refused = speak(api, reference_id=mine)
    assert (refused.status_code, refused.json()["reason"]) == (400, "model_not_ready")


def test_the_model_header_may_be_missing_or_unknown_and_s1_speaks_alone(api: Any) -> None:
    ids = [api.made()["_id"], api.made()["_id"]]
    for engine in (None, "s1", "s2-pro", "s2.1-pro", "s2.1-pro-free", "drama-3-preview", "unheard-of"):
        headers = {"model": engine} if engine else {}
        assert speak(api, headers=headers).status_code == 200
        several = speak(api, headers=headers, reference_id=ids)
        assert several.status_code == (400 if engine == "s1" else 200)


def test_inline_references_come_in_msgpack_only(api: Any) -> None:
    body = {"text": "hi", "references": [{"audio": b"\x00\xff", "text": "hi"}], "format": "wav"}
    headers = {"content-type": "application/msgpack"}
    answer = api.http.post("/v1/tts", content=msgpack.packb(body), headers=headers)
    assert answer.status_code == 200
    with wave.open(io.BytesIO(answer.content)) as sound:
        assert sound.getnframes() > 0
    assert speak(api, references=[{"audio": "x", "text": "hi"}]).status_code == 400
    wrong = msgpack.packb({"text": "hi", "references": [{"text": "hi"}]})
    assert api.http.post("/v1/tts", content=wrong, headers=headers).status_code == 422


@pytest.mark.parametrize(
    "fields",
    [
        {"text": None},
        {"text": 3},
        {"format": "flac"},
        {"mp3_bitrate": 100},
        {"sample_rate": 1},
        {"temperature": 2},
        {"chunk_length": 99},
        {"prosody": "fast"},
        {"prosody": {"speed": 9}},
        {"reference_id": [1]},
        {"latency": "fast"},
        {"opus_bitrate": 1},
        {"min_chunk_length": 101},
        {"early_stop_threshold": -1},
        {"max_new_tokens": "many"},
        {"repetition_penalty": "much"},
        {"normalize": "perhaps"},
        {"features": "quality-guard"},
        {"references": [{"text": "no audio"}]},
    ],
)
def test_wrong_requests_are_422(api: Any, fields: dict[str, Any]) -> None:
    assert speak(api, **{"text": "hi", **fields}).status_code == 422


def test_every_field_of_the_description_is_taken(api: Any) -> None:
    fields: dict[str, Any] = {
        "temperature": 0.5,
        "top_p": 1,
        "prosody": {"speed": 1.5, "volume": -3, "normalize_loudness": False},
        "chunk_length": 100,
        "normalize": False,
        "sample_rate": 44100,
        "mp3_bitrate": 64,
        "opus_bitrate": 24000,
        "latency": "low",
        "max_new_tokens": 0,
        "repetition_penalty": 0.1,
        "min_chunk_length": 0,
        "condition_on_previous_chunks": False,
        "early_stop_threshold": 0,
        "features": ["quality-guard"],
        "reference_id": None,
        "references": None,
    }
    assert speak(api, **fields).status_code == 200


def test_speed_shortens(api: Any) -> None:
    slow, fast = (speak(api, LONG, format="pcm", prosody={"speed": s}).content for s in (1, 2))
    assert len(fast) == pytest.approx(len(slow) / 2, rel=0.01)
