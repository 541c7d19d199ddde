"""What `ci check-lockfile` does: tell a lockfile that voicectl wrote from one that somebody edited."""

from __future__ import annotations

import re
from collections.abc import Iterator

from voicectl.cli import printing, wiring
from voicectl.cli.context import Globals
from voicectl.errors import InvalidFiles, Place, Problem, Refused, StateError
from voicectl.hosting.git import Repository
from voicectl.hosting.port import Hosting, HostingError
from voicectl.hosting.publish import own_branch
from voicectl.manifest.project import Project, environment_names, find_project, load_project
from voicectl.model.lock import Lock
from voicectl.report.markdown import fenced
from voicectl.state.codec import decode
from voicectl.state.merging import edits, merge_bytes

_SHOWN = 20
EDITED = "#### This changes the lockfile"
"""The heading under which a report tells of it."""
_COMMIT = re.compile("[0-9a-f]{40}")
_ADVICE = "only voicectl writes it: what is changed by hand is taken for what was applied"


def staged(settings: Globals) -> int:
    """Exit 0 where each staged lockfile is one that voicectl wrote here, or that Git merged. Raises InvalidFiles."""
    wrong = []
    for project in _projects(settings):
        repository = Repository(project.root)
        path = repository.prefix + project.state
        if repository.staged(path) and not _written(repository, path, project):
            hint = f"`git checkout HEAD -- {project.state}` takes it back; `voicectl state rebuild` makes it anew"
            wrong.append(Problem(Place(project.state), "the lockfile was changed by hand", hint))
    if wrong:
        raise InvalidFiles(wrong)
    return 0


def _written(repository: Repository, path: str, project: Project) -> bool:
    """Whether voicectl wrote what is staged: here, in the commit that is merged, or by merging the two."""
    data = repository.read("", path)
    if data is None:
        return False
    theirs = repository.read("MERGE_HEAD", path) if repository.commit_of("MERGE_HEAD") else None
    if wiring.store(project).wrote(data) or data == theirs:
        return True
    ours = repository.read("HEAD", path)
    if theirs is None or ours is None:
        return False
    start = repository.merge_base("HEAD", "MERGE_HEAD")
    base = repository.read(start, path) if start else None
    try:
        return data == merge_bytes(base, ours, theirs, path)
    except StateError:
        return False


def pull_request(settings: Globals, base: str | None, *, strict: bool, fmt: str) -> int:
    """Tell what a pull request changes in the lockfile. Raises Refused, with `strict`, where it does."""
    hosting = wiring.hosting()
    found = []
    for project in _projects(settings):
        repository = Repository(project.root, *((hosting.remote,) if hosting else ()))
        path = repository.prefix + project.state
        start = _start(repository, hosting, base)
        before, after = repository.read(start, path), repository.read("HEAD", path)
        if before != after and not _ours(repository, project, path, after):
            found.append((project.state, tuple(_sentences(before, after, path))))
    for name, sentences in found:
        if fmt == "markdown":
            lines = [
                *sentences[:_SHOWN],
                *([f"… and {len(sentences) - _SHOWN} more"] if len(sentences) > _SHOWN else []),
            ]
            printing.out(
                f"\n{EDITED}\n\n`{name}`: {_ADVICE}. Merge it only if you know where it comes from.\n\n{fenced(lines)}"
            )
        message = (
            "this pull request changes the lockfile: " + "; ".join(sentences[:3]) + ("; …" if sentences[3:] else "")
        )
        settings.log.problems((Problem(Place(name), message, _ADVICE, level="warning"),))
    if found and strict:
        raise Refused("the lockfile is changed by hand", "take its changes out; apply on the main branch writes it")
    if not found and fmt == "text":
        printing.out("the lockfile is as voicectl left it\n")
    return 0


def _ours(repository: Repository, project: Project, path: str, data: bytes | None) -> bool:
    """Whether this is the lockfile that our own pull request brings: only who may push here can have put it there."""
    try:
        tip = repository.fetch(own_branch(project.namespace))
    except HostingError:
        return False
    return tip is not None and data is not None and repository.read(tip, path) == data


def _sentences(before: bytes | None, after: bytes | None, path: str) -> Iterator[str]:
    try:
        past = decode(before, path) if before else None
    except StateError:
        past = None
    try:
        present: Lock | None = decode(after, path) if after else None
    except StateError as error:
        yield f"it can't be read any more: {error.message}"
        return
    said = edits(past, present)
    if past is not None and present is not None and past.revision != present.revision:
        said = (f"revision: {past.revision} becomes {present.revision}", *said)
    yield from said or ("the same content in other words",)


def _start(repository: Repository, hosting: Hosting | None, base: str | None) -> str:
    """The commit that a pull request's changes are measured against: where it left its base, or was merged with it."""
    parents = repository.parents("HEAD")
    if base is None and hosting is not None and hosting.run.merged and len(parents) == 2:
        return parents[0]
    wanted = base or (hosting.base() if hosting else None)
    if wanted is None:
        raise HostingError("it is not known what this pull request starts from", "name it: --base REV")
    commit = repository.commit_of(wanted)
    if commit is None and not _COMMIT.fullmatch(wanted):
        raise HostingError(
            f"{wanted} is no commit of this clone", "fetch it, or name a commit in full; see fetch-depth"
        )
    if commit is None:
        repository.fetch_commit(wanted)
        commit = wanted
    return repository.merge_base(commit, "HEAD") or commit


def _projects(settings: Globals) -> list[Project]:
    """The project in the environment that was named, else in each."""
    if settings.environment is not None:
        return [wiring.project(settings)]
    root = find_project(chdir=settings.chdir)
    return [load_project(root, name) for name in environment_names(root) or (None,)]
