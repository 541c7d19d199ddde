"""A year of a catalog of 40 voices: after each step the plan is empty, or says exactly what is expected."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import yaml

from tests.conftest import KEY, Hand, Project, age

sdk = pytest.importorskip("fishaudio", reason="needs the official SDK")


class Year:
    """The project and its account, and what can be asked of them."""

    def __init__(self, project: Project, hand: Hand) -> None:
        self.project, self.hand = project, hand

    def manifest(self, name: str) -> dict[str, Any]:
        value: dict[str, Any] = yaml.safe_load((self.project.root / f"voices/{name}.yaml").read_text())
        return value

    def write(self, name: str, content: dict[str, Any]) -> None:
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        self.project.write(f"voices/{name}.yaml", text)

    def change(self, name: str, **values: Any) -> None:
        content = self.manifest(name)
        content["voices"][name] |= values
        self.write(name, content)

    def id(self, name: str) -> str:
        return str(self.project.lock["voices"][name]["id"])

    def expect(self, **actions: int) -> None:
        found = Counter(action for _, action in self.project.actions())
        assert found == Counter(actions)

    def applied(self) -> None:
        self.project.apply()
        self.project.settled()
        self.project.run("drift").expect(0)

    def samples(self, name: str, text: str = "") -> list[dict[str, str]]:
        return [{"audio": self.project.sample(f"{name}.wav", text or name), "transcript": f"Words of {name}."}]


def test_a_year(project: Project, hand: Hand) -> None:
    project.config(policy={"max_deletes": 4, "max_replaces": 4}, retain="30d")
    (project.root / "voices").mkdir()
    project.write("voices/none.yaml", "voices: {}\n")
    year = Year(project, hand)

    # January: the account was made with the official SDK, and comes under management without an id changing.
    with sdk.FishAudio(api_key=KEY, base_url=hand.emulator.url) as client:
        for number in range(40):
            client.voices.create(title=f"Voice {number:02}", voices=[b"RIFF" + bytes([number])], visibility="private")
    ids = {model["title"]: model["_id"] for model in hand.models()}
    hand.emulator.log.clear()
    project.run("import", "--all").expect(0)
    assert hand.mutating() == []
    year.expect(update=40)
    year.applied()
    assert {project.lock["voices"][f"voice-{n:02}"]["id"] for n in range(40)} == set(ids.values())

    # February: samples are added beside the models, on trust.
    for number in range(40):
        name = f"voice-{number:02}"
        year.change(name, samples=year.samples(name))
    project.apply()
    project.settled()

    # March: edits in Git.
    for number in range(5):
        year.change(f"voice-{number:02}", title=f"March {number}", tags=["spring"])
    year.expect(update=5)
    year.applied()

    # April: edits by hand on the other side; one is overwritten, one is pulled.
    hand.patch(year.id("voice-10"), title="By hand")
    hand.patch(year.id("voice-11"), title="A better title")
    project.run("drift").expect(2)
    project.run("pull", "--only", "voice-11").expect(0)
    assert year.manifest("voice-11")["voices"]["voice-11"]["title"] == "A better title"
    year.expect(update=1)
    year.applied()
    assert hand.get(year.id("voice-10"))["title"] == "Voice 10"

    # May to July: three replacements; models that voicectl did not make are forgotten, its own are retired.
    first = year.id("voice-20")
    for take in ("second", "third", "fourth"):
        year.change("voice-20", samples=year.samples("voice-20", take))
        year.expect(replace=1)
        year.applied()
    assert first in {model["_id"] for model in hand.models()}, "it was adopted, so it is never deleted"
    retired = [gone["id"] for gone in project.lock["voices"]["voice-20"]["retired"]]
    assert len(retired) == 2

    # August: a revert brings the third take back with its id.
    year.change("voice-20", samples=year.samples("voice-20", "third"))
    year.expect(restore=1)
    year.applied()
    assert year.id("voice-20") in retired

    # September: a new voice, a removal, and the removal taken back.
    year.write("newcomer", {"voices": {"newcomer": {"title": "Newcomer", "samples": year.samples("newcomer")}}})
    year.applied()
    newcomer, text = year.id("newcomer"), year.manifest("newcomer")
    (project.root / "voices/newcomer.yaml").unlink()
    year.expect(retire=1)
    year.applied()
    year.write("newcomer", text)
    year.expect(restore=1)
    year.applied()
    assert year.id("newcomer") == newcomer

    # October: the lockfile is lost and rebuilt.
    before = {name: record["id"] for name, record in project.lock["voices"].items()}
    project.lock_path.unlink()
    project.run("state", "rebuild").expect(0)
    assert {name: record["id"] for name, record in project.lock["voices"].items()} == before
    year.applied()

    # November: a takedown shows, and nothing fights it.
    hand.raw(year.id("voice-30"), dmca_taken_down=True)
    project.run("drift").expect(2)
    hand.emulator.log.clear()
    project.settled()
    assert "taken" in project.run("plan").out
    assert hand.mutating() == []
    hand.raw(year.id("voice-30"), dmca_taken_down=False)

    # December: retention runs out.
    gone = project.lock["voices"]["voice-20"]["retired"]
    age(project, hand, *gone)
    year.expect(prune=len(gone))
    project.apply()
    project.settled()
    left = {model["_id"] for model in hand.models()}
    assert not left & {entry["id"] for entry in gone}
    assert set(ids.values()) <= left, "no model that voicectl did not make was ever deleted"
    assert len(project.lock["voices"]) == 41
