"""`voicectl ci fetch-lockfile`, `push-lockfile` and `check-lockfile`: the lockfile's way into Git."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voicectl.cli import printing, wiring
from voicectl.cli.context import Context
from voicectl.cli.options import subcommand
from voicectl.errors import InvalidFiles, Place, Problem, Refused, StateError, UsageError
from voicectl.files import Scratch, read_regular, replace_file
from voicectl.hosting import publish
from voicectl.hosting.git import Repository
from voicectl.hosting.port import Hosting, HostingError
from voicectl.hosting.publish import Target, Way
from voicectl.model.lock import Lock
from voicectl.report.document import fenced
from voicectl.state.codec import MAX_BYTES, decode
from voicectl.state.merging import edits, merge_bytes

if TYPE_CHECKING:
    from voicectl.manifest.project import Project

_TAKEN = "taken"
"""The file in `.voicectl/` that says which commit the lockfile at hand was taken from."""
EDITED = "#### This changes the lockfile"
"""The heading under which a report says so."""
_SHOWN = 20
_COMMIT = re.compile("[0-9a-f]{40}")
_ADVICE = "only voicectl should write it: it takes what somebody edited for what was applied"


_way = click.option(
    "--way", type=click.Choice(["push", "branch"]), default="push", show_default=True,
    help="How the lockfile gets into Git: onto the branch that was applied, or onto one for lockfiles alone.",
)  # fmt: skip
_branch = click.option("--branch", metavar="NAME", help="The branch that holds it. Default: voicectl/lockfiles.")


@subcommand(
    name="fetch-lockfile",
    short_help="Take the lockfile from its branch.",
    help="Before a run: take the lockfile from the branch that holds it.",
)
@_way
@_branch
@click.pass_obj
def fetch_lockfile(context: Context, /, way: str, branch: str | None) -> int:
    run_fetch(context, way, branch)
    return 0


@subcommand(
    name="push-lockfile",
    short_help="Commit the lockfile and push it.",
    help="After an apply, however it ended: commit the lockfile and push it.",
)
@_way
@_branch
@click.option("--into", metavar="NAME", help="The branch that was applied. Default: the one that is checked out.")
@click.pass_obj
def push_lockfile(context: Context, /, way: str, branch: str | None, into: str | None) -> int:
    run_push(context, way, branch, into)
    return 0


@subcommand(
    name="check-lockfile",
    short_help="Say whether it was changed by hand.",
    help="Say whether the lockfile was changed by hand.",
)
@click.option("--staged", is_flag=True, help="Look at the index: fail unless voicectl wrote it.")
@click.option("--base", metavar="REV", help="Where a pull request starts. Default: where the hosting says.")
@click.option("--strict", is_flag=True, help="Exit 3 if a pull request changes it.")
@click.option("--format", "fmt", type=click.Choice(["text", "markdown"]), default="text", help="How to print it.")
@click.pass_obj
def check_lockfile(context: Context, /, staged: bool, base: str | None, strict: bool, fmt: str) -> int:
    if staged:
        return check_staged(context)
    return check_pull_request(context, base, strict=strict, fmt=fmt)


def run_fetch(context: Context, way: str, branch: str | None) -> None:
    """Bring the newest lockfile into the work tree, and remember where it came from."""
    project = wiring.project(context)
    if _not_in_git(context, project):
        return
    hosting = wiring.hosting()
    repository = _repository(project, hosting)
    target = _target(project, repository, hosting, way, branch, None)
    tip = publish.take(repository, target, _remembered(project, repository, target))
    if tip is None:
        _memory(project).unlink(missing_ok=True)
        context.log.note(f"{project.state}: the checkout's own")
        return
    _remember(project, tip)
    context.log.note(f"{project.state}: from {target.branch}, commit {tip[:12]}")


def run_push(context: Context, way: str, branch: str | None, into: str | None) -> None:
    """Commit and push the lockfile."""
    project = wiring.project(context)
    if _not_in_git(context, project):
        return
    hosting = wiring.hosting()
    repository = _repository(project, hosting)
    target = _target(project, repository, hosting, way, branch, into)
    if not target.branch:
        raise UsageError("no branch is checked out, so which one was applied?", "name it: --into NAME")
    since = _remembered(project, repository, target)
    _refuse_edits(project, repository, target, since)
    published = publish.publish(repository, target, since or "HEAD")
    if published is None or not published.made:
        context.log.note(f"{project.state}: nothing new")
    else:
        merged = ", merged with what others had pushed" if published.merged else ""
        context.log.note(f"{project.state}: commit {published.commit[:12]} on {published.branch}{merged}")
    if published is not None:
        _remember(project, published.commit)


def _not_in_git(context: Context, project: Project) -> bool:
    """Whether the lockfile is kept out of Git; says so then."""
    if project.former_state is None:
        return False
    context.log.note(f"{project.state} is the emulator's, which is not kept in Git")
    return True


def _refuse_edits(project: Project, repository: Repository, target: Target, since: str | None) -> None:
    """Don't push what a person changed. Raises Refused."""
    try:
        data = read_regular(target.file, MAX_BYTES)
    except OSError:
        return
    known = {repository.read(commit, target.path) for commit in ("HEAD", *([since] if since else []))}
    plain = data.replace(b"\r\n", b"\n")
    if since is None and plain not in known and not wiring.store(project).wrote(data):
        raise Refused(
            f"{project.state} was changed by hand: it is neither HEAD's nor one that voicectl wrote here",
            f"`git checkout HEAD -- {project.state}` undoes that; then apply again",
        )


def _repository(project: Project, hosting: Hosting | None) -> Repository:
    return Repository(project.root, *((hosting.remote, hosting.author) if hosting else ()))


def _target(
    project: Project, repository: Repository, hosting: Hosting | None, way: str, branch: str | None, into: str | None
) -> Target:
    chosen: Way = next(known for known in publish.WAYS if known == way)
    if chosen == "push" and branch is not None:
        raise UsageError("--branch is for the way branch", "with push, --into names the branch")
    applied = into or (hosting.job.branch if hosting else None) or repository.branch() or ""
    return Target(
        path=repository.prefix + project.state,
        file=project.root / project.state,
        way=chosen,
        branch=applied if chosen == "push" else branch or publish.LOCKFILES,
        subject=project.namespace,
        scratch=Scratch(project.root),
    )


def _remembered(project: Project, repository: Repository, target: Target) -> str | None:
    """The commit that this checkout took its lockfile from, or pushed it in.

    None if HEAD has gone beyond it, or if somebody has set the lockfile back to HEAD's since.
    """
    with suppress(OSError):
        if repository.read("HEAD", target.path) == read_regular(target.file, MAX_BYTES):
            return None
    try:
        commit = read_regular(_memory(project), 100).decode("ascii").strip()
    except (OSError, ValueError):
        return None
    known = repository.commit_of(commit) if commit else None
    return None if known is None or repository.contains("HEAD", known) else known


def _remember(project: Project, commit: str) -> None:
    try:
        replace_file(_memory(project), f"{commit}\n".encode(), scratch=Scratch(project.root))
    except OSError as error:
        raise HostingError(f"the project directory: {error.strerror or error}", "make it writable") from error


def _memory(project: Project) -> Path:
    try:
        return Scratch(project.root).make(f"{_TAKEN}.{Path(project.state).name}")
    except OSError as error:
        raise HostingError(f"the project directory: {error.strerror or error}", "make it writable") from error


def check_staged(context: Context) -> int:
    """Exit 0 if voicectl wrote each staged lockfile here, or Git merged it. Raises InvalidFiles."""
    wrong = []
    for project in _projects(context):
        repository = Repository(project.root)
        path = repository.prefix + project.state
        if repository.staged(path) and not _written(repository, path, project):
            hint = f"`git checkout HEAD -- {project.state}` undoes that; `voicectl state rebuild` writes it again"
            wrong.append(Problem(Place(project.state), "the lockfile was changed by hand", hint))
    if wrong:
        raise InvalidFiles(wrong)
    return 0


def _written(repository: Repository, path: str, project: Project) -> bool:
    """Whether voicectl wrote the staged lockfile: here, in the commit being merged, or by merging the two."""
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


def check_pull_request(context: Context, base: str | None, *, strict: bool, fmt: str) -> int:
    """Say what a pull request changes in the lockfile. With `strict`, raises Refused if it changes anything."""
    hosting = wiring.hosting()
    found = []
    for project in _projects(context):
        repository = Repository(project.root, *((hosting.remote,) if hosting else ()))
        path = repository.prefix + project.state
        start = _start(repository, hosting, base)
        before, after = repository.read(start, path), repository.read("HEAD", path)
        if before != after:
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
        context.log.problems((Problem(Place(name), message, _ADVICE, level="warning"),))
    if found and strict:
        raise Refused("the lockfile is changed by hand", "remove its changes; apply on the main branch writes it")
    if not found and fmt == "text":
        printing.out("the lockfile is as voicectl left it\n")
    return 0


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
    yield from said or ("the same content, written differently",)


def _start(repository: Repository, hosting: Hosting | None, base: str | None) -> str:
    """The commit to compare a pull request with: where it left its base, or was merged with it."""
    parents = repository.parents("HEAD")
    if base is None and hosting is not None and hosting.job.merged and len(parents) == 2:
        return parents[0]
    wanted = base or (hosting.base() if hosting else None)
    if wanted is None:
        raise HostingError("where does this pull request start?", "name it: --base REV")
    commit = repository.commit_of(wanted)
    if commit is None and not _COMMIT.fullmatch(wanted):
        raise HostingError(
            f"{wanted} is not a commit of this clone", "fetch it, or name a commit in full; see fetch-depth"
        )
    if commit is None:
        repository.fetch_commit(wanted)
        commit = wanted
    return repository.merge_base(commit, "HEAD") or commit


def _projects(context: Context) -> list[Project]:
    """The project in the environment that was named, else in each, with the lockfile that Git may have.

    A pull request may turn a catalog of an account into one of the emulator: its lockfile is looked at all the same.
    """
    from voicectl.manifest.project import environment_names, find_project, load_project

    root = find_project(chdir=context.chdir)
    names = (context.environment,) if context.environment is not None else environment_names(root) or (None,)
    projects = [load_project(root, name) for name in names]
    return [
        replace(project, state=project.former_state or project.state) if _not_in_git(context, project) else project
        for project in projects
    ]
