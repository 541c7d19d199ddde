"""GitLab, from inside a pipeline.

Facts: docs.gitlab.com, "Predefined CI/CD variables reference", "Notes API", "Issues API". A job's own token
may not write notes or issues, so a project access token comes in GITLAB_TOKEN.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import quote

from voicectl.hosting.port import Environment, HostingError, Job, NotAllowed, Post, Remote
from voicectl.hosting.rest import Rest

_HINT = "GITLAB_TOKEN needs the scopes api and write_repository, and at least the role Developer"


class GitLab:
    """Implements Hosting. Reads the variables of a job, and GITLAB_TOKEN."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._server = environment.get("CI_SERVER_URL") or "https://gitlab.com"
        self._project = environment.get("CI_PROJECT_ID", "")
        if not self._project.isdecimal():
            raise HostingError("CI_PROJECT_ID names no project", "run this inside a GitLab pipeline")

    @cached_property
    def _rest(self) -> Rest:
        token = self._environment.get("GITLAB_TOKEN", "")
        if not token:
            raise NotAllowed("GITLAB_TOKEN is not set", "give the project a masked variable with an access token")
        url = self._environment.get("CI_API_V4_URL") or f"{self._server}/api/v4"
        return Rest(url, {"PRIVATE-TOKEN": token}, hint=_HINT)

    @cached_property
    def _user(self) -> int | None:
        """Whose token it is."""
        user = self._rest.read("user")
        return user.get("id") if isinstance(user, dict) else None

    @property
    def job(self) -> Job:
        env = self._environment
        source = env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")
        return Job(
            branch=env.get("CI_COMMIT_BRANCH"),
            commit=source or env.get("CI_COMMIT_SHA"),
            url=env.get("CI_PIPELINE_URL"),
            pull_request=bool(self._number),
            # GitLab sets it only in pipelines of merged results.
            merged=bool(source),
        )

    @property
    def _number(self) -> str:
        """The merge request at hand; empty if there is none."""
        number = self._environment.get("CI_MERGE_REQUEST_IID", "")
        return number if number.isdecimal() else ""

    def base(self) -> str | None:
        return self._environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA") or None

    @property
    def remote(self) -> Remote:
        """How Git reaches the repository: without GITLAB_TOKEN by the job's own token, which may only read."""
        env = self._environment
        url = f"{self._server}/{quote(env.get('CI_PROJECT_PATH', ''))}.git"
        own = env.get("CI_JOB_TOKEN", "")
        user, token = ("oauth2", env["GITLAB_TOKEN"]) if env.get("GITLAB_TOKEN") else ("gitlab-ci-token", own)
        if not token:
            return Remote("origin")
        secret = base64.b64encode(f"{user}:{token}".encode()).decode()
        key = f"http.{self._server}/.extraheader"
        return Remote(url, ((key, ""), (key, f"Authorization: Basic {secret}")))

    @property
    def author(self) -> tuple[str, str]:
        return "voicectl", f"project_{self._project}_bot@noreply.{self._environment.get('CI_SERVER_HOST') or 'gitlab'}"

    def _path(self, *parts: str | int) -> str:
        return "/".join(["projects", self._project, *map(str, parts)])

    def _notes(self) -> tuple[str, str, str]:
        if not self._number:
            raise HostingError("this job belongs to no merge request", "use it in a merge request pipeline")
        return "merge_requests", self._number, "notes"

    def comments(self) -> Iterator[Post]:
        found = self._rest.pages(self._path(*self._notes()), {"order_by": "created_at", "sort": "asc"})
        return (_post(entry) for entry in found if self._ours(entry) and not entry.get("system"))

    def _ours(self, entry: dict[str, Any]) -> bool:
        author = entry.get("author")
        return self._user is not None and isinstance(author, dict) and author.get("id") == self._user

    def comment(self, body: str, post: Post | None) -> Post:
        path = self._path(*self._notes())
        if post is None:
            return _post(self._rest.write("POST", path, {"body": body}))
        return _post(self._rest.write("PUT", f"{path}/{post.id}", {"body": body}))

    def delete_comment(self, post: Post) -> None:
        self._rest.write("DELETE", self._path(*self._notes(), post.id))

    def issues(self) -> Iterator[Post]:
        """Our open issues, by author: a label may be gone."""
        if self._user is None:
            return iter(())
        params = {"state": "opened", "order_by": "created_at", "sort": "asc", "author_id": self._user}
        return (_post(entry) for entry in self._rest.pages(self._path("issues"), params) if self._ours(entry))

    def issue(self, title: str, body: str, label: str, post: Post | None) -> Post:
        values = {"title": title, "description": body}
        if post is None:
            return _post(self._rest.write("POST", self._path("issues"), values | {"labels": label}))
        return _post(self._rest.write("PUT", self._path("issues", post.id), values))

    def close_issue(self, post: Post, comment: str) -> None:
        self._rest.write("PUT", self._path("issues", post.id), {"state_event": "close"})
        self._rest.write("POST", self._path("issues", post.id, "notes"), {"body": comment})


def _post(entry: dict[str, Any]) -> Post:
    """A note is known by its id, an issue by its number within the project."""
    try:
        text = str(entry.get("body") or entry.get("description") or "")
        return Post(int(entry.get("iid") or entry["id"]), text, str(entry.get("web_url") or ""))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HostingError("voicectl does not understand GitLab's answer", "is CI_API_V4_URL right?") from error
