"""Every likely way of the live provider, each played through: what an apply, a plan and an audit come to.

python -m tests.scenarios.ways      prints the table
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import KEY, Hand, Project
from voicectl.emulator.server import RunningEmulator
from voicectl.emulator.settings import Fault

WAYS: dict[str, dict[str, Any]] = {
    "as measured": {},
    "a gone id answers 403": {"gone_status": 403},
    "a gone id answers 400": {"gone_status": 400},
    "the filter finds no tag with a colon": {"tag_filter": "no_colons"},
    "the filter finds nothing": {"tag_filter": "nothing"},
    "a PATCH without tags empties them": {"patch_without_tags": "empty"},
    "an empty list of tags changes nothing": {"patch_empty_tags": "keep"},
    "ten tags": {"tag_count": 10},
    "tags in lower case": {"lower_tags": True},
    "tags in form NFKC": {"clean_tags": "nfkc"},
    "tags dropped on creation": {"drop_tags": True},
    "slow creations": {"creation_seconds": 0.2},
    "listings and GETs lag": {"listing_lag": 0.6, "get_lag": 0.3},
    "saved voices under self": {"self_lists_saved": True},
    "signed covers": {"signed_covers": True},
    "several tags mean any of them": {"match_any_tag": True},
    "errors as an object": {"array_errors": False},
}
"""Where ownership works."""
HOPELESS: dict[str, dict[str, Any]] = {
    "tags cut to 20 characters": {"tag_length": 20},
    "tags with a colon refused": {"colon_tags": "refuse"},
    "tags with a colon dropped": {"colon_tags": "drop"},
}
"""Where it can't: the run must stop before a second model, and say why."""


@dataclass(frozen=True)
class Row:
    """One step of the story."""

    step: str
    code: int
    requests: int
    voices: int
    models: int
    """Of ours, that serve."""
    told: str

    def __str__(self) -> str:
        models = f"{self.models}/{self.voices} models"
        return f"{self.step:<28} exit {self.code}  {models}  {self.requests:>3} requests  {self.told}"


@contextmanager
def account(settings: dict[str, Any]) -> Iterator[tuple[Project, Hand]]:
    """A project, and an account that behaves in this way."""
    with tempfile.TemporaryDirectory(prefix="voicectl-way-") as directory, RunningEmulator() as emulator:
        emulator.settings = replace(emulator.settings, **settings)
        project = Project(Path(directory) / "project", {"FISH_API_URL": emulator.url, "FISH_API_KEY": KEY})
        project.root.mkdir()
        project.config(policy={"max_deletes": 9, "max_replaces": 9})
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=emulator.url, headers=headers, verify=False) as http:
            yield project, Hand(emulator, http)


def serving(hand: Hand) -> Counter[str]:
    """Models that serve, by their marker."""
    return Counter(tag for m in hand.models() for tag in m["tags"] if tag.count(":") == 3)


def story(project: Project, hand: Hand) -> Iterator[Row]:
    """Creates, updates, a replacement, a removal, a lost answer, a lost lockfile; after each a plan and an audit."""
    picture = b"\x89PNG\r\n\x1a\n" + bytes(64)
    (project.root / "c.png").write_bytes(picture)
    voices: dict[str, Any] = {
        "a": {"tags": ["Upper Tag", "plain"], "cover_image": "../c.png"},
        "b": {"description": "About b"},
        "c": {"visibility": "unlist"},
    }

    def step(name: str, *, again: bool = True) -> Iterator[Row]:
        for command in (("apply", "--yes"), *((("plan", "--detailed-exitcode"), ("drift",)) if again else ())):
            hand.emulator.log.clear()
            done = project.run(*command)
            lines = [line.strip() for line in done.out.splitlines() if line.startswith("✗")]
            lines += [line for line in done.err.splitlines() if line.startswith("error")]
            told = lines[0] if lines else ""
            count = len(hand.requests())
            models = sum(serving(hand).values())
            yield Row(name if command[0] == "apply" else f"  {command[0]}", done.code, count, len(voices), models, told)

    project.voices(voices)
    yield from step("create three")
    voices["a"] |= {"title": "New", "tags": ["plain"]}
    voices["b"] |= {"description": ""}
    project.voices(voices)
    yield from step("update two")
    voices["c"]["samples"] = [{"audio": project.sample("c.wav", "another")}]
    project.voices(voices)
    yield from step("replace one")
    del voices["b"]
    project.voices(voices)
    yield from step("remove one")
    hand.emulator.settings = replace(hand.emulator.settings, rules=(Fault("reset_after", method=("POST",), nth=(1,)),))
    voices["d"] = {}
    project.voices(voices)
    yield from step("create one, answer lost")
    hand.emulator.settings = replace(hand.emulator.settings, rules=())
    yield from step("apply again")
    project.lock_path.unlink(missing_ok=True)
    yield from step("lockfile lost")


def main() -> int:
    for name, settings in (WAYS | HOPELESS).items():
        print(f"\n{name}")
        with account(settings) as (project, hand):
            for row in story(project, hand):
                print(f"  {row}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
