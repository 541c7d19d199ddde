"""What `voicectl ci` makes of a service: whose posts are ours, what was lost, what is answered instead of JSON."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Done, Project
from tests.hosting.github_service import GitHubService
from tests.hosting.gitlab_service import PROJECT, GitLabService
from tests.hosting.service import git
from voicectl.hosting import posts
from voicectl.hosting.github import GitHub
from voicectl.hosting.gitlab import GitLab
from voicectl.hosting.port import HostingError, NotAllowed, Post
from voicectl.hosting.posts import Subject
from voicectl.hosting.rest import Rest

ALL = {"contents": "write", "pull-requests": "write", "issues": "write"}
SUBJECT = Subject("plan", "", None)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[GitHubService]:
    with GitHubService(tmp_path / "service") as running:
        yield running


def github(service: GitHubService, token: str, **more: str) -> GitHub:
    number = service.open_pull("x") if not service.issues else 1
    return GitHub({
        "GITHUB_REPOSITORY": service.name, "GITHUB_SERVER_URL": service.url, "GITHUB_API_URL": f"{service.url}/api",
        "GITHUB_REF": f"refs/pull/{number}/merge", "GITHUB_TOKEN": token, **more,
    })  # fmt: skip


def comment(hosting: Any, text: str = "text", *, only_update: bool = False) -> Post | None:
    return posts.publish_comment(hosting, SUBJECT, text, only_update=only_update)


@pytest.mark.parametrize("user", [None, {"login": "jane", "type": "User"}, {"login": "app[bot]", "type": "Bot"}])
def test_only_our_own_comments_are_ours(service: GitHubService, user: dict[str, str] | None) -> None:
    """The workflow's token, a person's and an App's, each beside the same comment by everybody else."""
    others = [{"login": "github-actions[bot]", "type": "Bot"}, {"login": "jane", "type": "User"},
              {"login": "app[bot]", "type": "Bot"}, {"login": "stranger", "type": "User"}]  # fmt: skip
    token = service.token(ALL, user) if user else service.workflow_token(ALL)
    hosting = github(service, token, **({"VOICECTL_BOT": "app[bot]"} if user and user["type"] == "Bot" else {}))
    me = user or others[0]
    service.comments += [
        {"id": n, "issue": 1, "body": f"{SUBJECT.marker}\nold", "user": other, "edits": 0, "html_url": "x"}
        for n, other in enumerate(others, 1)
    ]
    comment(hosting)
    assert [each["edits"] for each in service.comments] == [int(other == me) for other in others]
    assert len(service.comments) == 4


def test_a_comment_far_down_is_found(service: GitHubService) -> None:
    hosting = github(service, service.workflow_token(ALL))
    stranger = {"login": "stranger", "type": "User"}
    service.comments += [
        {"id": n, "issue": 1, "body": "hm", "user": stranger, "edits": 0, "html_url": "x"} for n in range(350)
    ]
    comment(hosting, "first")
    comment(hosting, "second")
    assert len(service.comments) == 351
    assert "second" in service.comments[-1]["body"]


class Twice(GitHub):
    """Another run writes the same post between our look and our writing."""

    other: Callable[[], object] | None = None

    def comment(self, body: str, post: Post | None) -> Post:
        self._interrupt()
        return super().comment(body, post)

    def issue(self, title: str, body: str, label: str, post: Post | None) -> Post:
        self._interrupt()
        return super().issue(title, body, label, post)

    def _interrupt(self) -> None:
        other, self.other = self.other, None
        if other:
            other()


def twice(service: GitHubService) -> Twice:
    return Twice(dict(github(service, service.workflow_token(ALL))._environment))


def test_of_two_runs_that_comment_at_once_one_comment_stays(service: GitHubService) -> None:
    slow = twice(service)
    slow.other = lambda: comment(github(service, service.workflow_token(ALL)), "quick")
    comment(slow, "slow")
    (only,) = service.comments
    assert "slow" in only["body"]


def test_of_two_audits_at_once_one_issue_stays_open(service: GitHubService) -> None:
    slow = twice(service)
    hosting = github(service, service.workflow_token(ALL))
    slow.other = lambda: posts.publish_issue(hosting, SUBJECT, "drift", "quick")
    posts.publish_issue(slow, SUBJECT, "drift", "slow")
    issues = [issue for issue in service.issues if "pull_request" not in issue]
    assert [issue["state"] for issue in issues] == ["open", "closed"]
    assert "slow" in issues[0]["body"]


def test_an_issue_is_known_by_its_marker_also_without_its_label(service: GitHubService) -> None:
    hosting = github(service, service.workflow_token(ALL))
    posts.publish_issue(hosting, SUBJECT, "drift", "one")
    service.issues[-1]["labels"] = []
    posts.publish_issue(hosting, SUBJECT, "drift", "two")
    assert len([issue for issue in service.issues if "pull_request" not in issue]) == 1
    assert len(posts.close_issue(hosting, SUBJECT)) == 1
    assert posts.close_issue(hosting, SUBJECT) == []


def test_an_issue_whose_answer_was_lost_is_not_opened_twice(service: GitHubService) -> None:
    hosting = github(service, service.workflow_token(ALL))
    service.faults.lose_posts = 1
    posts.publish_issue(hosting, SUBJECT, "drift", "one")
    assert len([issue for issue in service.issues if "pull_request" not in issue]) == 1


def test_names_that_look_alike_have_markers_of_their_own() -> None:
    subjects = [
        ("a/", "b"),
        ("a/ b", None),
        ("x--y", None),
        ("x- -y", None),
        ("a-->b", None),
        ("a\nb/", None),
        ("", "-"),
    ]
    markers = [Subject("plan", project, environment).marker for project, environment in subjects]
    assert len(set(markers)) == len(markers)
    for marker in markers:
        assert marker.count("-->") == 1
        assert "\n" not in marker


def test_a_report_that_is_too_long_is_cut_where_a_page_still_holds_together(service: GitHubService) -> None:
    hosting = github(service, service.workflow_token(ALL))
    comment(hosting, "````text\n" + "a line of the plan\n" * 9000 + "````\n")
    body = service.comments[0]["body"]
    assert len(body) < 65536
    assert body.count("````") == 2
    assert body.index("**Cut here:**") > body.rindex("````")
    comment(hosting, "plain text\n" * 9000)
    assert "```" not in service.comments[0]["body"]


def test_gitlab_takes_only_its_own_notes(tmp_path: Path) -> None:
    with GitLabService(tmp_path / "service") as service:
        address = {"CI_SERVER_URL": service.url, "CI_API_V4_URL": f"{service.url}/api/v4", "CI_PROJECT_ID": PROJECT}
        hosting = GitLab({**address, "CI_MERGE_REQUEST_IID": "3", "GITLAB_TOKEN": service.project_token()})
        copy = {"id": 1, "noteable_iid": 3, "body": SUBJECT.marker, "system": False, "author": {"id": 8}, "edits": 0}
        service.comments.append(copy)
        comment(hosting, "first")
        comment(hosting, "second")
        assert copy["edits"] == 0
        assert len(service.comments) == 2


Answer = tuple[int, dict[str, str], bytes]


class Scripted:
    """A service that gives one answer after the other, and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        left = list(answers)
        asked: list[str] = []
        self.asked = asked

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                asked.append(self.path)
                status, headers, data = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET  # noqa: N815

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    made: list[Scripted] = []

    def make(*answers: Answer) -> Scripted:
        made.append(Scripted(*answers))
        return made[-1]

    yield make
    for each in made:
        each.server.shutdown()
        each.server.server_close()


def rest(url: str, pauses: list[float] | None = None, now: float = 0.0) -> Rest:
    """A service whose clock only moves while it is waited for."""
    slept: list[float] = pauses if pauses is not None else []
    return Rest(
        url,
        {"Authorization": "Bearer token"},
        hint="permissions",
        sleep=slept.append,
        clock=lambda: sum(slept, 0.0),
        now=lambda: now,
    )


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((200, {}, b"<html>please log in</html>"), HostingError, "does not understand the answer"),
        ((200, {}, b""), HostingError, "does not understand the answer"),
        ((200, {}, b'{"not": "a list"}'), HostingError, "does not understand the answer"),
        ((401, {}, b'{"message": "Bad credentials"}'), NotAllowed, "Bad credentials"),
        ((403, {}, b"{}"), NotAllowed, "403"),
        ((404, {}, b"[]"), NotAllowed, "404"),
        ((403, {"x-ratelimit-remaining": "0"}, b"{}"), HostingError, "403"),
        ((403, {"retry-after": "3600"}, b"{}"), HostingError, "403"),
        ((302, {"location": "http://elsewhere"}, b""), HostingError, "302"),
        ((422, {}, b'{"message": "no"}'), HostingError, "422: no"),
        ((500, {}, b""), HostingError, "500"),
    ],
)
def test_whatever_is_answered_is_told(
    scripted: Callable[..., Scripted], answer: Answer, kind: type[HostingError], words: str
) -> None:
    with pytest.raises(HostingError, match=words) as told:
        list(rest(scripted(answer).url).pages("list", {}))
    assert type(told.value) is kind
    assert told.value.hint


def test_a_service_that_is_busy_is_waited_for_as_long_as_it_asks(scripted: Callable[..., Scripted]) -> None:
    busy: list[Answer] = [(403, {"retry-after": "7"}, b"{}"), (429, {}, b""), (503, {}, b""), (200, {}, b"[1]")]
    service, pauses = scripted(*busy), list[float]()
    assert rest(service.url, pauses).read("x") == [1]
    assert pauses[0] >= 7
    assert len(pauses) == 3


def test_a_rate_limit_is_waited_for_until_it_ends(scripted: Callable[..., Scripted]) -> None:
    moment = 1_700_000_000
    spent = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(moment + 45)}
    for status in (403, 429):
        service, pauses = scripted((status, spent, b"{}"), (200, {}, b"[1]")), list[float]()
        assert rest(service.url, pauses, now=moment).read("x") == [1]
        assert 45 <= sum(pauses) < 50
    late = {**spent, "x-ratelimit-reset": str(moment + 3600)}
    service, pauses = scripted((403, late, b'{"message": "API rate limit exceeded"}')), []
    with pytest.raises(HostingError, match="rate limit exceeded"):
        rest(service.url, pauses, now=moment).read("x")
    assert pauses == []


def test_a_post_is_sent_again_only_if_its_rate_was_refused(scripted: Callable[..., Scripted]) -> None:
    service, pauses = scripted((429, {"retry-after": "7"}, b"{}"), (201, {}, b'{"id": 1}')), list[float]()
    assert rest(service.url, pauses).write("POST", "x", {}) == {"id": 1}
    assert len(pauses) == 1
    service = scripted((503, {"retry-after": "7"}, b""))
    with pytest.raises(HostingError, match="503"):
        rest(service.url).write("POST", "x", {})
    assert len(service.asked) == 1


def test_issues_are_asked_for_by_author(scripted: Callable[..., Scripted]) -> None:
    service = scripted((200, {}, b"[]"))
    hub = GitHub({"GITHUB_REPOSITORY": "acme/voices", "GITHUB_TOKEN": "t", "GITHUB_API_URL": service.url})
    assert list(hub.issues()) == []
    assert "creator=github-actions%5Bbot%5D" in service.asked[-1]
    service = scripted((200, {}, b'{"id": 7}'), (200, {}, b"[]"))
    lab = GitLab({"CI_PROJECT_ID": "42", "GITLAB_TOKEN": "t", "CI_API_V4_URL": service.url})
    assert list(lab.issues()) == []
    assert "author_id=7" in service.asked[-1]


def test_a_service_is_waited_for_as_long_as_a_restart_takes_and_no_longer(scripted: Callable[..., Scripted]) -> None:
    service, pauses = scripted((503, {}, b"")), list[float]()
    with pytest.raises(HostingError, match="503"):
        rest(service.url, pauses).read("x")
    assert 119 < sum(pauses) < 121
    assert len(service.asked) == len(pauses) + 1


@pytest.mark.parametrize(
    "where", ["http://elsewhere.example/next", "https://127.0.0.1/next", "http://127.0.0.1:1/next"]
)
def test_a_listing_does_not_carry_the_token_elsewhere(scripted: Callable[..., Scripted], where: str) -> None:
    service = scripted((200, {"link": f'<{where}>; rel="next"'}, b"[{}]"))
    with pytest.raises(HostingError, match="another host"):
        list(rest(service.url).pages("list", {}))
    assert len(service.asked) == 1


@pytest.mark.parametrize("token", ["tökén", "a\n", " a"])
def test_a_token_that_is_none(token: str) -> None:
    with pytest.raises(HostingError, match="that tokens don't have"):
        Rest("http://127.0.0.1", {"PRIVATE-TOKEN": token}, hint="")


@pytest.mark.parametrize("url", ["nonsense", "http://a\nb", "", "ftp://a"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(HostingError, match="is not the address"):
        Rest(url, {}, hint="")


EVENTS: list[Any] = [
    {"pull_request": "x"}, {"pull_request": {"number": 1, "head": "x", "base": 3}}, [],
    {"pull_request": {"head": {"sha": 5}}}, {"pull_request": None}, "x",
    {"pull_request": {"number": "1", "base": {"sha": []}}},
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=[str(number) for number in range(len(EVENTS))])
def test_any_event_can_be_read(event: Any, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(json.dumps(event), encoding="utf-8")
    hosting = GitHub({"GITHUB_REPOSITORY": "a/b", "GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_SHA": "s"})
    assert hosting.job.commit == "s"
    assert hosting.base() is None


# Commands, as processes.


def repository(project: Project) -> None:
    project.voices({"a": {}})
    git(project.root, "init", "-q", "-b", "main")
    git(project.root, "init", "-q", "--bare", "-b", "main", "../remote.git")
    git(project.root, "remote", "add", "origin", "../remote.git")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "voices")
    git(project.root, "push", "-q", "origin", "main")


def test_an_old_lockfile_never_wins_over_a_newer_one(project: Project, tmp_path: Path) -> None:
    """A checkout that is used again pushes what it has; what others pushed meanwhile stays."""
    repository(project)
    project.voices({"a": {}, "extra": {}})
    project.apply()
    project.run("ci", "push-lockfile").expect(0)
    other = Project(tmp_path / "other", project.environ)
    git(tmp_path, "clone", "-q", "remote.git", "other")
    other.voices({"a": {"title": "Newer"}})
    other.config(policy={"max_deletes": 9})
    other.apply()
    other.run("ci", "push-lockfile").expect(0)
    assert "nothing new" in project.run("ci", "push-lockfile").expect(0).err
    lock = json.loads(git(tmp_path / "remote.git", "show", "main:voicectl.lock.json"))
    assert lock["voices"]["a"]["applied"]["title"] == "Newer"
    assert "extra" not in lock["voices"]


def test_a_checkout_that_is_set_back_takes_nothing_away(project: Project, service: GitHubService) -> None:
    """A runner that keeps its directory: `git checkout --force` puts main's old lockfile back, our notes stay."""
    repository(project)
    git(project.root, "push", "-q", str(service.bare), "main")
    project.environ |= {
        "GITHUB_ACTIONS": "true", "GITHUB_TOKEN": service.workflow_token(ALL), "GITHUB_REPOSITORY": service.name,
        "GITHUB_SERVER_URL": service.url, "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch",
        "GITHUB_API_URL": f"{service.url}/api", "GITHUB_REF": "refs/heads/main",
    }  # fmt: skip
    project.apply()
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "first lockfile")
    git(project.root, "push", "-q", str(service.bare), "main")
    project.voices({"a": {}, "b": {}})
    for _ in range(2):
        project.run("ci", "fetch-lockfile", "--way", "branch").expect(0)
        project.apply()
        project.run("ci", "push-lockfile", "--way", "branch").expect(0)
        git(project.root, "checkout", "-q", "--force", "HEAD", "--", "voicectl.lock.json")
    branch = "voicectl/lockfiles"
    assert set(json.loads(git(service.bare, "show", f"{branch}:voicectl.lock.json"))["voices"]) == {"a", "b"}
    project.run("ci", "push-lockfile", "--way", "branch").expect(0)
    assert set(json.loads(git(service.bare, "show", f"{branch}:voicectl.lock.json"))["voices"]) == {"a", "b"}


def test_a_persons_edit_is_not_pushed_for_them(project: Project) -> None:
    repository(project)
    project.apply()
    text = project.lock_path.read_text(encoding="utf-8")
    project.lock_path.write_text(text.replace('"protect": false', '"protect": true'), encoding="utf-8")
    done = project.run("ci", "push-lockfile").expect(3)
    assert "was changed by hand" in done.err
    assert "git checkout HEAD -- voicectl.lock.json" in done.err


def test_a_link_in_place_of_the_lockfile_is_not_written_through(project: Project, tmp_path: Path) -> None:
    repository(project)
    project.config(environments={"one": {}})
    project.environ["VOICECTL_ENV"] = "one"
    project.apply()
    project.run("ci", "push-lockfile", "--way", "branch").expect(0)
    path = project.root / "voicectl.one.lock.json"
    path.unlink()
    path.symlink_to(tmp_path / "outside.json")
    done = project.run("ci", "fetch-lockfile", "--way", "branch").expect(1)
    assert "'voicectl.one.lock.json' is outside the project" in done.err
    assert not (tmp_path / "outside.json").exists()


def test_who_has_said_nothing_commits_as_voicectl(project: Project, tmp_path: Path) -> None:
    repository(project)
    project.apply()
    project.environ |= {"HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    git(project.root, "config", "user.useConfigOnly", "true")
    project.run("ci", "push-lockfile").expect(0)
    assert (
        git(tmp_path / "remote.git", "log", "-1", "--format=%an %ae", "main").strip() == "voicectl voicectl@localhost"
    )


def test_no_token_stands_on_a_command_line_or_in_the_clone(project: Project, tmp_path: Path) -> None:
    repository(project)
    project.apply()
    with GitHubService(tmp_path / "service") as service:
        git(project.root, "push", "-q", str(service.bare), "main")
        real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
        spy = tmp_path / "bin" / "git"
        spy.parent.mkdir()
        spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{tmp_path}/argv\nexec {real} "$@"\n')
        spy.chmod(spy.stat().st_mode | stat.S_IXUSR)
        token = service.workflow_token(ALL)
        project.environ |= {
            "PATH": f"{spy.parent}:{os.environ['PATH']}", "GITHUB_ACTIONS": "true", "GITHUB_TOKEN": token,
            "GITHUB_REPOSITORY": service.name, "GITHUB_SERVER_URL": service.url, "GITHUB_REF_NAME": "main",
            "GITHUB_API_URL": f"{service.url}/api", "GITHUB_REF_TYPE": "branch", "GITHUB_REF": "refs/heads/main",
        }  # fmt: skip
        done = project.run("ci", "push-lockfile").expect(0)
        assert service.pushes == 1
        lines = (tmp_path / "argv").read_text(encoding="utf-8")
        assert "push --quiet" in lines
        everywhere = lines + done.out + done.err + (project.root / ".git/config").read_text(encoding="utf-8")
        assert token not in everywhere
        assert "Authorization" not in everywhere
        assert "github-actions[bot]" in git(service.bare, "log", "-1", "--format=%an", "main")
        # What the service says of a token that may not push holds none either.
        service.tokens[token].permissions = {"contents": "read"}
        project.voices({"a": {"title": "More"}})
        project.apply()
        refused = project.run("ci", "push-lockfile").expect(1)
        assert token not in refused.err


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"x" * 70_000])
def test_any_file_can_be_a_report(service: GitHubService, project: Project, content: bytes) -> None:
    repository(project)
    service.open_pull("x")
    (project.root / "report.md").write_bytes(content)
    environ = github(service, service.workflow_token(ALL))._environment
    project.environ |= {**environ, "GITHUB_ACTIONS": "true"}
    done: Done = project.run("ci", "comment", "report.md", "--exit-code", "2")
    done.expect(0)
    assert len(service.comments) == 1
    assert project.run("ci", "comment", "missing.md", "--exit-code", "2").expect(1).err.count("can't be read") == 2


def test_a_git_that_cannot_run(project: Project, tmp_path: Path) -> None:
    repository(project)
    broken = tmp_path / "bin" / "git"
    broken.parent.mkdir()
    broken.write_text("not a program")
    for mode, words in ((0o755, "git can't be run"), (0o644, "git")):
        broken.chmod(mode)
        project.environ["PATH"] = str(broken.parent)
        done = project.run("ci", "push-lockfile").expect(1)
        assert words in done.err
        assert "bug" not in done.err
