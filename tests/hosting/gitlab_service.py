"""A GitLab to test with: notes, issues and merge requests; and what a job's variables are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.hosting.service import Service, Token, Values

PROJECT = "42"


class GitLabService(Service):
    """One project there."""

    rest = "/api/v4"

    def authenticated(self, headers: Mapping[str, str]) -> Token | None:
        given = {name.lower(): value for name, value in headers.items()}
        return self.tokens.get(given.get("private-token", ""))

    def project_token(self) -> str:
        """A project access token with api and write_repository, role Developer."""
        rights = {"contents": "write", "api": "write"}
        return self.token(rights, {"id": 7, "username": "project_42_bot"})

    def answer(self, method: str, path: str, query: Mapping[str, str], token: Token, body: Values) -> tuple[int, Any]:
        if not token.may("api"):
            return 403, {"message": "403 Forbidden"}
        with self.lock:
            for wanted, pattern, work in self._routes():
                match = re.fullmatch(pattern, path)
                if match and wanted == method:
                    return work(token, query, body, *match.groups())
        return 404, {"message": "404 Not found"}

    def _routes(self) -> list[tuple[str, str, Callable[..., tuple[int, Any]]]]:
        project = f"/projects/{PROJECT}"
        return [
            ("GET", "/user", lambda token, *_: (200, token.user)),
            ("GET", rf"{project}/merge_requests/(\d+)/notes", self._list_notes),
            ("POST", rf"{project}/(?:merge_requests|issues)/(\d+)/notes", self._add_note),
            ("PUT", rf"{project}/merge_requests/(\d+)/notes/(\d+)", self._edit_note),
            ("GET", rf"{project}/issues", self._list_issues),
            ("POST", rf"{project}/issues", self._add_issue),
            ("PUT", rf"{project}/issues/(\d+)", self._edit_issue),
        ]

    def _list_notes(self, token: Token, query: Any, body: Any, number: str) -> tuple[int, Any]:
        return 200, [note for note in self.comments if note["noteable_iid"] == int(number)]

    def _add_note(self, token: Token, query: Any, body: Values, number: str) -> tuple[int, Any]:
        note = {"id": next(self.ids), "noteable_iid": int(number), "body": body["body"], "system": False,
                "author": token.user, "edits": 0}  # fmt: skip
        self.comments.append(note)
        return 201, note

    def _edit_note(self, token: Token, query: Any, body: Values, number: str, key: str) -> tuple[int, Any]:
        (note,) = [note for note in self.comments if note["id"] == int(key)]
        note["body"] = body["body"]
        note["edits"] += 1
        return 200, note

    def _list_issues(self, token: Token, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        found = [issue for issue in self.issues if issue["kind"] == "i" and issue["state"] == query["state"]]
        return 200, [issue for issue in found if query.get("author_id") in (None, str(issue["author"]["id"]))]

    def _add_issue(self, token: Token, query: Any, body: Values) -> tuple[int, Any]:
        number = next(self.numbers)
        issue = {"id": 1000 + number, "iid": number, "kind": "i", "title": body["title"], "author": token.user,
                 "description": body["description"], "labels": body["labels"].split(","), "state": "opened",
                 "web_url": f"{self.url}/{self.name}/-/issues/{number}"}  # fmt: skip
        self.issues.append(issue)
        return 201, issue

    def _edit_issue(self, token: Token, query: Any, body: Values, number: str) -> tuple[int, Any]:
        (issue,) = [issue for issue in self.issues if issue["iid"] == int(number)]
        if body.pop("state_event", None) == "close":
            issue["state"] = "closed"
        issue.update(body)
        return 200, issue
