"""The provider's own SDK as the other hand: what it edits, deletes and creates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import KEY, Project
from voicectl.emulator.server import RunningEmulator

fishaudio = pytest.importorskip("fishaudio")


@pytest.fixture
def sdk(emulator: RunningEmulator) -> Iterator[Any]:
    client = fishaudio.FishAudio(api_key=KEY, base_url=emulator.url)
    yield client
    client.close()


def test_what_the_sdk_does_is_seen_put_back_and_otherwise_left_alone(project: Project, sdk: Any) -> None:
    foreign = sdk.voices.create(title="Made with the SDK", voices=[b"RIFF"], tags=["mine"])
    project.voices({"narrator": {"tags": ["warm"]}, "host": {}, "guest": {}, "bard": {}})
    project.spawn("apply", "--yes").expect(0)
    ids = {name: record["id"] for name, record in project.lock["voices"].items()}

    sdk.voices.update(ids["narrator"], title="Edited with the SDK")
    (change,) = project.plan()["changes"]
    assert (change["name"], change["fields"][0]["cause"]) == ("narrator", "drift")
    project.apply()
    assert sdk.voices.get(ids["narrator"]).title == "Narrator"

    sdk.voices.delete(ids["host"])
    assert project.actions() == [("host", "create")]
    project.apply()
    again = project.lock["voices"]["host"]["id"]
    assert again != ids["host"]
    assert sdk.voices.get(again).title == "Host"

    now = sdk.voices.get(foreign.id)
    assert (now.title, now.tags, now.updated_at) == (foreign.title, foreign.tags, foreign.updated_at)
    project.settled()


def test_the_sdk_speaks_with_a_model_that_apply_made(project: Project, sdk: Any) -> None:
    project.voices({"narrator": {}})
    project.apply()
    line = project.run("output").expect(0).out.strip()
    speech = sdk.tts.convert(text="Hello.", reference_id=line.partition("=")[2], format="wav")
    assert speech[:4] == b"RIFF"
