"""What `voicectl ci` does: from a project and the hosting's variables to the posts and the branches."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from voicectl.cli import wiring
from voicectl.cli.context import Globals
from voicectl.cli.lockfile_checks import EDITED
from voicectl.errors import Refused, UsageError
from voicectl.files import Scratch, read_regular, replace_file
from voicectl.hosting import publish, reports
from voicectl.hosting.git import Repository
from voicectl.hosting.port import Hosting, HostingError, NotAllowed
from voicectl.hosting.publish import Target, Way
from voicectl.hosting.reports import Subject
from voicectl.manifest.project import Project, find_project
from voicectl.state.codec import MAX_BYTES

_TAKEN = "taken"
"""The file in `.voicectl/` that says which commit the lockfile at hand was taken from."""
_NO_CHANGES, _DRIFT = 0, 2
_MAX_REPORT = 16 * 1024 * 1024


def comment(settings: Globals, file: Path, exit_code: int) -> None:
    """Publish a plan. One without changes is no news, unless it tells of an edited lockfile: it only replaces another.

    A token that may not comment is no failure: a pull request from a fork has none.
    """
    hosting = _hosting()
    if not hosting.run.pull_request:
        settings.log.note("this run is of no pull request: there is nothing to comment on")
        return
    subject, report = _subject(settings, "plan"), _read(file)
    quiet = exit_code == _NO_CHANGES and EDITED not in report
    try:
        post = reports.publish_comment(hosting, subject, report, only_update=quiet)
    except NotAllowed as error:
        settings.log.warning(f"no comment was written: {error.message}; {error.hint}")
        return
    settings.log.note(f"comment: {post.url}" if post else "no changes, and no comment that said otherwise")


def issue(settings: Globals, file: Path, exit_code: int) -> None:
    """Open or update the issue where drift was found, close it where none was; leave it where the audit failed."""
    hosting = _hosting()
    subject = _subject(settings, "drift")
    if exit_code == _DRIFT:
        title = f"voicectl: drift in {wiring.project(settings).namespace}"
        post = reports.publish_issue(hosting, subject, title, _read(file))
        settings.log.note(f"issue: {post.url}")
    elif exit_code == _NO_CHANGES:
        closed = reports.close_issue(hosting, subject)
        settings.log.note(f"closed: {', '.join(post.url for post in closed)}" if closed else "no issue is open")
    else:
        settings.log.note("the audit itself failed: the issue stays as it is")


def fetch_lockfile(settings: Globals, way: str, branch: str | None) -> None:
    """Bring the newest lockfile into the work tree, and remember where it came from."""
    project = wiring.project(settings)
    hosting = wiring.hosting()
    repository = _repository(project, hosting)
    target = _target(project, repository, hosting, way, branch, None)
    tip = publish.take(repository, target, _remembered(project, repository, target))
    if tip is None:
        _memory(project).unlink(missing_ok=True)
        settings.log.note(f"{project.state}: the checkout's own")
        return
    _remember(project, tip)
    settings.log.note(f"{project.state}: from {target.branch}, commit {tip[:12]}")


def push_lockfile(settings: Globals, way: str, branch: str | None, into: str | None) -> None:
    """Commit and push the lockfile; with the way `pull-request`, keep one open."""
    project = wiring.project(settings)
    hosting = wiring.hosting()
    repository = _repository(project, hosting)
    target = _target(project, repository, hosting, way, branch, into)
    if way == "pull-request" and hosting is None:
        raise _no_hosting()
    if not target.into and way != "branch":
        raise UsageError("it is not known which branch was applied: none is checked out", "name it: --into NAME")
    since = _remembered(project, repository, target)
    _refuse_edits(project, repository, target, since)
    published = publish.publish(repository, target, since or "HEAD")
    if published is None or not published.made:
        settings.log.note(f"{project.state}: nothing new")
    else:
        merged = ", merged with what others had pushed" if published.merged else ""
        settings.log.note(f"{project.state}: commit {published.commit[:12]} on {published.branch}{merged}")
    if way == "pull-request" and hosting is not None:
        url = _pull_request(hosting, repository, target, made=published is not None and published.made)
        settings.log.note(f"pull request: {url}" if url else f"no pull request: {target.branch} has nothing new")
    if published is not None:
        _remember(project, published.commit)


def _refuse_edits(project: Project, repository: Repository, target: Target, since: str | None) -> None:
    """What a person changed is not pushed for them. Raises Refused."""
    try:
        data = read_regular(target.file, MAX_BYTES)
    except OSError:
        return
    known = {repository.read(commit, target.path) for commit in ("HEAD", *([since] if since else []))}
    plain = data.replace(b"\r\n", b"\n")
    if since is None and plain not in known and not wiring.store(project).wrote(data):
        raise Refused(
            f"{project.state} is neither what HEAD holds nor what voicectl wrote here: somebody changed it",
            f"`git checkout HEAD -- {project.state}` takes that back; then apply again",
        )


def _pull_request(hosting: Hosting, repository: Repository, target: Target, *, made: bool) -> str | None:
    """The address of the one that is open, by now; None where there is nothing to merge."""
    if not made and (repository.fetch(target.branch) is None or publish.clean_up(repository, target)):
        return None
    post = next(hosting.pull_requests(target.branch), None)
    if post is None:
        title = f"voicectl: lockfile of {target.subject}"
        body = (
            f"`voicectl apply` wrote the lockfile of `{target.subject}`. Merge it: until then, runs read it from "
            f"`{target.branch}`, and it is brought up to date by each of them.\n"
        )
        post = hosting.pull_request(target.branch, target.into, title, body)
    return post.url


def _hosting() -> Hosting:
    hosting = wiring.hosting()
    if hosting is None:
        raise _no_hosting()
    return hosting


def _no_hosting() -> HostingError:
    return HostingError(
        "neither GitHub Actions nor GitLab CI runs this",
        "elsewhere, `--report markdown=FILE` writes the same report for whatever your CI does with it",
    )


def _repository(project: Project, hosting: Hosting | None) -> Repository:
    return Repository(project.root, *((hosting.remote, hosting.author) if hosting else ()))


def _target(
    project: Project, repository: Repository, hosting: Hosting | None, way: str, branch: str | None, into: str | None
) -> Target:
    chosen: Way = next(known for known in publish.WAYS if known == way)
    goal = into or (hosting.run.branch if hosting else None) or repository.branch() or ""
    if way == "push" and branch is not None:
        raise UsageError("--branch is for the ways pull-request and branch", "with push, --into names the branch")
    default = {"push": goal, "pull-request": publish.own_branch(project.namespace), "branch": "voicectl/lockfiles"}
    return Target(
        path=repository.prefix + project.state,
        file=project.root / project.state,
        way=chosen,
        branch=branch or default[chosen],
        into=goal,
        subject=project.namespace,
        scratch=Scratch(project.root),
    )


def _remembered(project: Project, repository: Repository, target: Target) -> str | None:
    """The commit that this checkout's lockfile was taken from or pushed in.

    None where HEAD has gone beyond it, or where the lockfile was set back to HEAD's since.
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


def _subject(settings: Globals, kind: str) -> Subject:
    """What a report is about. The project may be invalid: then that is the report."""
    root = find_project(chdir=settings.chdir)
    return Subject(kind, Repository(root).prefix, settings.environment)


def _read(file: Path) -> str:
    if file.is_symlink() and not file.is_relative_to("/dev"):  # such as /dev/stdin
        raise UsageError(f"{file} is a link: a checkout may bring one that leads anywhere", "name the report itself")
    try:
        with file.open("rb") as opened:
            return opened.read(_MAX_REPORT).decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(
            f"{file} can't be read: {error.strerror or error}", "name a file that --report wrote"
        ) from error
