"""What a release says of itself: its tag, its version and the changelog's section are one.

release.py check TAG             ends with 1 and a sentence unless all three agree
release.py notes TAG             prints the section of the changelog
release.py kit DIST OUT COMMIT   writes into OUT what users copy: the list of every package with its hashes, the wheel
                                 of DIST among them, and examples/gitops with that list and this commit in place
release.py pin COMMIT            has the workflows in examples/gitops use our actions as they are at this commit
"""

from __future__ import annotations

import hashlib
import re
import runpy
import sys
import tarfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNRELEASED = "Unreleased"
_OURS = re.compile(r"(uses: voicectl/voicectl/\.github/actions/\w+@)[0-9a-f]{40}")
"""Where examples/gitops names the commit of our actions. It is an earlier one: a commit can't name itself."""


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


def requirements(dist: Path, root: Path = ROOT) -> str:
    """Every package that voicectl needs, and voicectl itself, with the hashes of their files."""
    (wheel,) = dist.glob("voicectl-*.whl")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    needed = (root / ".github/actions/setup/requirements.txt").read_text(encoding="utf-8")
    return f"{needed}voicectl=={wheel.name.split('-')[1]} \\\n    --hash=sha256:{digest}\n"


def pinned(workflow: str, commit: str) -> str:
    """The workflow, using our actions at `commit`. Raises NotReady."""
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise NotReady(f"{commit!r} is no commit: name it in full")
    return _OURS.sub(rf"\g<1>{commit}", workflow)


def pin(commit: str, root: Path = ROOT) -> None:
    """Write the commit into the workflows of examples/gitops. Raises NotReady."""
    for path in (root / "examples/gitops/.github/workflows").glob("*.yml"):
        path.write_text(pinned(path.read_text(encoding="utf-8"), commit), encoding="utf-8")


def kit(dist: Path, out: Path, commit: str, root: Path = ROOT) -> None:
    """Write the list and the archive into `out`. Raises NotReady."""
    needed = requirements(dist, root)
    (out / "voicectl-requirements.txt").write_text(needed, encoding="utf-8")
    source = root / "examples/gitops"
    with tarfile.open(out / "voicectl-gitops.tar.gz", "w:gz") as archive:
        for path in sorted(source.rglob("*")):
            name = path.relative_to(source)
            if not path.is_file() or ".voicectl" in name.parts:
                continue
            data = path.read_bytes()
            if name.suffix == ".yml":
                data = pinned(data.decode(), commit).encode()
            if name.as_posix() == "ci/requirements.txt":
                data = needed.encode()
            entry = archive.gettarinfo(path, f"voicectl-gitops/{name.as_posix()}")
            entry.size, entry.uname, entry.gname, entry.uid, entry.gid = len(data), "", "", 0, 0
            archive.addfile(entry, BytesIO(data))


def main(arguments: list[str]) -> int:
    """Run one of the commands above."""
    try:
        match arguments:
            case ["check", tag]:
                check(tag)
            case ["notes", tag]:
                print(check(tag))
            case ["kit", dist, out, commit]:
                kit(Path(dist), Path(out), commit)
            case ["pin", commit]:
                pin(commit)
            case _:
                print(__doc__, file=sys.stderr)
                return 1
    except NotReady as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
