"""What a release says of itself: its tag, its version and the changelog's section are one.

release.py check TAG   ends with 1 and a sentence unless all three agree
release.py notes TAG   prints the section of the changelog
"""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNRELEASED = "Unreleased"


class NotReady(Exception):
    """Why this can't be released, and what to do."""


def version(root: Path = ROOT) -> str:
    """The version as the package has it, without importing the package."""
    return str(runpy.run_path(str(root / "voicectl/version.py"))["VERSION"])


def sections(changelog: str) -> dict[str, str]:
    """The changelog's text by version, newest first; a heading is `## VERSION`, with ` - DATE` once it is released."""
    parts = re.split(r"^## (\S+)(?: - \d{4}-\d\d-\d\d)?\n", changelog, flags=re.MULTILINE)[1:]
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def agree(number: str, changelog: str) -> None:
    """Between releases the version is a .dev one under "Unreleased", in a release the changelog's newest entry."""
    newest = next(iter(sections(changelog)), "nothing")
    if ".dev" in number and newest != UNRELEASED:
        raise NotReady(
            f"version {number} is none yet, but CHANGELOG.md begins with {newest}: begin it with {UNRELEASED}"
        )
    if ".dev" not in number and newest != number:
        raise NotReady(f"the version is {number}, but CHANGELOG.md begins with {newest}: make them one")


def check(tag: str, root: Path = ROOT) -> str:
    """The text of the release that `tag` names. Raises NotReady."""
    number, changelog = version(root), (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if tag != f"v{number}":
        raise NotReady(f"the tag is {tag}, but voicectl/version.py says {number}: tag the commit that says so")
    if ".dev" in number:
        raise NotReady(f"{number} is between releases: set the version in voicectl/version.py first")
    agree(number, changelog)
    text = sections(changelog)[number]
    if not text:
        raise NotReady(f"CHANGELOG.md has nothing under {number}: say what changed")
    return text


def main(arguments: list[str]) -> int:
    """Run one of the commands above."""
    if len(arguments) != 2 or arguments[0] not in ("check", "notes"):
        print(__doc__, file=sys.stderr)
        return 1
    try:
        text = check(arguments[1])
    except NotReady as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if arguments[0] == "notes":
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
