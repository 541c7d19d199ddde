"""A Git repository, through the `git` command. It commits beside the work tree, and never touches it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from voicectl.hosting.port import HostingError, Remote, Unreachable
from voicectl.redaction import redacted

_TIMEOUT = 300.0
"""Seconds that a fetch or a push may take."""
_LAST_WORDS = 5.0
"""Seconds that Git has to end when it is asked to."""
_CLONE = "run it in a clone of your repository, and as the user that it belongs to"
_NOBODY = ("voicectl", "voicectl@localhost")
"""Who commits if Git knows no name, as in many a container."""
_REACH = "check the address of the remote, and the rights of the token or key that Git has here"
_SAFELY = ("safe.bareRepository=explicit", "core.fsmonitor=false", f"core.hooksPath={os.devnull}")
"""Settings that keep Git from running anything in the work tree: a pull request may bring a directory that looks like a
repository, with programs to run in its configuration, and hooks may be files of the work tree."""


class PushRefused(HostingError):
    """The remote did not take a commit."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A commit of a log: its full id, when it was made (UTC), and the author's name, which is untrusted text."""

    commit: str
    at: datetime
    author: str


class Repository:
    """The repository around a directory. Every method raises HostingError if git fails.

    Git always runs at the top of the checkout. We find the top ourselves, because Git would believe a directory of the
    project that looks like a repository.
    """

    def __init__(self, directory: Path, remote: Remote | None = None, author: tuple[str, str] | None = None) -> None:
        place = directory.resolve()
        self._top = _top_of(place)
        self._remote = remote or Remote("origin")
        self._author = author
        below = place.relative_to(self._top).as_posix()
        self.prefix = "" if below == "." else f"{below}/"
        """The directory's place in the repository: empty, or with a slash at its end."""
        self._agree()

    def _agree(self) -> None:
        """Git must see the same top. Raises HostingError."""
        said = self._run("rev-parse", "--show-toplevel", hint=_CLONE).removesuffix(b"\n")
        try:
            same = os.path.samefile(os.fsdecode(said), self._top)
        except OSError:
            same = False
        if not same:
            raise HostingError(f"git does not see {self._top} as the top of a checkout, though it holds .git", _CLONE)

    def commit_of(self, revision: str) -> str | None:
        """The full id of a commit; None if there is no such commit."""
        # A revision may come from a CI's variables: it must not be read as an option.
        return self._line("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", fails=True)

    def parents(self, revision: str) -> tuple[str, ...]:
        """The parents of a commit that are here: a shallow clone has none beyond its edge."""
        line = self._line("rev-list", "--parents", "--max-count=1", "--end-of-options", revision)
        return tuple((line or "").split()[1:])

    def contains(self, revision: str, commit: str) -> bool:
        """Whether a revision came from a commit; no if the clone does not reach back to it."""
        try:
            self._run("merge-base", "--is-ancestor", commit, revision)
        except HostingError:
            return False
        return True

    def merge_base(self, one: str, other: str) -> str | None:
        """The commit that both came from; None if the clone does not reach back to it."""
        return self._line("merge-base", one, other, fails=True)

    def read(self, revision: str, path: str) -> bytes | None:
        """A file of a commit, or with the empty revision of the index; None if there is none."""
        name = f"{revision}:{path}"
        # A directory or a submodule may have taken the file's place.
        if self._line("cat-file", "-t", name, fails=True) != "blob":
            return None
        return self._run("cat-file", "blob", name)

    def log(self, path: str, most: int, revision: str = "HEAD") -> list[Logged]:
        """The commits up to a revision that changed a file, the newest first."""
        form = "--format=%H%x00%ct%x00%an"
        said = self._run(
            "log",
            form,
            f"--max-count={most}",
            "--first-parent",
            "--end-of-options",
            revision,
            "--",
            f":(top,literal){path}",
        )
        # Not `splitlines`: a name may hold any of Unicode's other line ends.
        entries = (line.split("\0") for line in said.decode("utf-8", "replace").split("\n") if line)
        return [Logged(commit, _moment(seconds), author) for commit, seconds, author in entries]

    def read_all(self, names: Sequence[str]) -> Iterator[bytes | None]:
        """The contents of `REVISION:PATH` for each name; None where there is none.

        Git runs once for all, and only the content that is asked for next is held.
        """
        given = "".join(f"{name}\n" for name in names).encode()
        with self.streaming("cat-file", "--batch", given=given, extra={}) as (running, _):
            assert running.stdout is not None
            for name in names:
                head = running.stdout.readline().split()
                if not head:
                    raise HostingError(f"git stops before {name}", "look at the clone with `git fsck`")
                if len(head) != 3 or not head[2].isdigit():  # such as `NAME missing`
                    yield None
                    continue
                content = running.stdout.read(int(head[2]) + 1)[:-1]
                yield content if head[1] == b"blob" else None

    @property
    def shallow(self) -> bool:
        """Whether the clone does not reach back to the beginning."""
        return self._line("rev-parse", "--is-shallow-repository") == "true"

    def staged(self, path: str) -> bool:
        """Whether a path differs between the index and HEAD."""
        return bool(self._run("diff", "--cached", "--name-only", "--", f":(top,literal){path}").strip())

    def branch(self) -> str | None:
        """The branch that is checked out."""
        return self._line("symbolic-ref", "--short", "--quiet", "HEAD", fails=True)

    def fetch(self, branch: str) -> str | None:
        """The newest commit of a branch of the remote; None if there is no such branch. Its parent comes too.

        Raises Unreachable.
        """
        reference = f"refs/heads/{branch}"
        self._run("check-ref-format", reference, hint=f"{branch!r} is not a name for a branch")
        if self._remote == Remote("origin") and self._line("remote", "get-url", "origin", fails=True) is None:
            raise HostingError("this clone has no remote `origin`", "git remote add origin ADDRESS")
        try:
            # A fetch fails alike for a branch that is not there and for a remote that is not: the listing tells them
            # apart.
            heads = self._run("ls-remote", "--heads", self._remote.url, reference)
        except HostingError as error:
            raise Unreachable(error.message, _REACH) from error
        if not heads.strip():
            return None
        self._fetch(f"+{reference}:refs/voicectl/{branch}", depth=2)
        return self.commit_of(f"refs/voicectl/{branch}")

    def fetch_commit(self, commit: str) -> None:
        """Fetch one commit by its full id."""
        self._fetch(commit, depth=1)

    def _fetch(self, what: str, depth: int) -> None:
        # In a complete clone, a depth would cut off the history.
        limit = [f"--depth={depth}"] if self.shallow else []
        options = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", *limit]
        try:
            self._run("fetch", *options, self._remote.url, what)
        except HostingError as error:
            raise Unreachable(error.message, _REACH) from error

    def commit_file(self, path: str, data: bytes, message: str, *, parent: str | None) -> str:
        """Make a commit that differs from `parent` in one file; its id. Without a parent, it holds only that file."""
        blob = self._run("hash-object", "-w", "--stdin", given=data).decode().strip()
        with tempfile.TemporaryDirectory() as directory:
            # An index of its own: filters, links and staged changes of the checkout can't get into the commit.
            index = {"GIT_INDEX_FILE": str(Path(directory) / "index")}
            if parent is not None:
                self._run("read-tree", parent, extra=index)
            self._run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", extra=index)
            tree = self._run("write-tree", extra=index).decode().strip()
        start = ["-p", parent] if parent else []
        return (
            self._run("commit-tree", tree, *start, "-F", "-", given=message.encode(), extra=self._signature())
            .decode()
            .strip()
        )

    def push(self, commit: str, branch: str) -> None:
        """Make `commit` the tip of a branch, on top of what is there.

        Raises PushRefused if the remote says no, Unreachable if it says nothing.
        """
        # No hook of this clone runs: we made what we push.
        options = ("--quiet", "--no-verify", "--recurse-submodules=no")
        try:
            self._run("push", *options, self._remote.url, f"{commit}:refs/heads/{branch}")
        except HostingError as error:
            # A lost race can be merged and tried again; a remote that says nothing can't.
            kind = PushRefused if "rejected]" in error.message else Unreachable
            raise kind(error.message, _REACH) from error

    def _signature(self) -> dict[str, str]:
        if self._author is None and self._line("var", "GIT_COMMITTER_IDENT", fails=True):
            return {}
        name, address = self._author or _NOBODY
        return {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
                for what, value in (("NAME", name), ("EMAIL", address))}  # fmt: skip

    def setting(self, key: str) -> str | None:
        """A setting of this clone, its user and its machine; nothing that a commit can bring."""
        return self._line("config", "--get", key, fails=True)

    def settings_in(self, path: str) -> list[tuple[str, str]]:
        """The settings in a file of the checkout, of the index or of HEAD: the first that is there, as for git-lfs.

        All of them, in their order: a file may say one thing twice. It includes no other file.
        """
        for option, name in (("--file", str(self._top / path)), ("--blob", f":{path}"), ("--blob", f"HEAD:{path}")):
            if option == "--file":
                there = os.path.lexists(name)
            else:
                there = self._line("cat-file", "-t", name, fails=True) == "blob"
            if not there:
                continue
            listed = self._run("config", option, name, "--no-includes", "--null", "--list", hint=f"correct {path}")
            pairs = (entry.partition("\n") for entry in listed.decode("utf-8", "replace").split("\0") if entry)
            return [(key, value) for key, _, value in pairs]
        return []

    def remote_name(self) -> str:
        """The remote that git-lfs speaks to: the branch's own, else the only one, else `origin`."""
        branch = self.branch()
        of_branch = self.setting(f"branch.{branch}.remote") if branch else None
        remotes = self._run("remote").decode("utf-8", "replace").split()
        return of_branch or (remotes[0] if len(remotes) == 1 else "origin")

    @property
    def common_directory(self) -> Path:
        """Where this clone keeps its objects; worktrees share it."""
        return self._top / (self._line("rev-parse", "--git-common-dir") or ".git")

    @contextlib.contextmanager
    def streaming(
        self, *arguments: str, given: bytes, extra: dict[str, str]
    ) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
        """Git while it runs: its standard output is for reading, its messages go to the file beside it.

        The caller waits for it. It is ended if it still runs then, with what it started: Git ends its own children if
        it is asked to stop, and can't if it is killed.
        """
        with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as asked:
            asked.write(given)
            asked.seek(0)
            try:
                running = subprocess.Popen(
                    _command(*arguments),
                    cwd=self._top,
                    env=self._environment() | extra,
                    stdin=asked,
                    stdout=subprocess.PIPE,
                    stderr=told,
                )
            except OSError as error:
                raise HostingError(
                    f"git can't be run: {error.strerror or error}", "check what `git` is here"
                ) from error
            with running:
                try:
                    yield running, told
                finally:
                    running.terminate()
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        running.wait(_LAST_WORDS)
                    running.kill()

    def _environment(self) -> dict[str, str]:
        """Git's environment. Credentials go through it, because other users of a machine can read command lines."""
        # Nobody is there to answer a question, and `push` reads what Git says, so it says it in English.
        environment = os.environ | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        environment.pop("FISH_API_KEY", None)  # git and its helpers don't need it
        # A CI may have given Git settings in the same way: ours are added to them.
        given_already = os.environ.get("GIT_CONFIG_COUNT", "")
        first = int(given_already) if given_already.isdecimal() else 0
        for number, (key, value) in enumerate(self._remote.settings, first):
            environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        environment["GIT_CONFIG_COUNT"] = str(first + len(self._remote.settings))
        return environment

    def _line(self, *arguments: str, fails: bool = False) -> str | None:
        """The first line of what git says; None for nothing and, if it may fail, for a failure."""
        try:
            said = self._run(*arguments).decode("utf-8", "replace").splitlines()
        except HostingError:
            if not fails:
                raise
            return None
        return said[0].strip() or None if said else None

    def _run(self, *arguments: str, given: bytes = b"", extra: dict[str, str] | None = None, hint: str = "") -> bytes:
        """Run git."""
        try:
            done = subprocess.run(
                _command(*arguments),
                cwd=self._top,
                input=given,
                env=self._environment() | (extra or {}),
                capture_output=True,
                timeout=_TIMEOUT,
                check=False,
            )
        except FileNotFoundError as error:
            raise HostingError("git is not installed", "install it") from error
        except OSError as error:
            raise HostingError(f"git can't be run: {error.strerror or error}", "check what `git` is here") from error
        except subprocess.TimeoutExpired as error:
            raise HostingError(f"git {arguments[0]} took longer than {_TIMEOUT:.0f} s", "try again") from error
        if done.returncode:
            words = redacted(" ".join(done.stderr.decode("utf-8", "replace").split()))[-600:]
            raise HostingError(f"git {arguments[0]} failed: {words or 'without a message'}", hint)
        return done.stdout


def _moment(seconds: str) -> datetime:
    """A commit's time, which its author may have set to anything; the nearest that there is a date for."""
    latest = datetime.max.replace(tzinfo=UTC).timestamp()
    return datetime.fromtimestamp(min(max(int(seconds or 0), 0), latest - 1), UTC)


def _command(*arguments: str) -> list[str]:
    return ["git", *(word for setting in _SAFELY for word in ("-c", setting)), *arguments]


def _top_of(place: Path) -> Path:
    """The nearest directory at or above that holds `.git`, which no commit can contain. Raises HostingError."""
    for directory in (place, *place.parents):
        if os.path.lexists(directory / ".git"):
            return directory
    raise HostingError(f"{place} is in no checkout of a Git repository", _CLONE)
