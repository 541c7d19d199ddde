"""A GitHub to test with. What it refuses is the point: requests need the permissions that the real one documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.hosting.service import Service, Token, Values, git

BOT = {"login": "github-actions[bot]", "type": "Bot"}


class GitHubService(Service):
    """One repository there."""

    def __init__(self, directory: Path, name: str = "acme/voices") -> None:
        super().__init__(directory, name)
        self.sarif: list[Values] = []

    def workflow_token(self, permissions: Mapping[str, str]) -> str:
        return self.token(permissions, dict(BOT))

    def authenticated(self, headers: Mapping[str, str]) -> Token | None:
        words = headers.get("Authorization", "").split()
        return self.tokens.get(words[1]) if len(words) == 2 and words[0] == "Bearer" else None

    def open_pull(self, branch: str, title: str = "A change", *, fork: bool = False, user: Values | None = None) -> int:
        """A pull request from a branch that was pushed; a fork's lies under `fork/`."""
        with self.lock:
            number = next(self.numbers)
            author = user or {"login": "jane", "type": "User"}
            self.issues.append(
                {
                    "number": number, "title": title, "body": "", "state": "open", "user": author, "labels": [],
                    "pull_request": {}, "head": {"ref": branch, "fork": fork}, "base": {"ref": "main"},
                    "html_url": f"{self.url}/{self.name}/pull/{number}",
                }
            )  # fmt: skip
        return number

    def pull(self, number: int) -> Values:
        return next(issue for issue in self.issues if issue["number"] == number)

    def head(self, number: int) -> str:
        """The newest commit of a pull request, with its references brought up to date."""
        commit = self.tip(self.pull(number)["head"]["ref"])
        assert commit
        git(self.bare, "update-ref", f"refs/pull/{number}/head", commit)
        git(self.bare, "update-ref", f"refs/pull/{number}/merge", self.merge_commit(commit, f"Merge {number}"))
        return commit

    def merge(self, number: int) -> str:
        """What the green button does: a merge commit on main."""
        pull = self.pull(number)
        head = self.tip(pull["head"]["ref"])
        assert head
        commit = self.merge_commit(head, f"Merge pull request #{number}\n\n{pull['title']}")
        git(self.bare, "update-ref", "refs/heads/main", commit)
        pull["state"] = "closed"
        return commit

    def of_pull(self, number: int) -> list[Values]:
        return [comment for comment in self.comments if comment["issue"] == number]

    # What the REST interface does.

    def answer(self, method: str, path: str, query: Mapping[str, str], token: Token, body: Values) -> tuple[int, Any]:
        with self.lock:
            for wanted, pattern, work in self._routes():
                match = re.fullmatch(pattern, path)
                if match and wanted == method:
                    return work(token, query, body, *match.groups())
        return 404, {"message": "Not Found"}

    def _routes(self) -> list[tuple[str, str, Callable[..., tuple[int, Any]]]]:
        repo = f"/repos/{re.escape(self.name)}"
        return [
            ("GET", "/user", self._user),
            ("GET", rf"{repo}/issues/(\d+)/comments", self._list_comments),
            ("POST", rf"{repo}/issues/(\d+)/comments", self._add_comment),
            ("PATCH", rf"{repo}/issues/comments/(\d+)", self._edit_comment),
            ("DELETE", rf"{repo}/issues/comments/(\d+)", self._delete_comment),
            ("GET", rf"{repo}/issues", self._list_issues),
            ("POST", rf"{repo}/issues", self._add_issue),
            ("PATCH", rf"{repo}/issues/(\d+)", self._edit_issue),
            ("POST", rf"{repo}/code-scanning/sarifs", self._add_sarif),
        ]

    def _user(self, token: Token, query: Any, body: Any) -> tuple[int, Any]:
        if token.user["type"] == "Bot":
            return 403, {"message": "Resource not accessible by integration"}
        return 200, token.user

    def _kind(self, number: str) -> str:
        return "pull-requests" if "pull_request" in self.pull(int(number)) else "issues"

    def _list_comments(self, token: Token, query: Any, body: Any, number: str) -> tuple[int, Any]:
        if not token.may(self._kind(number), "read"):
            return _refused()
        return 200, self.of_pull(int(number))

    def _add_comment(self, token: Token, query: Any, body: Values, number: str) -> tuple[int, Any]:
        if not token.may(self._kind(number)):
            return _refused()
        if len(body["body"]) > 65536:
            return 422, {"message": "body is too long (maximum is 65536 characters)"}
        key = next(self.ids)
        comment = {"id": key, "issue": int(number), "body": body["body"], "user": token.user, "edits": 0,
                   "html_url": f"{self.url}/{self.name}/pull/{number}#issuecomment-{key}"}  # fmt: skip
        self.comments.append(comment)
        return 201, comment

    def _edit_comment(self, token: Token, query: Any, body: Values, key: str) -> tuple[int, Any]:
        comment = next((each for each in self.comments if each["id"] == int(key)), None)
        if comment is None or not token.may(self._kind(str(comment["issue"]))):
            return _refused()
        comment["body"] = body["body"]
        comment["edits"] += 1
        return 200, comment

    def _delete_comment(self, token: Token, query: Any, body: Any, key: str) -> tuple[int, Any]:
        self.comments = [each for each in self.comments if each["id"] != int(key)]
        return 204, None

    def _list_issues(self, token: Token, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        if not token.may("issues", "read"):
            return _refused()
        label, creator = query.get("labels"), query.get("creator")
        found = [issue for issue in self.issues if issue["state"] == query.get("state", "open")]
        found = [issue for issue in found if creator in (None, issue["user"]["login"])]
        return 200, [issue for issue in found if label is None or label in [each["name"] for each in issue["labels"]]]

    def _add_issue(self, token: Token, query: Any, body: Values) -> tuple[int, Any]:
        if not token.may("issues"):
            return _refused()
        number = next(self.numbers)
        issue = {"number": number, "title": body["title"], "body": body["body"], "state": "open", "user": token.user,
                 "labels": [{"name": name} for name in body.get("labels", [])], "edits": 0,
                 "html_url": f"{self.url}/{self.name}/issues/{number}"}  # fmt: skip
        self.issues.append(issue)
        return 201, issue

    def _edit_issue(self, token: Token, query: Any, body: Values, number: str) -> tuple[int, Any]:
        if not token.may("issues"):
            return _refused()
        issue = self.pull(int(number))
        issue.update(body)
        issue["edits"] = issue.get("edits", 0) + 1
        return 200, issue

    def _add_sarif(self, token: Token, query: Any, body: Values) -> tuple[int, Any]:
        if not token.may("security-events") or not token.may("actions", "read"):
            return _refused()
        self.sarif.append(body)
        return 202, {"id": "1"}


def _refused() -> tuple[int, Any]:
    return 403, {"message": "Resource not accessible by integration"}
