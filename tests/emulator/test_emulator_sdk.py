"""The provider's own SDK, old and new interface, blocking and asynchronous, finds nothing amiss."""

from __future__ import annotations

import asyncio
import io
import wave
from typing import Any

import pytest

from voicectl.emulator.settings import Settings

sdk = pytest.importorskip("fishaudio")
old_sdk = pytest.importorskip("fish_audio_sdk")

AUDIO = b"RIFF" + bytes(60)
TEXT = "Hello, this is a sentence."


def assert_wave(content: bytes) -> None:
    with wave.open(io.BytesIO(content)) as sound:
        assert sound.getnframes() > sound.getframerate()


def test_new_blocking(emulator: Any) -> None:
    client = sdk.FishAudio(api_key="k", base_url=emulator.url)
    made = client.voices.create(
        title="Narrator", voices=[AUDIO, AUDIO], texts=["one", "two"], tags=["a", "b"], cover_image=b"image"
    )
    assert [sample.text for sample in made.samples] == ["one", "two"]
    assert (made.state, made.visibility, made.tags) == ("trained", "private", ["a", "b"])
    assert client.voices.list(self_only=True, tags=["a", "b"]).items[0].id == made.id
    client.voices.update(made.id, title="New", visibility="public", tags=["c"])
    assert client.voices.get(made.id).title == "New"
    assert client.voices.list(tags="c").total == 1
    speech = client.tts.convert(text=TEXT, reference_id=made.id, format="wav")
    assert_wave(speech)
    reference = sdk.types.ReferenceAudio(audio=AUDIO, text="one")
    assert_wave(client.tts.convert(text=TEXT, references=[reference], format="wav"))
    assert b"".join(client.tts.stream(text=TEXT))[:2] == b"\xff\xfb"
    assert client.tts.convert(text=TEXT, format="opus")[:4] == b"OggS"
    assert client.account.get_credits().credit > 0
    client.voices.delete(made.id)
    with pytest.raises(sdk.NotFoundError):
        client.voices.get(made.id)
    client.close()


def test_new_asynchronous(emulator: Any) -> None:
    async def run() -> None:
        async with sdk.AsyncFishAudio(api_key="k", base_url=emulator.url) as client:
            made = await client.voices.create(title="Narrator", voices=[AUDIO], tags=["a"])
            assert made.samples[0].text
            assert (await client.voices.list(self_only=True)).total == 1
            await client.voices.update(made.id, description="d", cover_image=b"image")
            assert (await client.voices.get(made.id)).cover_image.startswith("coverimage/")
            assert_wave(await client.tts.convert(text=TEXT, reference_id=made.id, format="wav"))
            await client.voices.delete(made.id)
            assert (await client.voices.list(self_only=True)).total == 0

    asyncio.run(run())


def test_old_blocking(emulator: Any) -> None:
    with old_sdk.Session("k", base_url=emulator.url) as session:
        made = session.create_model(title="Narrator", voices=[AUDIO], texts=["one"], tags=["a"])
        session.update_model(made.id, title="New", cover_image=b"image", tags=["b", "c"])
        found = session.list_models(self_only=True, tag=["b", "c"], sort_by="created_at")
        assert [model.title for model in found.items] == ["New"]
        request = old_sdk.TTSRequest(text=TEXT, reference_id=made.id, format="wav")
        assert_wave(b"".join(session.tts(request, "s1")))
        assert session.get_api_credit().credit > 0
        session.delete_model(made.id)
        with pytest.raises(old_sdk.HttpCodeErr) as caught:
            session.get_model(made.id)
        assert caught.value.status == 404


def test_old_asynchronous(emulator: Any) -> None:
    async def run() -> None:
        async with old_sdk.Session("k", base_url=emulator.url) as s:
            made = await s.create_model.awaitable(title="Narrator", voices=[AUDIO, AUDIO])
            assert len((await s.get_model.awaitable(made.id)).samples) == 2
            await s.update_model.awaitable(made.id, visibility="unlist")
            assert (await s.list_models.awaitable(self_only=True)).items[0].visibility == "unlist"
            request = old_sdk.TTSRequest(text=TEXT, format="wav")
            assert_wave(b"".join([piece async for piece in s.tts.awaitable(request)]))
            await s.delete_model.awaitable(made.id)
            assert (await s.list_models.awaitable(self_only=True)).total == 0

    asyncio.run(run())


def test_refusals_reach_the_new_sdk(emulator: Any) -> None:
    emulator.settings = Settings(keys=("right",), no_credit=("right",))
    stranger = sdk.FishAudio(api_key="wrong", base_url=emulator.url)
    with pytest.raises(sdk.AuthenticationError, match="No permission -- see authorization schemes"):
        stranger.voices.list(self_only=True)
    assert stranger.voices.list().total == 0, "public models are listed to everybody"
    client = sdk.FishAudio(api_key="right", base_url=emulator.url)
    gone = "0" * 32
    for call, changes in (
        (client.voices.get, {}),
        (client.voices.update, {"title": "t"}),
        (client.voices.delete, {}),
    ):
        with pytest.raises(sdk.NotFoundError, match="Model not found"):
            call(gone, **changes)
    with pytest.raises(sdk.APIError) as caught:
        client.tts.convert(text=TEXT, reference_id=gone, model="s2.1-pro")
    assert caught.value.status == 402
    emulator.settings = Settings()
    with pytest.raises(sdk.APIError, match="Reference not found") as caught:
        client.tts.convert(text=TEXT, reference_id=gone)
    assert caught.value.status == 400
    # An array of complaints is more than it reads, as was reported.
    with pytest.raises(AttributeError, match="'list' object has no attribute 'get'"):
        client.voices.list(page_size=101)
    emulator.settings = Settings(array_errors=False)
    with pytest.raises(sdk.APIError, match="less than or equal to 100"):
        client.voices.list(page_size=101)
    for each in (stranger, client):
        each.close()


def test_refusals_reach_the_old_sdk(emulator: Any) -> None:
    with old_sdk.Session("k", base_url=emulator.url) as session:
        for reasons, error in ((False, old_sdk.HttpCodeErr), (True, KeyError)):
            # It takes no `reason`, as was reported: an error has one only where it is asked for.
            emulator.settings = Settings(error_reasons=reasons)
            with pytest.raises(error):
                session.create_model(title="T", voices=[AUDIO, AUDIO], texts=["one"])
        assert session.list_models(self_only=True).total == 0
