"""GitHub, from inside a workflow.

Facts: docs.github.com, "Variables reference" (the environment), "REST API endpoints for issues", "… for issue
comments"; a comment on a pull request is an issue's comment.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from voicectl.hosting.port import Environment, HostingError, Job, NotAllowed, Post, Remote
from voicectl.hosting.rest import Rest

_HINT = "give the job `permissions:` that allow it (a pull request from a fork never has them)"
BOT = "github-actions[bot]"
"""Who a workflow's own token writes as."""
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_PULL = re.compile(r"refs/pull/(\d+)/")
_MERGE = re.compile(r"refs/pull/\d+/merge")


class GitHub:
    """Implements Hosting. Reads the variables of a workflow's run, and `GITHUB_TOKEN`."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._repository = environment.get("GITHUB_REPOSITORY", "")
        if not _REPOSITORY.fullmatch(self._repository):
            raise HostingError("GITHUB_REPOSITORY names no repository", "run this inside a GitHub workflow")
        self._server = environment.get("GITHUB_SERVER_URL") or "https://github.com"

    @cached_property
    def _event(self) -> dict[str, Any]:
        """The event that started the workflow."""
        try:
            with open(self._environment.get("GITHUB_EVENT_PATH", ""), encoding="utf-8") as file:
                event = json.load(file)
        except (OSError, ValueError):
            return {}
        return event if isinstance(event, dict) else {}

    @cached_property
    def _rest(self) -> Rest:
        token = self._environment.get("GITHUB_TOKEN", "")
        if not token:
            raise NotAllowed("GITHUB_TOKEN is not set", "give the step `GITHUB_TOKEN: ${{ github.token }}`")
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        return Rest(self._environment.get("GITHUB_API_URL") or "https://api.github.com", headers, hint=_HINT)

    @cached_property
    def _login(self) -> str | None:
        """The token's account; None if it may not ask, as a workflow's own and an App's (`GET /user`)."""
        try:
            return str(self._rest.read("user")["login"])
        except (NotAllowed, KeyError, TypeError):
            return None

    @property
    def _writer(self) -> str:
        """Who writes our posts. A token that may not ask is a bot's: the workflow's own, or the one named."""
        return self._login or self._environment.get("VOICECTL_BOT") or BOT

    def _ours(self, entry: dict[str, Any]) -> bool:
        return bool(_dict(entry.get("user")).get("login") == self._writer)

    @property
    def job(self) -> Job:
        env = self._environment
        pull = self._event.get("pull_request")
        head = _dict(_dict(pull).get("head")).get("sha")
        number = env.get("GITHUB_RUN_ID")
        return Job(
            branch=env.get("GITHUB_REF_NAME") if env.get("GITHUB_REF_TYPE") == "branch" and pull is None else None,
            commit=head if isinstance(head, str) else env.get("GITHUB_SHA"),
            url=f"{self._server}/{self._repository}/actions/runs/{number}" if number else None,
            pull_request=self._number is not None,
            merged=bool(_MERGE.fullmatch(env.get("GITHUB_REF", ""))),
        )

    @property
    def _number(self) -> int | None:
        """The pull request at hand."""
        number = _dict(self._event.get("pull_request")).get("number")
        found = _PULL.match(self._environment.get("GITHUB_REF", ""))
        return number if isinstance(number, int) else int(found[1]) if found else None

    def base(self) -> str | None:
        sha = _dict(_dict(self._event.get("pull_request")).get("base")).get("sha")
        return sha if isinstance(sha, str) else None

    @property
    def remote(self) -> Remote:
        """How Git reaches it. actions/checkout sends the same header; the empty one removes what that left."""
        url = f"{self._server}/{self._repository}.git"
        token = self._environment.get("GITHUB_TOKEN", "")
        if not token:
            return Remote(url)
        secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        key = f"http.{self._server}/.extraheader"
        return Remote(url, ((key, ""), (key, f"Authorization: Basic {secret}")))

    @property
    def author(self) -> tuple[str, str]:
        """The account behind a workflow's token."""
        return BOT, "41898282+github-actions[bot]@users.noreply.github.com"

    def _path(self, *parts: str | int) -> str:
        return "/".join(["repos", self._repository, *map(str, parts)])

    def comments(self) -> Iterator[Post]:
        if self._number is None:
            raise HostingError("this run belongs to no pull request", "use it in a workflow on pull_request")
        path = self._path("issues", self._number, "comments")
        return (_post(entry) for entry in self._rest.pages(path, {}) if self._ours(entry))

    def comment(self, body: str, post: Post | None) -> Post:
        if post is None:
            return _post(self._rest.write("POST", self._path("issues", self._number or 0, "comments"), {"body": body}))
        return _post(self._rest.write("PATCH", self._path("issues", "comments", post.id), {"body": body}))

    def delete_comment(self, post: Post) -> None:
        self._rest.write("DELETE", self._path("issues", "comments", post.id))

    def issues(self) -> Iterator[Post]:
        """Our open issues, by author: a label may be gone. The listing holds pull requests too."""
        params = {"state": "open", "sort": "created", "direction": "asc", "creator": self._writer}
        found = self._rest.pages(self._path("issues"), params)
        return (_post(entry) for entry in found if self._ours(entry) and "pull_request" not in entry)

    def issue(self, title: str, body: str, label: str, post: Post | None) -> Post:
        if post is None:
            values: dict[str, Any] = {"title": title, "body": body, "labels": [label]}
            return _post(self._rest.write("POST", self._path("issues"), values))
        return _post(self._rest.write("PATCH", self._path("issues", post.id), {"title": title, "body": body}))

    def close_issue(self, post: Post, comment: str) -> None:
        self._rest.write("PATCH", self._path("issues", post.id), {"state": "closed", "state_reason": "completed"})
        self._rest.write("POST", self._path("issues", post.id, "comments"), {"body": comment})


def _dict(value: object) -> dict[str, Any]:
    """A part of an answer or an event, which may be anything."""
    return value if isinstance(value, dict) else {}


def _post(entry: dict[str, Any]) -> Post:
    """A comment is known by its id, an issue by its number."""
    try:
        return Post(int(entry.get("number") or entry["id"]), str(entry.get("body") or ""), str(entry["html_url"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HostingError("voicectl does not understand GitHub's answer", "is GITHUB_API_URL right?") from error
